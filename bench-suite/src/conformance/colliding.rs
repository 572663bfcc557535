//! Keys that all have one hash.

use std::hash::{Hash, Hasher};

/// A key that differs from the others, but not in its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Colliding(pub(super) usize);

impl Hash for Colliding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(0);
    }
}

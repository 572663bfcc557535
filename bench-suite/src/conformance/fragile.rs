//! Keys and values that panic where they are told to: in `Hash`, in `Eq`, in `Clone`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::payload::Payload;

/// Where the next panic of a [`Fragile`] comes from.
#[derive(Clone, Default)]
pub(super) struct Fuses {
    pub(super) hash: Arc<AtomicBool>,
    pub(super) eq: Arc<AtomicBool>,
    pub(super) clone: Arc<AtomicBool>,
}

/// Panics if the fuse is lit, and so puts it out.
pub(super) fn burn(fuse: &AtomicBool) {
    if fuse.swap(false, Relaxed) {
        panic_any(Payload(0));
    }
}

/// A key or value with fuses.
pub(super) struct Fragile(pub(super) usize, pub(super) Fuses);

impl fmt::Debug for Fragile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        burn(&self.1.clone);
        Fragile(self.0, self.1.clone())
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Self) -> bool {
        burn(&self.1.eq);
        self.0 == other.0
    }
}

impl Eq for Fragile {}

impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(&self.1.hash);
        state.write_usize(self.0);
    }
}

//! Keys and values that are counted, so that one that is left behind, or dropped twice, is seen.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};

/// How many values of a kind are alive. Clones are the same count.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicIsize>);

impl Alive {
    /// One more.
    pub(super) fn one(&self) -> Counted {
        self.0.fetch_add(1, SeqCst);
        Counted(self.clone())
    }

    pub(super) fn count(&self) -> isize {
        self.0.load(SeqCst)
    }
}

/// A value that is counted.
pub(super) struct Counted(Alive);

/// A key that is counted.
#[derive(Clone)]
pub(super) struct CountedKey(pub(super) usize, #[expect(dead_code, reason = "it counts")] Counted);

impl Alive {
    pub(super) fn key(&self, key: usize) -> CountedKey {
        CountedKey(key, self.one())
    }
}

impl fmt::Debug for CountedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl PartialEq for CountedKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for CountedKey {}

impl Hash for CountedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.0);
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.one()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

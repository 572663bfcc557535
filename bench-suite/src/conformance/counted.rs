//! Values that are counted, so that one that is left behind, or dropped twice, is seen.

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

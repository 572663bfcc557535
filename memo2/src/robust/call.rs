//! A call of `f`, as `f` sees it.

use std::fmt;

use super::running::Running;
use crate::sync::Arc;

/// A call of `f` in flight, as `f` sees it. Through it, `f` asks for other keys and
/// learns when to stop.
///
/// A call is the computation of one key. It is not tied to a thread: `f` may hand clones
/// of it to the threads that work for it, and what they ask for counts as asked for by
/// this call. When `f` has returned, the call has ended. Threads that still have a clone
/// may continue to ask. They then ask as callers from outside, and no call waits for
/// them.
// ANCHOR: call
#[derive(Clone)]
pub struct Call {
    pub(super) running: Arc<Running>,
}

impl Call {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Call { running }
    }

    /// Whether `f` should stop, because no caller wants its value any more. `true` is
    /// final: no caller gets what `f` returns after that. After `f` has returned, the
    /// answer no longer changes.
    pub fn is_cancelled(&self) -> bool {
        self.running.told_to_stop()
    }
}
// ANCHOR_END: call

impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Call").field("key", &self.running.key).finish_non_exhaustive()
    }
}

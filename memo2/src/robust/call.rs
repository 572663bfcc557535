//! A call, as `f` knows it.

use std::fmt;

use super::running::Running;
use crate::sync::Arc;

// ANCHOR: call
/// The call of `f` that is being made, as `f` knows it: `f` asks for other keys through
/// it, and learns from it when to stop.
///
/// It stands for the computation of one key, and not for a thread. `f` may hand clones of
/// it to the threads that work for it, and what they ask for counts as asked for by this
/// call. When `f` has returned, the call has ended. Threads that still have a clone may
/// go on asking: they then ask as callers from outside, for which no call waits.
#[derive(Clone)]
pub struct Call {
    pub(super) running: Arc<Running>,
}

impl Call {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Call { running }
    }

    /// Whether `f` should stop, because no caller wants its value any more. This is
    /// final: what `f` returns after that is thrown away. After `f` has returned the
    /// answer stays as it is.
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

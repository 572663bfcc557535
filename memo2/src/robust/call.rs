//! A call, as `f` knows it.

use std::fmt;
use std::hash::Hash;

use super::running::Running;
use super::terms::Terms;
use super::{Error, Memo, Until};
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
    running: Arc<Running>,
}

impl Call {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Call { running }
    }

    /// The value of `key` in `memo`, this call's own memo or any other, like
    /// [`Memo::get`].
    ///
    /// # Errors
    ///
    /// [`Error::Cycle`] if the call that makes that value waits for this one, in one step
    /// or through others: both would wait forever. [`Error::Cancelled`] if this call has
    /// been told to stop.
    ///
    /// # Panics
    ///
    /// As [`Memo::get`].
    pub fn get<K, V, F>(&self, memo: &Memo<K, V, F>, key: &K) -> Result<V, Error>
    where
        K: Hash + Eq + Clone + fmt::Debug,
        V: Clone,
        F: Fn(&Call, &K) -> V,
    {
        self.get_until(memo, key, Until::default())
    }

    /// The same, `until` something of this call's own; compare [`Memo::get_until`].
    ///
    /// # Errors
    ///
    /// As [`get`](Call::get), and as [`Memo::get_until`].
    ///
    /// # Panics
    ///
    /// As [`Memo::get`].
    pub fn get_until<K, V, F>(&self, memo: &Memo<K, V, F>, key: &K, until: impl Into<Until>) -> Result<V, Error>
    where
        K: Hash + Eq + Clone + fmt::Debug,
        V: Clone,
        F: Fn(&Call, &K) -> V,
    {
        memo.ask(key, &Terms::new(until.into(), Some(self.running.clone())))
    }

    /// Whether `f` should stop, because no caller wants its value any more. This is
    /// final: what `f` returns after that is thrown away. After `f` has returned the
    /// answer stays as it is.
    pub fn is_cancelled(&self) -> bool {
        self.running.is_stopped()
    }
}
// ANCHOR_END: call

impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Call").field("key", &self.running.key).finish_non_exhaustive()
    }
}

//! A call, as `f` knows it.

use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use super::running::Running;
use super::until::{Terms, Until};
use super::{Error, Memo};
use crate::sync::Arc;

// ANCHOR: call
/// The call of `f` that is being made, as `f` knows it: whom it asks other keys through, and who tells it to stop.
///
/// It is the identity of whatever computes this key, and not that of a thread: `f` may hand clones of it to the threads
/// that work for it, and what they ask for counts as asked for by this call.
#[derive(Clone)]
pub struct Call {
    running: Arc<Running>,
}

impl Call {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Call { running }
    }

    /// The value of `key` in `memo`, this call's own memo or any other, like [`Memo::get`].
    ///
    /// # Errors
    ///
    /// [`Error::Cycle`] if the call that makes that value waits for this one, in one step or through others: it would
    /// wait for ever. [`Error::Cancelled`] if this call has been told to stop.
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

    /// Whether `f` may as well stop: everybody who wanted its value has gone. Once this is true it remains so, and
    /// whatever `f` returns is thrown away.
    pub fn is_cancelled(&self) -> bool {
        self.running.is_stopped(Instant::now())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Call").field("key", &self.running.key).finish_non_exhaustive()
    }
}
// ANCHOR_END: call

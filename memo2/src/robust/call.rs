//! A call of `f`: who wants its value, and how it ends.

use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use super::until::{Over, Terms, Until};
use super::{Error, Memo, Token};
use crate::sync::{Arc, Condvar, Mutex};

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

// ANCHOR: running
/// What a call is to everybody else, whatever the types of its key and value.
///
/// Wanted is a call as long as somebody waits for it, or its leader's terms last. When neither is so any more, it is
/// told to stop, and for good: whoever comes after that waits for its end, and then makes a call anew. So nobody gets
/// the value of a call that was told to stop, and no call begins while the one before it goes on.
pub(super) struct Running {
    /// The key, in words.
    pub(super) key: String,
    /// For how long the leader wants the value.
    leader: Terms,
    state: Mutex<State>,
    /// Waiters sleep here.
    changed: Condvar,
    /// Cancelled when `f` is told to stop; what `f` waits for in other calls is limited by it.
    pub(super) stop: Token,
}

#[derive(Default)]
struct State {
    waiters: usize,
    told_to_stop: bool,
    over: bool,
    /// How often somebody's terms may have ended. A waiter that saw an earlier number does not sleep.
    nudges: u64,
}

impl Running {
    pub(super) fn new(key: String, leader: Terms) -> Self {
        let (state, changed) = (Mutex::new(State::default()), Condvar::new());
        Running { key, leader, state, changed, stop: Token::new() }
    }

    /// Takes one more waiter, who must [`leave`](Running::leave) or see the end. Not if it is over.
    pub(super) fn join(&self) -> bool {
        let mut state = self.state.lock();
        if state.over {
            return false;
        }
        state.waiters += 1;
        true
    }

    /// A waiter goes without having seen the end.
    pub(super) fn leave(&self) {
        self.state.lock().waiters -= 1;
        if self.tell_if_unwanted(Instant::now()) {
            self.stop.cancel();
        }
    }

    /// Sleeps until the call is over, or the waiter's `terms` are: whoever can end those must nudge this call by now,
    /// see [`Terms::listen`].
    pub(super) fn wait(&self, terms: &Terms) -> Result<(), Over> {
        let mut state = self.state.lock();
        while !state.over {
            let seen = state.nudges;
            drop(state);
            // No lock is held while others are taken. What changes meanwhile is a nudge, and is not missed.
            let now = Instant::now();
            if let Some(over) = terms.over_at(now) {
                return Err(over);
            }
            let next = terms.next_after(now);
            state = self.state.lock();
            if !state.over && state.nudges == seen {
                match next {
                    Some(next) => _ = self.changed.wait_until(&mut state, next),
                    None => self.changed.wait(&mut state),
                }
            }
        }
        Ok(())
    }

    /// Something has been cancelled that limits this call's leader or one of its waiters, who wake up and see.
    pub(super) fn nudge(&self) {
        self.state.lock().nudges += 1;
        self.changed.notify_all();
    }

    /// Whether it has been told to stop. If nobody wants its value at this time, it is told now.
    pub(super) fn is_stopped(&self, now: Instant) -> bool {
        if self.tell_if_unwanted(now) {
            self.stop.cancel();
        }
        self.state.lock().told_to_stop
    }

    /// Whether this is the moment in which it is told to stop. Then whoever asks must cancel what listens to that.
    pub(super) fn tell_if_unwanted(&self, now: Instant) -> bool {
        if self.state.lock().told_to_stop {
            return false;
        }
        // The leader's terms may be those of a call that it is made for, and so on. Without a lock, since those have
        // locks.
        let unwanted = self.leader.over_at(now).is_some();
        let mut state = self.state.lock();
        let told = unwanted && state.waiters == 0 && !state.over && !state.told_to_stop;
        state.told_to_stop |= told;
        told
    }

    /// Why it was told to stop, if it was.
    pub(super) fn stopped(&self) -> Option<Over> {
        let told = self.state.lock().told_to_stop;
        told.then(|| self.leader.over().unwrap_or(Over::Cancelled))
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Wakes all who wait.
    pub(super) fn end(&self) {
        self.state.lock().over = true;
        self.changed.notify_all();
    }

    /// How many wait, if it is not over; and whether it was told to stop.
    pub(super) fn in_flight(&self) -> Option<(usize, bool)> {
        let state = self.state.lock();
        (!state.over).then_some((state.waiters, state.told_to_stop))
    }

    pub(super) fn leader(&self) -> &Terms {
        &self.leader
    }
}
// ANCHOR_END: running

//! A call, as everybody else knows it: who wants its value, and how it ends.

use std::time::Instant;

use super::Token;
use super::until::{Over, Terms};
use crate::sync::{Condvar, Mutex};

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

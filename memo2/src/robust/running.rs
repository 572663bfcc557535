//! A call, as other threads see it: which callers want its value, and how it ends.

use std::collections::BTreeMap;
use std::time::Instant;

use super::token::Token;
use super::until::Expired;
use super::waiter::Waiter;
use crate::sync::{Arc, Mutex};

/// A call of `f`, whatever the types of its key and value.
///
/// A call is *wanted* while it has a waiter, or while its leader's limits have not
/// expired. When it is no longer wanted it is told to stop. This is final: a caller that
/// asks later waits for the end of the call and then makes a new one. So no caller gets
/// the value of a call that was told to stop, and two calls for a key do not overlap,
/// unless the key is forgotten.
///
/// News travels down from caller to call when it happens. A cancelled token marks the
/// leader's limit as expired in the calls that it limits. A call that is told to stop
/// does the same to the calls that it has asked for. So the question "am I cancelled?"
/// reads one flag, however deep the calls are nested. Only time sends no news, so each
/// call knows when it must next look at the clock.
pub(super) struct Running {
    /// The key, as its `Debug` writes it.
    pub(super) key: String,
    /// Cancelled when the call is told to stop. The calls and the waiters that `f` has
    /// asked for listen to it.
    pub(super) stop: Token,
    state: Mutex<State>,
}

// ANCHOR: running
struct State {
    /// The keys are the numbers of their [`Seat`]s.
    waiters: BTreeMap<u64, Arc<Waiter>>,
    next_seat: u64,
    leader: Leader,
    told_to_stop: bool,
    ended: bool,
}

/// What limits how long the leader wants the value.
struct Leader {
    deadline: Option<Instant>,
    /// The call on whose behalf the leader asks. It is dropped when this call ends.
    /// Otherwise the last call of a chain would keep all calls that have ended in memory,
    /// and dropping it would recurse.
    above: Option<Arc<Running>>,
    expired: Option<Expired>,
    /// Before this time no deadline can expire, neither the leader's nor that of a call
    /// above. `None`: no deadline will expire.
    look_at: Option<Instant>,
}
// ANCHOR_END: running

impl Running {
    /// Creates a call. `above` is the call on whose behalf its leader asks, or `None` for a caller from outside.
    /// `deadline` is the leader's, if it has one. The leader's tokens are not passed in: the leader makes
    /// each of them run [`expire`](Running::expire).
    pub(super) fn new(
        key: String,
        deadline: Option<Instant>,
        above: Option<Arc<Running>>,
    ) -> Self {
        let look_at = earlier(deadline, above.as_ref().and_then(|above| above.look_at()));
        let leader = Leader { deadline, above, expired: None, look_at };
        let state = State {
            waiters: BTreeMap::new(),
            next_seat: 0,
            leader,
            told_to_stop: false,
            ended: false,
        };
        Running { key, stop: Token::new(), state: Mutex::new(state) }
    }

    // ANCHOR: news
    /// Notes that a limit of the leader has expired. If the call must now be told to
    /// stop, returns the token to cancel.
    pub(super) fn expire(&self, why: Expired) -> Option<Token> {
        let mut state = self.state.lock();
        state.leader.expire(why);
        state.stop_if_unwanted().then(|| self.stop.clone())
    }

    /// Whether the call has been told to stop. If a deadline has passed that makes it
    /// unwanted, this tells it to stop.
    pub(super) fn told_to_stop(&self) -> bool {
        let state = self.state.lock();
        match state.leader.look_at {
            Some(at) if !state.told_to_stop && at <= Instant::now() => {}
            _ => return state.told_to_stop,
        }
        drop(state);
        self.look_from_above(Instant::now());
        self.state.lock().told_to_stop
    }
    // ANCHOR_END: news

    /// Looks at the clock in this call and in the calls above that are due for a look.
    #[cold]
    fn look_from_above(&self, now: Instant) {
        // A list and a loop, because calls can be nested deeper than this thread's stack.
        let due = |call: &Arc<Running>| call.look_at().is_some_and(|at| at <= now);
        let above = std::iter::successors(self.above().filter(due), |call| {
            call.above().filter(due)
        });
        let above: Vec<Arc<Running>> = above.collect();
        // The outermost call first. What it learns reaches the calls below by its token, like all news.
        for call in above.iter().rev() {
            call.look(now);
        }
        self.look(now);
    }

    /// Looks at the clock.
    fn look(&self, now: Instant) {
        let above = self.above().and_then(|above| above.look_at());
        let mut state = self.state.lock();
        if state.leader.deadline.is_some_and(|deadline| deadline <= now) {
            state.leader.expire(Expired::Late);
        }
        if state.leader.expired.is_none() {
            state.leader.look_at = earlier(state.leader.deadline, above);
        }
        let stop = state.stop_if_unwanted();
        drop(state);
        if stop {
            self.stop.cancel();
        }
    }

    /// When the call must next look at the clock. Nothing else tells it that its time is up.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.state.lock().leader.look_at
    }

    /// The call on whose behalf the leader asks.
    fn above(&self) -> Option<Arc<Running>> {
        self.state.lock().leader.above.clone()
    }

    /// Why the call was told to stop. `None` if it was not.
    pub(super) fn stop_reason(&self) -> Option<Expired> {
        let state = self.state.lock();
        state.leader.expired.filter(|_| state.told_to_stop)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    // ANCHOR: end
    /// Ends the call: wakes the waiters, and drops the reference to the call above.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        state.leader.look_at = None;
        let waiters = std::mem::take(&mut state.waiters);
        let above = state.leader.above.take();
        drop(state);
        for waiter in waiters.into_values() {
            waiter.end();
        }
        drop(above);
    }
    // ANCHOR_END: end

    /// The number of waiters, and whether the call was told to stop. `None` if it has ended.
    pub(super) fn in_flight(&self) -> Option<(usize, bool)> {
        let state = self.state.lock();
        (!state.ended).then_some((state.waiters.len(), state.told_to_stop))
    }
}

impl State {
    /// Whether this is the moment to tell the call to stop. If so, the caller must cancel its token, after the lock
    /// is released.
    // ANCHOR: unwanted
    fn stop_if_unwanted(&mut self) -> bool {
        let unwanted = self.leader.expired.is_some() && self.waiters.is_empty();
        let now = unwanted && !self.ended && !self.told_to_stop;
        self.told_to_stop |= now;
        now
    }
    // ANCHOR_END: unwanted
}

impl Leader {
    fn expire(&mut self, why: Expired) {
        self.expired.get_or_insert(why);
        // From now on the call is wanted only while it has waiters, and time does not matter.
        self.look_at = None;
    }
}

/// The earlier of two times. `None` means never.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// The seat of one waiter at a call. Dropping it gives the seat up.
pub(super) struct Seat {
    running: Arc<Running>,
    number: u64,
    pub(super) waiter: Arc<Waiter>,
}

impl Seat {
    /// Takes a seat for one more waiter at the call.
    pub(super) fn at(running: &Arc<Running>) -> Self {
        let waiter = Arc::new(Waiter::new());
        let mut state = running.state.lock();
        let number = state.next_seat;
        if state.ended {
            drop(state);
            waiter.end();
        } else {
            state.next_seat += 1;
            state.waiters.insert(number, waiter.clone());
        }
        Seat { running: running.clone(), number, waiter }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.running.state.lock();
        if state.waiters.remove(&self.number).is_none() {
            // The call has ended.
            return;
        }
        let stop = state.stop_if_unwanted();
        drop(state);
        if stop {
            self.running.stop.cancel();
        } else {
            // The leader's deadline may have passed while this waiter kept the call wanted.
            self.running.told_to_stop();
        }
    }
}

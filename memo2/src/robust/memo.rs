//! The memo, and the ways to ask it.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};

use hashbrown::HashTable;

use super::call::Call;
use super::error::Error;
use super::graph;
use super::running::{Running, Seat};
use super::stats::{InFlight, Stats};
use super::terms::Terms;
use super::until::{Expired, Until};
use crate::sync::{Arc, Mutex};

/// A memo that makes one call of `f` per key. Distinct keys never wait for each other.
/// Every caller returns: with a value, or with the reason why there is none.
///
/// - **A cycle is an error.** `f` receives its [`Call`] and the key, and asks for other
///   keys through that call. So the memo knows which call waits for which, and refuses
///   the caller that would close a cycle.
/// - **A waiter can leave.** A caller may bring a [`Token`](super::Token) or a deadline.
///   The callers that stay are not disturbed. When no caller is left, `f` is told to
///   stop.
/// - **Not everything is kept.** [`keep_if`](Memo::keep_if) decides which values the memo
///   keeps, and [`forget`](Memo::forget) drops one. A call that panicked leaves nothing
///   behind.
/// - **Everything is visible.** [`stats`](Memo::stats) counts what has happened, and
///   [`in_flight`](Memo::in_flight) lists the calls and what they wait for.
///
/// # What it cannot see
///
/// The memo sees only the waits that are made through a [`Call`]. It does not see that an
/// `f` asks a memo directly, as a caller from outside does, or waits for a thread, a
/// channel or a lock. A cycle that leads through such a wait still hangs, unless a caller
/// in it has a deadline. Nor can a memo stop an `f` that never asks
/// [`Call::is_cancelled`].
///
/// `K`'s `Eq`, `Clone` and `Debug` run under the memo's lock: they must return, and must
/// not ask this memo. No code of `V` runs under a lock, and neither does `K`'s `Hash` or
/// `Drop`.
///
/// # Costs
///
/// A hit takes one lock, and through a [`Call`] one more, however deep the calls are
/// nested. A caller that waits through a [`Call`] also searches for a cycle, along the
/// calls that its call would wait for. A token that is cancelled wakes the waiters that
/// brought it, and no others.
///
/// Source: gopl section 9.7, `memo4`, and exercise 9.3, which adds cancellation.
// ANCHOR: memo
pub struct Memo<K, V, F> {
    f: F,
    keep: Box<dyn Fn(&V) -> bool + Send + Sync>,
    hasher: RandomState,
    state: Mutex<State<K, V>>,
}

/// The values and the calls of a memo. The tables find a call by its hash and its
/// address, as well as by its key. So a call can be removed during a panic, when no code
/// of `K` may run.
struct State<K, V> {
    /// The values that the memo keeps.
    ready: HashTable<Ready<K, V>>,
    /// The calls in flight, and no others.
    in_flight: HashTable<Flight<K, V>>,
    stats: Stats,
}
// ANCHOR_END: memo

struct Ready<K, V> {
    hash: u64,
    key: K,
    /// Shared, so that no code of `V` runs under the lock.
    value: Arc<V>,
}

// ANCHOR: flight
struct Flight<K, V> {
    hash: u64,
    key: K,
    /// Whether the key was forgotten after this call began. Callers that ask later do
    /// not find such a call.
    forgotten: bool,
    call: Arc<InProgress<V>>,
}

/// A call of `f`, and its value for the waiters.
struct InProgress<V> {
    running: Arc<Running>,
    /// Written before the call ends, if it has a value for its waiters.
    value: Mutex<Option<Arc<V>>>,
}
// ANCHOR_END: flight

impl<K, V> State<K, V> {
    /// Removes a call from those in flight. It runs no code of `K`.
    fn remove(&mut self, hash: u64, call: &Arc<InProgress<V>>) -> Option<Flight<K, V>> {
        let found =
            self.in_flight.find_entry(hash, |flight| Arc::ptr_eq(&flight.call, call));
        found.ok().map(|found| found.remove().0)
    }
}

impl<K, V> Drop for State<K, V> {
    fn drop(&mut self) {
        // A table that is being dropped stops at the first `Drop` of `K` or `V` that panics. A vector goes on with
        // the others.
        drop(self.ready.drain().collect::<Vec<_>>());
    }
}

impl<K, V, F> Memo<K, V, F> {
    /// Creates an empty memo of `f`.
    ///
    /// # Examples
    ///
    /// A cycle is refused: the call of 1 asks for 2, and the call of 2 asks for 1.
    ///
    /// ```
    /// use std::sync::OnceLock;
    ///
    /// use memo2::robust::{Call, Error, Memo};
    ///
    /// type Ring = Memo<u8, Result<u8, Error>, fn(&Call, &u8) -> Result<u8, Error>>;
    /// static RING: OnceLock<Ring> = OnceLock::new();
    ///
    /// let ring = RING.get_or_init(|| Memo::new(|call, key| call.get(RING.get().unwrap(), &(3 - key))?));
    /// let error = ring.get(&1).unwrap().unwrap_err();
    /// assert_eq!(error, Error::Cycle { path: ["2", "1", "2"].map(String::from).to_vec() });
    /// ```
    ///
    /// A caller with a deadline returns, although `f` never would. `f` is told to stop, because no caller is left.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use memo2::robust::{Call, Error, Memo};
    ///
    /// let memo = Memo::new(|call: &Call, _: &u8| {
    ///     while !call.is_cancelled() {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// let error = memo.get_until(&7, Duration::from_millis(10)).unwrap_err();
    /// assert!(matches!(error, Error::Late { .. }));
    /// ```
    pub fn new(f: F) -> Self {
        let state = State {
            ready: HashTable::new(),
            in_flight: HashTable::new(),
            stats: Stats::default(),
        };
        Memo {
            f,
            keep: Box::new(|_| true),
            hasher: RandomState::new(),
            state: Mutex::new(state),
        }
    }

    /// Makes the memo keep only the values for which `keep` returns `true`.
    ///
    /// All callers that waited for a value get it, kept or not. If it is not kept, a caller that asks later makes
    /// the next call. So a memo of `Result`s with `keep_if(Result::is_ok)` tries again after an error.
    #[must_use]
    pub fn keep_if(self, keep: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        Memo { keep: Box::new(keep), ..self }
    }

    /// Counts what has happened so far. All counts are of one moment.
    pub fn stats(&self) -> Stats {
        let state = self.state.lock();
        Stats { in_flight: state.in_flight.len() as u64, ..state.stats }
    }

    /// Lists the calls in flight, with their waiters and what they wait for. Calls for forgotten keys are included.
    ///
    /// The time that this takes grows with the number of these calls, and not with the number of values.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let running: Vec<_> = self
            .state
            .lock()
            .in_flight
            .iter()
            .map(|flight| flight.call.running.clone())
            .collect();
        running.iter().filter_map(InFlight::of).collect()
    }
}

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone + fmt::Debug,
    V: Clone,
    F: Fn(&Call, &K) -> V,
{
    /// Returns the value of `f` for `key`. It returns at once if the value is there, waits while a leader computes
    /// it, and calls `f` itself if there is no leader.
    ///
    /// This is for callers from outside. Inside `f`, use [`Call::get`].
    ///
    /// # Errors
    ///
    /// None: a caller from outside closes no cycle, and this one brings no token and no deadline.
    ///
    /// # Panics
    ///
    /// If `f`, or the function given to [`keep_if`](Memo::keep_if), panics and this caller was the leader. The
    /// waiters do not see the panic: one of them becomes the next leader.
    pub fn get(&self, key: &K) -> Result<V, Error> {
        self.ask(key, &Terms::default())
    }

    /// Like [`get`](Memo::get), but the caller waits only `until` a limit: a [`Token`](super::Token), an
    /// [`Instant`](std::time::Instant), a [`Duration`](std::time::Duration) from now, or the first of several.
    ///
    /// The limit applies to the wait. It does not withhold a value that is there. A leader returns only when its
    /// own `f` does, but `f` is told to stop as soon as no caller wants its value any more.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] if a token was cancelled, [`Error::Late`] if the deadline passed.
    ///
    /// # Panics
    ///
    /// As [`get`](Memo::get).
    pub fn get_until(&self, key: &K, until: impl Into<Until>) -> Result<V, Error> {
        self.ask(key, &Terms::new(until.into(), None))
    }

    /// Forgets `key`, and returns whether there was a value or a call to forget.
    ///
    /// A call in flight goes on for the callers that wait for it. Callers that ask later do not get its value:
    /// they make a new call.
    pub fn forget(&self, key: &K) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut state = self.state.lock();
        let flight = state
            .in_flight
            .find_mut(hash, |flight| !flight.forgotten && flight.key == *key);
        let flight = flight.map(|flight| flight.forgotten = true);
        let ready = state
            .ready
            .find_entry(hash, |ready| ready.key == *key)
            .ok()
            .map(|found| found.remove().0);
        // Key and value are dropped after the lock is released.
        drop(state);
        flight.is_some() || ready.is_some()
    }

    // ANCHOR: ask
    fn ask(&self, key: &K, terms: &Terms) -> Result<V, Error> {
        let hash = self.hasher.hash_one(key);
        loop {
            let found = match self.enter(hash, key, terms)? {
                Entered::Hit(value) => Some(value),
                Entered::Wait(seat, call) => self.wait(key, &seat, &call, terms)?,
                Entered::Lead(lead) => return self.lead(key, lead, terms),
            };
            if let Some(value) = found {
                return Ok(V::clone(&value));
            }
            // The call that this caller waited for ended without a value. Look again: one
            // of the callers makes the next call.
        }
    }
    // ANCHOR_END: ask

    /// Decides what this caller does: take the value, wait for a call, or lead one.
    fn enter(
        &self,
        hash: u64, // of `key`
        key: &K,
        terms: &Terms,
    ) -> Result<Entered<'_, K, V, F>, Error> {
        // Before the memo's lock is taken, because this takes other locks.
        let expired = terms.expired();
        let mut state = self.state.lock();
        if let Some(ready) = state.ready.find(hash, |ready| ready.key == *key) {
            let value = ready.value.clone();
            state.stats.hits += 1;
            return Ok(Entered::Hit(value));
        }
        if let Some(expired) = expired {
            state.stats.cancels += 1;
            return Err(expired.error(key, Vec::new()));
        }
        let same = |flight: &Flight<K, V>| !flight.forgotten && flight.key == *key;
        if let Some(flight) = state.in_flight.find(hash, same) {
            let (seat, call) = (Seat::at(&flight.call.running), flight.call.clone());
            state.stats.waits += 1;
            return Ok(Entered::Wait(seat, call));
        }
        let running = terms.lead(format!("{key:?}"));
        let call = Arc::new(InProgress { running, value: Mutex::new(None) });
        let key = key.clone();
        let flight = Flight { hash, key, forgotten: false, call: call.clone() };
        state.in_flight.insert_unique(hash, flight, |flight| flight.hash);
        state.stats.misses += 1;
        Ok(Entered::Lead(Lead { memo: self, hash, call, returned: false }))
    }

    /// Waits for a call that another caller makes. Returns `None` if that call ended
    /// without a value.
    fn wait(
        &self,
        key: &K,
        seat: &Seat, // at `call`
        call: &InProgress<V>,
        terms: &Terms,
    ) -> Result<Option<Arc<V>>, Error> {
        let running = &call.running;
        // ANCHOR: wait
        let edge = terms.above().map(|above| graph::wait(above, running)).transpose();
        let _edge = edge.map_err(|path| {
            let stats = &mut self.state.lock().stats;
            stats.waits -= 1;
            stats.cycles += 1;
            Error::Cycle { path }
        })?;
        let _listening = terms.listen({
            let waiter = seat.waiter.clone();
            move || {
                waiter.cancel();
                None
            }
        });
        let expired = loop {
            let woken = seat.waiter.sleep(terms.look_at());
            if woken.ended {
                return Ok(call.value.lock().clone());
            }
            if woken.cancelled {
                break Expired::Cancelled;
            }
            if let Some(expired) = terms.expired() {
                break expired;
            }
        };
        // ANCHOR_END: wait
        let waits_for = graph::chain(running);
        self.state.lock().stats.cancels += 1;
        Err(expired.error(key, waits_for))
    }

    // ANCHOR: call_f
    /// Makes the call.
    fn lead(&self, key: &K, lead: Lead<'_, K, V, F>, terms: &Terms) -> Result<V, Error> {
        let running = &lead.call.running;
        let _edge = terms.above().and_then(|above| graph::lead(above, running));
        let _listening = terms.listen({
            let running = running.clone();
            move || running.expire(Expired::Cancelled)
        });
        let value = Arc::new((self.f)(&Call::new(running.clone()), key));
        let keep = (self.keep)(&value);
        match lead.publish(&value, keep) {
            Ok(()) => Ok(V::clone(&value)),
            Err(expired) => Err(expired.error(key, Vec::new())),
        }
    }
    // ANCHOR_END: call_f
}

impl Call {
    /// Returns the value of `key` in `memo`, like [`Memo::get`]. `memo` is the memo of
    /// this call or any other.
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

    /// Like [`get`](Call::get), but this question also has a limit of its own, as in
    /// [`Memo::get_until`].
    ///
    /// # Errors
    ///
    /// As [`get`](Call::get), and as [`Memo::get_until`].
    ///
    /// # Panics
    ///
    /// As [`Memo::get`].
    pub fn get_until<K, V, F>(
        &self,
        memo: &Memo<K, V, F>, // any memo
        key: &K,
        until: impl Into<Until>,
    ) -> Result<V, Error>
    where
        K: Hash + Eq + Clone + fmt::Debug,
        V: Clone,
        F: Fn(&Call, &K) -> V,
    {
        memo.ask(key, &Terms::new(until.into(), Some(self.running.clone())))
    }
}

/// What a caller finds.
enum Entered<'a, K, V, F> {
    /// The value.
    Hit(Arc<V>),
    /// A call that another caller makes, and a seat among its waiters.
    Wait(Seat, Arc<InProgress<V>>),
    /// Neither: this caller makes the call.
    Lead(Lead<'a, K, V, F>),
}

/// The leader's duty. As long as this guard lives, waiters rely on it to wake them,
/// whether `f` returns or panics.
struct Lead<'a, K, V, F> {
    memo: &'a Memo<K, V, F>,
    hash: u64,
    call: Arc<InProgress<V>>,
    returned: bool,
}

impl<K, V, F> Lead<'_, K, V, F> {
    // ANCHOR: publish
    /// Hands the value to the waiters and, if `keep` is true, to the callers that ask
    /// later. If `f` was told to stop, no caller gets what it returned.
    fn publish(mut self, value: &Arc<V>, keep: bool) -> Result<(), Expired> {
        let stop_reason = self.call.running.stop_reason();
        if stop_reason.is_none() {
            *self.call.value.lock() = Some(value.clone());
        }
        let mut state = self.memo.state.lock();
        self.returned = true;
        state.stats.cancels += u64::from(stop_reason.is_some());
        let keep = keep && stop_reason.is_none();
        let gone = match state.remove(self.hash, &self.call) {
            // A call whose key was forgotten does not touch what is in the table now.
            Some(Flight { hash, key, forgotten: false, .. }) if keep => {
                let ready = Ready { hash, key, value: value.clone() };
                state.ready.insert_unique(hash, ready, |ready| ready.hash);
                None
            }
            gone => gone,
        };
        // Keys and values are dropped after the lock is released, here and elsewhere.
        drop(state);
        drop(gone);
        stop_reason.map_or(Ok(()), Err)
    }
    // ANCHOR_END: publish
}

impl<K, V, F> Drop for Lead<'_, K, V, F> {
    fn drop(&mut self) {
        let gone = if self.returned {
            None
        } else {
            // `f` or other code of the user has panicked.
            let mut state = self.memo.state.lock();
            state.stats.panics += 1;
            state.remove(self.hash, &self.call)
        };
        self.call.running.end();
        // `K`'s `Drop` may panic, and a second panic during the first would abort the
        // process. The payload of that panic is not dropped, because its `Drop` may panic
        // as well.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(gone))) {
            std::mem::forget(panic);
        }
    }
}

impl<K, V, F> fmt::Debug for Memo<K, V, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut memo = out.debug_struct("Memo");
        memo.field("stats", &self.stats()).field("in_flight", &self.in_flight());
        memo.finish_non_exhaustive()
    }
}

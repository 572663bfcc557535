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

// ANCHOR: memo
/// A memo that makes one call of `f` a key, in which no key waits for another, and from
/// which every caller returns: with a value, or with the reason why there is none.
///
/// - **A cycle is an error.** `f` receives the key and its [`Call`], and asks for other
///   keys through that call. So the memo knows which call waits for which, and refuses
///   the caller that would close a cycle.
/// - **A waiter can leave.** A caller may bring a [`Token`] or a deadline. The callers
///   that stay are not disturbed. When none stays, `f` is told to stop.
/// - **Not everything is kept.** [`keep_if`](Memo::keep_if) decides which values are, and
///   [`forget`](Memo::forget) drops one. A call that panicked leaves nothing behind.
/// - **Everything is visible.** [`stats`](Memo::stats) counts what has happened, and
///   [`in_flight`](Memo::in_flight) lists the calls and what they wait for.
///
/// # What it cannot see
///
/// A wait that is not made through the [`Call`]: an `f` that asks a memo itself, as a
/// caller from outside does, or that waits for a thread, a channel or a lock. A cycle
/// that leads through such a wait still hangs, unless a caller in it has a deadline. Nor
/// can a memo stop an `f` that never asks [`Call::is_cancelled`].
///
/// `K`'s `Eq`, `Clone` and `Debug` run under the memo's lock: they must return, and must
/// not ask this memo. No code of `V` runs under a lock, nor does `K`'s `Hash` or `Drop`.
///
/// # Costs
///
/// A hit takes one lock, and through a [`Call`] one more, however deep the calls are
/// nested. A caller that waits adds a search along the calls that its call waits for,
/// which finds the cycles. A token that is cancelled wakes the waiters that brought it
/// and no others.
///
/// Source: gopl section 9.7, `memo4`, and exercise 9.3, which adds cancellation.
pub struct Memo<K, V, F> {
    f: F,
    keep: Box<dyn Fn(&V) -> bool + Send + Sync>,
    hasher: RandomState,
    state: Mutex<State<K, V>>,
}

/// Tables that find a call by its hash and its address, as well as by its key: so a call
/// can be taken out in the middle of a panic, when no code of `K` may run.
struct State<K, V> {
    /// The values that are kept.
    ready: HashTable<Ready<K, V>>,
    /// The calls that are being made, and no others.
    in_flight: HashTable<Flight<K, V>>,
    stats: Stats,
}

struct Ready<K, V> {
    hash: u64,
    key: K,
    /// Shared, so that no code of `V` runs under the lock.
    value: Arc<V>,
}

struct Flight<K, V> {
    hash: u64,
    key: K,
    /// A key that was forgotten while its call goes on: callers that come later do not
    /// find this call.
    forgotten: bool,
    call: Arc<InProgress<V>>,
}

/// A call of `f`, and its value for those who wait.
struct InProgress<V> {
    running: Arc<Running>,
    /// Written before the call ends, if it has a value for its waiters.
    value: Mutex<Option<Arc<V>>>,
}
// ANCHOR_END: memo

impl<K, V> State<K, V> {
    /// Takes a call from those in flight, without asking `K` anything.
    fn remove(&mut self, hash: u64, call: &Arc<InProgress<V>>) -> Option<Flight<K, V>> {
        let found = self.in_flight.find_entry(hash, |flight| Arc::ptr_eq(&flight.call, call));
        found.ok().map(|found| found.remove().0)
    }
}

impl<K, V> Drop for State<K, V> {
    fn drop(&mut self) {
        // A table that is dropped stops at the first `Drop` of `K` or `V` that panics. A vector goes on with the others.
        drop(self.ready.drain().collect::<Vec<_>>());
    }
}

impl<K, V, F> Memo<K, V, F> {
    /// An empty memo of `f`.
    pub fn new(f: F) -> Self {
        let state = State { ready: HashTable::new(), in_flight: HashTable::new(), stats: Stats::default() };
        Memo { f, keep: Box::new(|_| true), hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// The same memo, which keeps only the values that `keep` approves of. All callers that waited for a value get it,
    /// kept or not. A caller that comes later makes the next call. So a memo of `Result`s with `keep_if(Result::is_ok)`
    /// tries again after an error.
    #[must_use]
    pub fn keep_if(self, keep: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        Memo { keep: Box::new(keep), ..self }
    }

    /// What has happened so far, as of one moment.
    pub fn stats(&self) -> Stats {
        let state = self.state.lock();
        Stats { in_flight: state.in_flight.len() as u64, ..state.stats }
    }

    /// The calls that are being made now, with their waiters and what they wait for: those for forgotten keys too. This
    /// takes as long as there are such calls, however many values are kept.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let running: Vec<_> = self.state.lock().in_flight.iter().map(|flight| flight.call.running.clone()).collect();
        running.iter().filter_map(InFlight::of).collect()
    }
}

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone + fmt::Debug,
    V: Clone,
    F: Fn(&Call, &K) -> V,
{
    /// The value of `f` for `key`: at once if it is there, after a wait if a leader is computing it, and by calling `f`
    /// if no caller is.
    ///
    /// This is for callers from outside. Inside `f`, use [`Call::get`].
    ///
    /// # Errors
    ///
    /// None: a caller from outside closes no cycle, and this one brings no token and no deadline.
    ///
    /// # Panics
    ///
    /// If `f`, or what was given to [`keep_if`](Memo::keep_if), panics and this caller was the leader. The waiters do
    /// not see it: one of them becomes the next leader.
    pub fn get(&self, key: &K) -> Result<V, Error> {
        self.ask(key, &Terms::default())
    }

    /// The same for a caller that waits only `until` a limit: a [`Token`], an [`Instant`](std::time::Instant), a
    /// [`Duration`](std::time::Duration) from now, or the first of several.
    ///
    /// It limits the wait. It does not withhold a value that is there, and a leader returns only when its own `f` does,
    /// which is told to stop as soon as no caller wants its value any more.
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

    /// Drops what is known of `key`, and returns whether anything was. A call in flight goes on for the callers that
    /// wait for it. Callers that come later do not get its value: they make a new call.
    pub fn forget(&self, key: &K) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut state = self.state.lock();
        let flight = state.in_flight.find_mut(hash, |flight| !flight.forgotten && flight.key == *key);
        let flight = flight.map(|flight| flight.forgotten = true);
        let ready = state.ready.find_entry(hash, |ready| ready.key == *key).ok().map(|found| found.remove().0);
        // Key and value are dropped after the lock is free.
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
            // The call that this caller waited for came to nothing. Look again: a caller
            // makes the next one.
        }
    }

    /// What there is for this caller.
    fn enter(&self, hash: u64, key: &K, terms: &Terms) -> Result<Entered<'_, K, V, F>, Error> {
        // Before the lock is taken, because this takes other locks.
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
        if let Some(flight) = state.in_flight.find(hash, |flight| !flight.forgotten && flight.key == *key) {
            let (seat, call) = (Seat::at(&flight.call.running), flight.call.clone());
            state.stats.waits += 1;
            return Ok(Entered::Wait(seat, call));
        }
        let running = terms.lead(format!("{key:?}"));
        let call = Arc::new(InProgress { running, value: Mutex::new(None) });
        let flight = Flight { hash, key: key.clone(), forgotten: false, call: call.clone() };
        state.in_flight.insert_unique(hash, flight, |flight| flight.hash);
        state.stats.misses += 1;
        Ok(Entered::Lead(Lead { memo: self, hash, call, returned: false }))
    }

    /// Waits for a call that another caller makes. `None` if it came to nothing.
    fn wait(&self, key: &K, seat: &Seat, call: &InProgress<V>, terms: &Terms) -> Result<Option<Arc<V>>, Error> {
        let running = &call.running;
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
        let waits_for = graph::chain(running);
        self.state.lock().stats.cancels += 1;
        Err(expired.error(key, waits_for))
    }

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
    // ANCHOR_END: ask
}

// ANCHOR: call
impl Call {
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
}
// ANCHOR_END: call

/// What a caller finds.
enum Entered<'a, K, V, F> {
    /// The value.
    Hit(Arc<V>),
    /// A call that another caller makes, and a place among its waiters.
    Wait(Seat, Arc<InProgress<V>>),
    /// Nothing: this caller makes the call.
    Lead(Lead<'a, K, V, F>),
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f`
/// returns or panics.
struct Lead<'a, K, V, F> {
    memo: &'a Memo<K, V, F>,
    hash: u64,
    call: Arc<InProgress<V>>,
    returned: bool,
}

impl<K, V, F> Lead<'_, K, V, F> {
    /// Hands the value to the waiters and, if `keep`, to the callers that come later.
    /// Unless `f` was told to stop: then no caller gets what it returned.
    fn publish(mut self, value: &Arc<V>, keep: bool) -> Result<(), Expired> {
        let stop_reason = self.call.running.stop_reason();
        if stop_reason.is_none() {
            *self.call.value.lock() = Some(value.clone());
        }
        let mut state = self.memo.state.lock();
        self.returned = true;
        state.stats.cancels += u64::from(stop_reason.is_some());
        let gone = match state.remove(self.hash, &self.call) {
            // A call whose key was forgotten leaves alone what is there now.
            Some(Flight { hash, key, forgotten: false, .. }) if keep && stop_reason.is_none() => {
                let ready = Ready { hash, key, value: value.clone() };
                state.ready.insert_unique(hash, ready, |ready| ready.hash);
                None
            }
            gone => gone,
        };
        // Keys and values are dropped after the lock is free, here and elsewhere.
        drop(state);
        drop(gone);
        stop_reason.map_or(Ok(()), Err)
    }
}

impl<K, V, F> Drop for Lead<'_, K, V, F> {
    fn drop(&mut self) {
        let gone = if self.returned {
            None
        } else {
            // `f` or something else of the user's has panicked.
            let mut state = self.memo.state.lock();
            state.stats.panics += 1;
            state.remove(self.hash, &self.call)
        };
        self.call.running.end();
        // `K`'s `Drop` may panic, and a second panic in the middle of the first would
        // abort the process. What it panics with is not dropped, because that may panic
        // as well.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(gone))) {
            std::mem::forget(panic);
        }
    }
}
// ANCHOR_END: lead

impl<K, V, F> fmt::Debug for Memo<K, V, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut memo = out.debug_struct("Memo");
        memo.field("stats", &self.stats()).field("in_flight", &self.in_flight());
        memo.finish_non_exhaustive()
    }
}

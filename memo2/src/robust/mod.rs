//! Step 5: the memo for work. Nothing that one caller does can make another wait for ever.

mod call;
mod error;
mod graph;
mod running;
mod stats;
mod token;
mod until;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::sync::{Arc, Mutex};
use running::Running;
use until::Terms;

pub use call::Call;
pub use error::Error;
pub use stats::{InFlight, Stats};
pub use token::Token;
pub use until::Until;

// ANCHOR: memo
/// A memo that makes one call of `f` a key, in which no key waits for another, and from which every caller comes back:
/// with a value, or with the reason why there is none.
///
/// - **A cycle is an error.** `f` receives, beside the key, the [`Call`] that it is, and asks for other keys through
///   that. So it is known who waits for whom, and the caller who would close a cycle is refused.
/// - **Who waits can leave.** A caller may bring a [`Token`] or a deadline. Those who stay are not disturbed; when
///   nobody stays, `f` is told to stop.
/// - **Not everything is kept.** [`keep_if`](Memo::keep_if) decides which values are, and [`forget`](Memo::forget)
///   drops one.
/// - **Everything is seen.** [`stats`](Memo::stats) counts what has happened, and [`in_flight`](Memo::in_flight) tells
///   who computes and who waits for whom.
///
/// # What it cannot see
///
/// A wait that is not made through the [`Call`]: an `f` that asks a memo itself, as if it were a caller from outside,
/// or that waits for a thread, a channel or a lock. A cycle that leads through such a wait still hangs, unless some
/// caller in it has a deadline. Nor can a memo stop an `f` that never asks [`Call::is_cancelled`].
///
/// `K`'s `Hash`, `Eq`, `Clone` and `Debug` run under the memo's lock: they must return, and not ask this memo.
///
/// Source: gopl section 9.7, `memo4`, and exercise 9.3, which adds cancellation.
pub struct Memo<K, V, F> {
    f: F,
    keep: Box<dyn Fn(&V) -> bool + Send + Sync>,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    stats: Stats,
}

enum Entry<V> {
    /// Shared, so that no code of `V` runs under the lock.
    Ready(Arc<V>),
    /// A call that somebody makes now; or one that is over and came to nothing, which counts as no entry.
    Called(Arc<Flight<V>>),
}

/// One call of `f`, and what it brings to those who wait for it.
struct Flight<V> {
    running: Arc<Running>,
    /// Written before the call is over, if it has a value for those who wait.
    value: Mutex<Option<Arc<V>>>,
}
// ANCHOR_END: memo

impl<V> Entry<V> {
    fn is(&self, flight: &Arc<Flight<V>>) -> bool {
        matches!(self, Entry::Called(other) if Arc::ptr_eq(other, flight))
    }
}

impl<K, V, F> Memo<K, V, F> {
    /// An empty memo of `f`.
    pub fn new(f: F) -> Self {
        let state = State { entries: HashMap::new(), stats: Stats::default() };
        Memo { f, keep: Box::new(|_| true), state: Mutex::new(state) }
    }

    /// The same memo, which keeps only the values that `keep` approves of. Whoever waits for a value gets it, kept or
    /// not; who comes later makes the next call. So a memo of `Result`s with `keep_if(Result::is_ok)` tries again after
    /// an error.
    #[must_use]
    pub fn keep_if(self, keep: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        Memo { keep: Box::new(keep), ..self }
    }

    /// What has happened so far, as of one moment.
    pub fn stats(&self) -> Stats {
        self.state.lock().stats
    }

    /// The calls that are being made now: who waits for them, and for whom they wait.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let state = self.state.lock();
        let flights = state.entries.values().filter_map(|entry| match entry {
            Entry::Called(flight) => Some(flight.running.clone()),
            Entry::Ready(_) => None,
        });
        let flights: Vec<_> = flights.collect();
        drop(state);
        flights.iter().filter_map(InFlight::of).collect()
    }
}

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone + fmt::Debug,
    V: Clone,
    F: Fn(&Call, &K) -> V,
{
    /// The value of `f` for `key`: at once if it is there, after a wait if somebody is computing it, and by calling `f`
    /// if nobody is.
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

    /// The same for a caller who waits only `until` something: a [`Token`], an [`Instant`](std::time::Instant), a
    /// [`Duration`](std::time::Duration) from now, or the first of several.
    ///
    /// It limits the waiting. A value that is there is given in any case, and a leader comes back only when its own `f`
    /// does, which is told to stop as soon as nobody wants its value any more.
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

    /// Drops what is known of `key`, and says whether that was anything. A call in flight goes on for those who wait
    /// for it, and is theirs alone: who asks from now on makes a new one.
    pub fn forget(&self, key: &K) -> bool {
        let forgotten = self.state.lock().entries.remove_entry(key);
        // Key and value are dropped here, after the lock has been let go.
        forgotten.is_some_and(|(_, entry)| match entry {
            Entry::Ready(_) => true,
            Entry::Called(flight) => !flight.running.is_over(),
        })
    }

    // ANCHOR: ask
    fn ask(&self, key: &K, terms: &Terms) -> Result<V, Error> {
        loop {
            let found = match self.enter(key, terms)? {
                Entered::Hit(value) => Some(value),
                Entered::Wait(flight) => self.wait(key, &flight, terms)?,
                Entered::Lead(flight) => return self.lead(key, &flight, terms),
            };
            if let Some(value) = found {
                return Ok(V::clone(&value));
            }
            // The call that this one waited for came to nothing. Look again: somebody makes the next.
        }
    }

    /// What there is for this caller.
    fn enter(&self, key: &K, terms: &Terms) -> Result<Entered<V>, Error> {
        // Asked before the lock is taken, since it takes others.
        let over = terms.over();
        let mut state = self.state.lock();
        let State { entries, stats } = &mut *state;
        let entry = entries.get_mut(key);
        if let Some(Entry::Ready(value)) = &entry {
            stats.hits += 1;
            return Ok(Entered::Hit(value.clone()));
        }
        if let Some(why) = over {
            stats.cancels += 1;
            return Err(why.error(key, Vec::new()));
        }
        if let Some(Entry::Called(flight)) = &entry
            && flight.running.join()
        {
            stats.waits += 1;
            return Ok(Entered::Wait(flight.clone()));
        }
        let running = Arc::new(Running::new(format!("{key:?}"), terms.clone()));
        let flight = Arc::new(Flight { running, value: Mutex::new(None) });
        let called = Entry::Called(flight.clone());
        let void = match entry {
            Some(void) => Some(std::mem::replace(void, called)),
            None => entries.insert(key.clone(), called),
        };
        stats.misses += 1;
        stats.in_flight += 1;
        drop(state);
        drop(void);
        Ok(Entered::Lead(flight))
    }

    /// Waits for somebody else's call. `None` if it came to nothing.
    fn wait(&self, key: &K, flight: &Flight<V>, terms: &Terms) -> Result<Option<Arc<V>>, Error> {
        let running = &flight.running;
        let edge = terms.call().map(|call| graph::wait(call, running)).transpose();
        let _edge = edge.map_err(|path| {
            running.leave();
            let stats = &mut self.state.lock().stats;
            stats.waits -= 1;
            stats.cycles += 1;
            Error::Cycle { path }
        })?;
        let _heard = terms.listen(running);
        running.wait(terms).map_err(|why| {
            let waits_for = graph::chain(running);
            running.leave();
            self.state.lock().stats.cancels += 1;
            why.error(key, waits_for)
        })?;
        Ok(flight.value.lock().clone())
    }

    /// Makes the call.
    fn lead(&self, key: &K, flight: &Arc<Flight<V>>, terms: &Terms) -> Result<V, Error> {
        let running = &flight.running;
        let lead = Lead { memo: self, flight, returned: false };
        let _edge = terms.call().map(|call| graph::lead(call, running));
        let _heard = terms.listen(running);

        let value = Arc::new((self.f)(&Call::new(running.clone()), key));
        let keep = (self.keep)(&value);
        match lead.done(key, &value, keep) {
            Ok(()) => Ok(V::clone(&value)),
            Err(why) => Err(why.error(key, Vec::new())),
        }
    }
    // ANCHOR_END: ask
}

/// What a caller finds.
enum Entered<V> {
    /// The value.
    Hit(Arc<V>),
    /// A call that somebody else makes.
    Wait(Arc<Flight<V>>),
    /// Nothing: this call is for the caller to make.
    Lead(Arc<Flight<V>>),
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f` returns or panics.
struct Lead<'a, K, V, F> {
    memo: &'a Memo<K, V, F>,
    flight: &'a Arc<Flight<V>>,
    returned: bool,
}

impl<K: Hash + Eq, V, F> Lead<'_, K, V, F> {
    /// Hands the value to those who wait and, if `keep`, to those who come later. Unless `f` was told to stop: what it
    /// returns then is nobody's.
    fn done(mut self, key: &K, value: &Arc<V>, keep: bool) -> Result<(), until::Over> {
        let stopped = self.flight.running.stopped();
        let mut state = self.memo.state.lock();
        let State { entries, stats } = &mut *state;
        stats.cancels += u64::from(stopped.is_some());
        let gone = match entries.get_mut(key) {
            Some(entry) if entry.is(self.flight) => {
                if keep && stopped.is_none() {
                    (None, Some(std::mem::replace(entry, Entry::Ready(value.clone()))))
                } else {
                    entries.remove_entry(key).map_or((None, None), |(key, entry)| (Some(key), Some(entry)))
                }
            }
            // The key was forgotten, and perhaps asked for again: what is there now is not this call's to touch.
            _ => (None, None),
        };
        drop(state);
        // Keys and values are dropped after the lock is let go, here and elsewhere.
        drop(gone);
        if stopped.is_none() {
            *self.flight.value.lock() = Some(value.clone());
        }
        self.returned = true;
        stopped.map_or(Ok(()), Err)
    }
}

impl<K, V, F> Drop for Lead<'_, K, V, F> {
    fn drop(&mut self) {
        let mut state = self.memo.state.lock();
        state.stats.in_flight -= 1;
        // Not returned: something of the user's has panicked. The entry stays, as one that counts for nothing, because
        // to take it away would run code of `K`, which may panic, in the middle of a panic.
        state.stats.panics += u64::from(!self.returned);
        drop(state);
        self.flight.running.end();
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

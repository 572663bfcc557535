//! Step 3: an entry for each key, with a ready signal of its own.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{Arc, Condvar, Mutex};

/// A memo that calls `f` once per key, however many callers ask. Distinct keys never wait
/// for each other.
///
/// The map holds an *entry* for each key, and the entry knows whether the value is there.
/// The first caller of a cold key becomes its *leader* and calls `f`. Callers that arrive
/// meanwhile are *waiters*: they sleep until the leader wakes them. The map's lock is
/// held only to find the entry, an entry's lock only to read or change its state, and no
/// lock while `f` runs. No caller holds two locks at a time.
///
/// The memo keeps every value for as long as it lives. An entry whose call panicked stays
/// for the next caller. Once such entries may be more than half of the map, the memo
/// removes them.
///
/// Source: gopl section 9.7, `memo4`. There, a panic of `f` leaves every waiter asleep
/// forever. Here it does not.
// ANCHOR: struct
pub struct Memo<K, V, F> {
    f: F,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
    /// The calls that have ended without a value since the map last removed vacant
    /// entries.
    failed: AtomicUsize,
}

// ANCHOR: entry
/// What the memo knows about one key.
struct Entry<V> {
    state: Mutex<State<V>>,
    /// Waiters sleep here while the state is [`State::Computing`].
    changed: Condvar,
}

enum State<V> {
    /// No leader is computing: the next caller that sees this leads.
    Vacant,
    /// A leader is inside `f`.
    Computing,
    /// The value. This state is final.
    Ready(V),
}
// ANCHOR_END: entry
// ANCHOR_END: struct

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> V,
{
    /// Creates an empty memo of `f`.
    ///
    /// # Example
    ///
    /// Eight callers ask for one cold key. One of them calls `f`, and the others wait for its value.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use std::thread;
    ///
    /// let calls = AtomicUsize::new(0);
    /// let memo = memo2::Memo::new(|key: &u64| {
    ///     calls.fetch_add(1, Relaxed);
    ///     key * 2
    /// });
    /// thread::scope(|scope| {
    ///     for _ in 0..8 {
    ///         scope.spawn(|| assert_eq!(memo.get(&21), 42));
    ///     }
    /// });
    /// assert_eq!(calls.load(Relaxed), 1);
    /// ```
    pub fn new(f: F) -> Self {
        Memo { f, entries: Mutex::new(HashMap::new()), failed: AtomicUsize::new(0) }
    }

    /// Returns the value of `f` for `key`. It returns at once if the value is there,
    /// sleeps while a leader computes it, and calls `f` itself if there is no leader.
    ///
    /// `f` may ask this memo for other keys. `K`'s `Hash`, `Eq`, `Clone` and `Drop` run
    /// under the map's lock and `V`'s `Clone` under its entry's lock, so they must not
    /// ask this memo for anything.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see the panic:
    /// one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys or
    /// other threads: the leader then waits for itself.
    // ANCHOR: get
    pub fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        let mut state = entry.state.lock();
        // A loop, because a woken waiter need not be first: after a panic a new caller
        // may lead before the woken waiter has the lock again.
        loop {
            match &*state {
                State::Ready(value) => return value.clone(),
                State::Computing => entry.changed.wait(&mut state),
                State::Vacant => break,
            }
        }
        *state = State::Computing;
        drop(state);

        let lead = Lead { entry: &entry, failed: &self.failed };
        let value = (self.f)(key);
        lead.publish(&value);
        value
    }

    /// Returns the entry of `key`, and adds a vacant one if the key is new. Only this
    /// function locks the map.
    fn entry(&self, key: &K) -> Arc<Entry<V>> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(key) {
            return entry.clone();
        }
        let failed = self.failed.load(Relaxed);
        if failed > entries.len() / 2 {
            // The map removes the vacant entries that no caller holds. Only the map can
            // reach such an entry, so `get_mut` needs no lock. The map has fewer than two
            // entries for each failed call, so failures pay for this look at all of them.
            entries.retain(|_, entry| match Arc::get_mut(entry) {
                Some(entry) => !matches!(entry.state.get_mut(), State::Vacant),
                None => true,
            });
            self.failed.fetch_sub(failed, Relaxed);
        }
        let (state, changed) = (Mutex::new(State::Vacant), Condvar::new());
        let entry = Arc::new(Entry { state, changed });
        entries.insert(key.clone(), entry.clone());
        entry
    }
    // ANCHOR_END: get
}

// ANCHOR: lead
/// The leader's duty. As long as this guard lives, waiters rely on it to wake them,
/// whether `f` returns or panics.
struct Lead<'a, V> {
    entry: &'a Entry<V>,
    failed: &'a AtomicUsize,
}

impl<V: Clone> Lead<'_, V> {
    fn publish(self, value: &V) {
        // `V`'s `Clone` is the user's code and may panic. It runs before the lock is
        // taken, while `self` still has its duty.
        let value = value.clone();
        *self.entry.state.lock() = State::Ready(value);
        // All of them: each waiter needs the value, and nothing else wakes a waiter that
        // is left out.
        self.entry.changed.notify_all();
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // The state is still `Computing`: `f` or a clone of its value panicked, and no
        // value was published. One waiter is enough to take over. It publishes a value
        // or, if it panics too, wakes the next waiter. No code of `K` or `V` runs here,
        // so nothing can panic a second time during this panic.
        if let State::Computing = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
            // The lock is released before the waiter wakes, because the waiter takes it.
            drop(state);
            self.entry.changed.notify_one();
        }
    }
}
// ANCHOR_END: lead

impl<K, V, F> fmt::Debug for Memo<K, V, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.try_lock().map(|entries| entries.len());
        out.debug_struct("Memo").field("entries", &entries).finish_non_exhaustive()
    }
}

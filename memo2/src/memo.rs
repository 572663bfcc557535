//! Step 3: an entry for each key, with a ready signal of its own.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{Arc, Condvar, Mutex};

// ANCHOR: memo
/// A memo that calls `f` once a key, however many ask, and in which no key waits for another.
///
/// The map holds an *entry* for each key, and it is the entry that knows whether the value is there. The first caller
/// of a cold key becomes its *leader* and calls `f`; those who come meanwhile are *waiters* and sleep until the leader
/// wakes them. The map's lock is held only to find the entry, an entry's lock only to read or change its state, and no
/// lock while `f` runs. No caller holds two locks at a time.
///
/// It keeps every value for as long as it lives. An entry whose call panicked stays for the next caller; when such
/// entries may be half of the map, it lets go of them.
///
/// Source: gopl section 9.7, `memo4`; there a panic of `f` leaves every waiter asleep forever, here it does not.
pub struct Memo<K, V, F> {
    f: F,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
    /// Calls that came to nothing, since the map last let go of their keys.
    failed: AtomicUsize,
}

/// What the memo knows of one key.
struct Entry<V> {
    state: Mutex<State<V>>,
    /// Waiters sleep here while the state is [`State::Computing`].
    changed: Condvar,
}

enum State<V> {
    /// Nobody is computing: the next caller to see this leads.
    Vacant,
    /// A leader is inside `f`.
    Computing,
    /// For ever after.
    Ready(V),
}
// ANCHOR_END: memo

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> V,
{
    /// An empty memo of `f`.
    pub fn new(f: F) -> Self {
        Memo { f, entries: Mutex::new(HashMap::new()), failed: AtomicUsize::new(0) }
    }

    // ANCHOR: get
    /// The value of `f` for `key`: at once if it is there, after a sleep if a leader is computing it, and by calling
    /// `f` if nobody is.
    ///
    /// `f` may ask this memo for other keys. `K`'s `Hash`, `Eq`, `Clone` and `Drop` run under the map's lock and `V`'s `Clone`
    /// under its entry's, so they must not ask this memo for anything.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see it: one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys or other threads: the leader then
    /// waits for itself.
    pub fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        let mut state = entry.state.lock();
        // A loop, because to be woken is not to be first: after a panic a newcomer may lead before the woken waiter has
        // the lock again.
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

    /// The entry of `key`, made vacant if the key is new. The map is locked in here and nowhere else.
    fn entry(&self, key: &K) -> Arc<Entry<V>> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(key) {
            return entry.clone();
        }
        let failed = self.failed.load(Relaxed);
        if failed > entries.len() / 2 {
            // The map lets go of the keys that came to nothing and that no caller holds: only the map can reach such an
            // entry, so `get_mut` needs no lock. Each call that failed pays for a look at two entries.
            entries.retain(|_, entry| {
                Arc::get_mut(entry).is_none_or(|entry| !matches!(entry.state.get_mut(), State::Vacant))
            });
            self.failed.fetch_sub(failed, Relaxed);
        }
        let entry = Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Condvar::new() });
        entries.insert(key.clone(), entry.clone());
        entry
    }
    // ANCHOR_END: get
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f` returns or panics.
struct Lead<'a, V> {
    entry: &'a Entry<V>,
    failed: &'a AtomicUsize,
}

impl<V: Clone> Lead<'_, V> {
    fn publish(self, value: &V) {
        // `V`'s `Clone` is not ours and may panic: it runs before the lock is taken, and `self` still has its duty.
        let value = value.clone();
        *self.entry.state.lock() = State::Ready(value);
        // All of them: each needs the value, and nobody else will wake those who are left out.
        self.entry.changed.notify_all();
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // Still computing: `f` panicked, and nothing was published. One waiter is enough to take over, and that one
        // will publish or, panicking in turn, wake the next. No code of `K` or `V` runs here, so nothing can panic
        // again in the middle of this panic.
        if let State::Computing = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
            // The lock is free before the waiter wakes, who takes it.
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

//! Step 3 on `may`'s coroutines: the same entries, with a ready signal that suspends a coroutine and not its worker.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use may::sync::SyncFlag;
use parking_lot::Mutex;

// ANCHOR: memo
/// [`Memo`](crate::Memo) for coroutines of [`may`]: a caller that waits gives its worker to others. Threads may call it
/// as well, and the two may wait for each other.
///
/// Two things wait in a memo, and only one of them is the runtime's business. A *lock* is held for some instructions
/// and never while a coroutine is suspended, so it can stay the operating system's. The *ready signal* is waited for as
/// long as `f` takes, so it must be one that suspends the coroutine: in the place of a condition variable stands a
/// [`SyncFlag`], which is raised once, and each call of `f` has a new one (as gopl closes a channel for each entry).
///
/// Source: gopl section 9.7, `memo4`, whose callers are goroutines.
pub struct Memo<K, V, F> {
    f: F,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
    /// Calls that came to nothing, since the map last let go of their keys.
    failed: AtomicUsize,
}

/// What the memo knows of one key.
struct Entry<V> {
    state: Mutex<State<V>>,
}

enum State<V> {
    /// Nobody is computing: the next caller to see this leads.
    Vacant,
    /// A leader is inside `f`. Waiters wait for its flag, which says that this call is over and not how it ended.
    Computing(Arc<SyncFlag>),
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
    /// The value of `f` for `key`: at once if it is there, after a wait if a leader is computing it, and by calling
    /// `f` if nobody is.
    ///
    /// `f` runs on its caller, so on a coroutine's small stack if that is one. It may ask this memo for other keys.
    /// `K`'s `Hash`, `Eq`, `Clone` and `Drop` run under the map's lock and `V`'s `Clone` under its entry's, so they must not
    /// ask this memo for anything, nor yield.
    ///
    /// A caller that is cancelled while it waits leaves the others as they are. A leader that is cancelled inside `f`
    /// leaves as after a panic.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see it: one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys or other callers: the leader then
    /// waits for itself. And if `f` overflows a coroutine's stack: no destructor runs then, and nobody learns of it.
    ///
    /// # Starvation
    ///
    /// A hit returns without yielding. A coroutine that does nothing but hit keeps its worker from other coroutines: let
    /// it call `may::coroutine::yield_now` now and then.
    pub fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        // A loop, because to be woken is not to be first: after a panic all waiters wake, and one of them leads.
        let ended = loop {
            let mut state = entry.state.lock();
            let ended = match &*state {
                State::Ready(value) => return value.clone(),
                State::Computing(ended) => ended.clone(),
                State::Vacant => {
                    let ended = Arc::new(SyncFlag::new());
                    *state = State::Computing(ended.clone());
                    break ended;
                }
            };
            // The lock belongs to this OS thread, and the coroutine may go on on another: it is let go first. The flag
            // stays up once it is raised, so a wait that begins too late ends at once.
            drop(state);
            ended.wait();
        };

        let lead = Lead { entry: &entry, ended, failed: &self.failed };
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
        let entry = Arc::new(Entry { state: Mutex::new(State::Vacant) });
        entries.insert(key.clone(), entry.clone());
        entry
    }
    // ANCHOR_END: get
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f` returns, panics or is
/// cancelled.
struct Lead<'a, V> {
    entry: &'a Entry<V>,
    ended: Arc<SyncFlag>,
    failed: &'a AtomicUsize,
}

impl<V: Clone> Lead<'_, V> {
    fn publish(self, value: &V) {
        // `V`'s `Clone` is not ours and may panic: it runs before the lock is taken, and `self` still has its duty.
        let value = value.clone();
        *self.entry.state.lock() = State::Ready(value);
        // The end of `self` raises the flag.
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // Still computing: `f` panicked or was cancelled, and nothing was published.
        if let State::Computing(_) = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
        }
        drop(state);
        // All of them, in either case: a flag cannot wake one. In a cancelled coroutine `may` may raise the
        // cancellation out of here, with some waiters not yet woken, who would sleep for ever: so again, until all are.
        // What is caught is not lost, since `may` raises it anew at the coroutine's next wait.
        while catch_unwind(AssertUnwindSafe(|| self.ended.fire())).is_err() {}
    }
}
// ANCHOR_END: lead

impl<K, V, F> fmt::Debug for Memo<K, V, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.try_lock().map(|entries| entries.len());
        out.debug_struct("Memo").field("entries", &entries).finish_non_exhaustive()
    }
}

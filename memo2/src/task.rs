//! Step 3 on tokio's tasks: the same entries, with a ready signal that is awaited.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::Notify;

// ANCHOR: memo
/// [`Memo`](crate::Memo) for async tasks: `get` is an `async fn`, and so is `f`.
///
/// The locks stay the operating system's: each is held for some instructions, and never across an `.await` (the
/// compiler would not let the future be `Send`). The ready signal is what is awaited: in the place of a condition
/// variable stands a [`Notify`]. It works on any runtime, or on none: nothing here is tokio's but that type.
///
/// The future of [`get`](Memo::get) may be dropped at any time. The next caller then leads. But one that is kept and
/// never polled again keeps its key for itself: it holds the lead and cannot be told from a slow one. Where callers may
/// do that, as branches of a `select!` in a loop do, take the memo of `memo3`, which computes in a task of its own.
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
    /// Waiters wait here while the state is [`State::Computing`].
    changed: Notify,
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

impl<K, V, F, Called> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> Called,
    Called: Future<Output = V>,
{
    /// An empty memo of `f`. What `f` returns cannot borrow the key: it takes a clone of what it needs.
    pub fn new(f: F) -> Self {
        Memo { f, entries: Mutex::new(HashMap::new()), failed: AtomicUsize::new(0) }
    }

    // ANCHOR: get
    /// The value of `f` for `key`: at once if it is there, after a wait if a leader is computing it, and by calling
    /// `f` if nobody is.
    ///
    /// `f` may ask this memo for other keys. `K`'s `Hash`, `Eq`, `Clone` and `Drop` run under the map's lock and `V`'s `Clone`
    /// under its entry's, so they must not ask this memo for anything.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any `.await`. If it was a waiter, nothing has happened. If it was the leader, its
    /// call of `f` is dropped first, and then the first of the waiters who is polled makes the next.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see it: one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys or other tasks: the leader then
    /// waits for itself. And if a leader's future is neither polled nor dropped.
    ///
    /// # Starvation
    ///
    /// A hit returns without yielding, and takes no part in tokio's budget. A task that does nothing but hit keeps its
    /// worker from other tasks: let it await `tokio::task::consume_budget` now and then.
    pub async fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        // A loop, because to be woken is not to be first: after a panic a newcomer may lead before the woken waiter is
        // polled again.
        loop {
            // Made before the look at the state: whoever changes the state after the look then wakes this waiter, even
            // if it has not been polled yet. Made after, it could miss that, and sleep for ever.
            let changed = entry.changed.notified();
            match &mut *entry.state.lock() {
                State::Ready(value) => return value.clone(),
                State::Computing => {}
                vacant => {
                    *vacant = State::Computing;
                    break;
                }
            }
            changed.await;
        }

        // Dropped after the future of `f`, since it was made before: when the next leader begins, this call is gone.
        let lead = Lead { entry: &entry, failed: &self.failed };
        let value = (self.f)(key).await;
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
        let entry = Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Notify::new() });
        entries.insert(key.clone(), entry.clone());
        entry
    }
    // ANCHOR_END: get
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f` returns, panics or is dropped.
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
        self.entry.changed.notify_waiters();
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // Still computing: `f` panicked or was dropped, and nothing was published.
        if let State::Computing = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
            // The lock is free before the waiters wake: an executor may poll a task inside `wake`, on this thread, and
            // the task takes the lock.
            drop(state);
            // One waiter is to take over. But a task that is woken need not be polled: its future may lie somewhere,
            // not dropped and never polled again. So all waiters wake, and the first one that is polled leads.
            self.entry.changed.notify_waiters();
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

//! Step 3 on tokio's tasks: the same entries, with a ready signal that a task awaits.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// [`Memo`](crate::Memo) for async tasks: `get` is an `async fn`, and so is `f`.
///
/// The locks are still the operating system's. Each is held for a few instructions, and
/// never across an `.await` (then the future would not be `Send`, and the compiler would
/// refuse it). Callers await the ready signal: a [`Notify`], in place of a condition
/// variable. The memo works on any runtime, or on none, because that type is all that it
/// uses of tokio.
///
/// The future of [`get`](Memo::get) may be dropped at any time. The next caller then
/// leads. But a leader's future that is kept and never polled again keeps its key to
/// itself: other callers cannot tell it from a slow one. If callers may do that, as
/// branches of a `select!` in a loop do, take the memo of `memo3`, which computes in a
/// separate task.
///
/// Source: gopl section 9.7, `memo4`, whose callers are goroutines.
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
    /// Waiters wait here while the state is [`State::Computing`].
    changed: Notify,
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

impl<K, V, F, Called> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> Called,
    Called: Future<Output = V>,
{
    /// Creates an empty memo of `f`. The future that `f` returns cannot borrow the key: it takes a clone of what it
    /// needs.
    ///
    /// # Example
    ///
    /// A leader makes the call, and its future is dropped before the call ends. So the waiter makes a call of its
    /// own.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let memo = memo2::task::Memo::new(|key: &u64| {
    ///     let key = *key;
    ///     async move {
    ///         tokio::task::yield_now().await;
    ///         key * 2
    ///     }
    /// });
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// runtime.block_on(async {
    ///     let mut waiter = pin!(memo.get(&21));
    ///     {
    ///         let mut leader = pin!(memo.get(&21));
    ///         let mut context = Context::from_waker(Waker::noop());
    ///         assert_eq!(leader.as_mut().poll(&mut context), Poll::Pending);
    ///         assert_eq!(waiter.as_mut().poll(&mut context), Poll::Pending);
    ///     }
    ///     assert_eq!(waiter.await, 42);
    /// });
    /// ```
    pub fn new(f: F) -> Self {
        Memo { f, entries: Mutex::new(HashMap::new()), failed: AtomicUsize::new(0) }
    }

    /// Returns the value of `f` for `key`. It returns at once if the value is there,
    /// waits while a leader computes it, and calls `f` itself if there is no leader.
    ///
    /// `f` may ask this memo for other keys. `K`'s `Hash`, `Eq`, `Clone` and `Drop` run
    /// under the map's lock and `V`'s `Clone` under its entry's lock, so they must not
    /// ask this memo for anything.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any `.await`. If it was a waiter, nothing has
    /// happened. If it was the leader, its call of `f` is dropped first, and then the
    /// first waiter that is polled makes the next call.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see the panic:
    /// one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys or
    /// other tasks: the leader then waits for itself. Also if a leader's future is
    /// neither polled nor dropped.
    ///
    /// # Starvation
    ///
    /// A hit returns without yielding, and does not count against tokio's budget. A task
    /// that only makes hits keeps its worker from other tasks. It should await
    /// `tokio::task::consume_budget` now and then.
    // ANCHOR: get
    pub async fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        // A loop, because a woken waiter need not be first: after a panic a new caller
        // may lead before the woken waiter is polled again.
        loop {
            // Created before the look at the state. A change after that look then wakes
            // this waiter, even if this future has not been polled yet. Created after the
            // look, it could miss the change, and the waiter would sleep forever.
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

        // `lead` is declared before the future of `f` is created, so it is dropped after
        // that future. When the next leader begins, this call is gone.
        let lead = Lead { entry: &entry, failed: &self.failed };
        let value = (self.f)(key).await;
        lead.publish(&value);
        value
    }
    // ANCHOR_END: get

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
        let (state, changed) = (Mutex::new(State::Vacant), Notify::new());
        let entry = Arc::new(Entry { state, changed });
        entries.insert(key.clone(), entry.clone());
        entry
    }
}

// ANCHOR: lead
/// The leader's duty. As long as this guard lives, waiters rely on it to wake them,
/// whether `f` returns, panics or is dropped.
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
        self.entry.changed.notify_waiters();
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // The state is still `Computing`: `f` or a clone of its value panicked, or the
        // future was dropped. No value was published.
        if let State::Computing = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
            // The lock is released before the waiters wake: an executor may poll a task
            // inside `wake`, on this thread, and the task takes the lock.
            drop(state);
            // One waiter is enough to take over. But a woken task may never be polled:
            // its future may exist somewhere, neither dropped nor polled again. So all
            // waiters wake, and the first one that is polled leads.
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

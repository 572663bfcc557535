//! Step 3 on `may`'s coroutines: the same entries, with a ready signal that suspends the coroutine and not its
//! worker.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use may::sync::SyncFlag;
use parking_lot::Mutex;

/// [`Memo`](crate::Memo) for coroutines of [`may`]: a caller that waits gives its worker
/// to other coroutines. Threads may call it as well, and threads and coroutines may wait
/// for each other.
///
/// Callers wait for two things in a memo, and only one of them concerns the runtime. A
/// *lock* is held for a few instructions and never while a coroutine is suspended, so it
/// can be a lock of the operating system. A caller waits for the *ready signal* as long
/// as `f` takes, so that signal must suspend the coroutine. It is a [`SyncFlag`], in
/// place of a condition variable. A flag is raised once, so each call of `f` has a new
/// one (as in gopl, where each entry has a channel to close).
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
}

enum State<V> {
    /// No leader is computing: the next caller that sees this leads.
    Vacant,
    /// A leader is inside `f`. Waiters wait for its flag, which says that this call has
    /// ended, but not how.
    Computing(Arc<SyncFlag>),
    /// The value. This state is final.
    Ready(V),
}
// ANCHOR_END: entry

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
    /// Eight coroutines ask for one cold key. One of them calls `f`, and the others are suspended.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    ///
    /// let calls = Arc::new(AtomicUsize::new(0));
    /// let counted = calls.clone();
    /// let memo = Arc::new(memo2::coroutine::Memo::new(move |key: &u64| {
    ///     counted.fetch_add(1, Relaxed);
    ///     key * 2
    /// }));
    /// let ask = || {
    ///     let memo = memo.clone();
    ///     move || memo.get(&21)
    /// };
    /// // SAFETY: the body holds nothing of its OS thread while it yields, and needs little stack.
    /// let coroutines: Vec<_> = (0..8).map(|_| unsafe { may::coroutine::spawn(ask()) }).collect();
    /// assert!(coroutines.into_iter().all(|caller| caller.join().unwrap() == 42));
    /// assert_eq!(calls.load(Relaxed), 1);
    /// ```
    pub fn new(f: F) -> Self {
        Memo { f, entries: Mutex::new(HashMap::new()), failed: AtomicUsize::new(0) }
    }

    /// Returns the value of `f` for `key`. It returns at once if the value is there,
    /// waits while a leader computes it, and calls `f` itself if there is no leader.
    ///
    /// `f` runs on its caller. If the caller is a coroutine, `f` has only that
    /// coroutine's small stack. `f` may ask this memo for other keys. `K`'s `Hash`, `Eq`,
    /// `Clone` and `Drop` run under the map's lock and `V`'s `Clone` under its entry's
    /// lock. So they must not ask this memo for anything, and must not yield.
    ///
    /// If a caller is cancelled while it waits, the other callers do not notice. If a
    /// leader is cancelled inside `f`, the memo does what it does after a panic.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see the panic:
    /// one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys or
    /// other callers: the leader then waits for itself. Also if `f` overflows a
    /// coroutine's stack: then no destructor runs, and no waiter is woken.
    ///
    /// # Starvation
    ///
    /// A hit returns without yielding. A coroutine that only makes hits keeps its worker
    /// from other coroutines. It should call `may::coroutine::yield_now` now and then.
    // ANCHOR: get
    pub fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
        // A loop, because a woken waiter need not be first: after a panic all waiters
        // wake, and one of them leads.
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
            // The lock belongs to this OS thread, and the coroutine may continue on
            // another one, so it must let go of the lock first. A raised flag stays up,
            // so a wait that begins late returns at once.
            drop(state);
            ended.wait();
        };

        let lead = Lead { entry: &entry, ended, failed: &self.failed };
        let value = (self.f)(key);
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
        let entry = Arc::new(Entry { state: Mutex::new(State::Vacant) });
        entries.insert(key.clone(), entry.clone());
        entry
    }
}

// ANCHOR: lead
/// The leader's duty. As long as this guard lives, waiters rely on it to wake them,
/// whether `f` returns, panics or is cancelled.
struct Lead<'a, V> {
    entry: &'a Entry<V>,
    ended: Arc<SyncFlag>,
    failed: &'a AtomicUsize,
}

impl<V: Clone> Lead<'_, V> {
    fn publish(self, value: &V) {
        // `V`'s `Clone` is the user's code and may panic. It runs before the lock is
        // taken, while `self` still has its duty.
        let value = value.clone();
        *self.entry.state.lock() = State::Ready(value);
        // Dropping `self` raises the flag.
    }
}

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.entry.state.lock();
        // The state is still `Computing`: `f` or a clone of its value panicked, or the
        // leader was cancelled. No value was published.
        if let State::Computing(_) = *state {
            *state = State::Vacant;
            self.failed.fetch_add(1, Relaxed);
        }
        drop(state);
        // Wake all waiters, whether there is a value or not, because a flag cannot wake
        // just one. If this coroutine is cancelled, `fire` may unwind with the
        // cancellation before it has woken every waiter, and the rest would sleep
        // forever. So repeat it until it returns. The caught cancellation is not lost:
        // `may` raises it again at the coroutine's next wait.
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

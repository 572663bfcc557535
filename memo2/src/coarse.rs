//! Step 1: one lock around everything.
//!
//! # Example
//!
//! Eight callers ask for one cold key. One of them calls `f`, and the others wait for the lock.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
//! use std::thread;
//!
//! let calls = AtomicUsize::new(0);
//! let memo = memo2::coarse::Memo::new(|key: &u64| {
//!     calls.fetch_add(1, Relaxed);
//!     key * 2
//! });
//! thread::scope(|scope| {
//!     for _ in 0..8 {
//!         scope.spawn(|| assert_eq!(memo.get(&21), 42));
//!     }
//! });
//! assert_eq!(calls.load(Relaxed), 1);
//! ```

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

/// A memo that threads can share, because only one of them is inside at a time.
///
/// It is correct: `f` runs once per key. It is also serial: while `f` runs for one key,
/// every other caller waits, even a caller whose value is in the map. Sixty-four pages of
/// 10 ms each take 640 ms, however many threads ask.
///
/// Source: gopl section 9.7, `memo2`.
// ANCHOR: coarse
#[derive(Debug)]
pub struct Memo<K, V, F> {
    f: F,
    map: Mutex<HashMap<K, V>>,
}

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> V,
{
    /// Creates an empty memo of `f`.
    pub fn new(f: F) -> Self {
        Memo { f, map: Mutex::new(HashMap::new()) }
    }

    /// Returns the value of `f` for `key`, from the map if it is there.
    ///
    /// # Panics
    ///
    /// If `f` panics. The memo is then as it was before the call.
    ///
    /// # Deadlocks
    ///
    /// If `f`, or the code of `K` or `V`, asks this memo for anything: this call holds
    /// the lock, and the lock is not reentrant.
    pub fn get(&self, key: &K) -> V {
        // The lock is held until this function returns, so also while `f` runs. That is
        // the idea of this memo, and its flaw.
        let mut map = self.map.lock();
        if let Some(value) = map.get(key) {
            return value.clone();
        }
        let value = (self.f)(key);
        map.insert(key.clone(), value.clone());
        value
    }
}
// ANCHOR_END: coarse

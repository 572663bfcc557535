//! Step 1: one lock around everything.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

// ANCHOR: coarse
/// A memo that threads can share, because one of them at a time is inside.
///
/// It is right: `f` runs once a key. It is also serial: while `f` runs for one key, every other caller waits, even
/// those whose value is in the map. Sixty-four pages of 10 ms each take 640 ms, however many threads ask.
///
/// Source: gopl section 9.7, `memo2`.
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
    /// An empty memo of `f`.
    pub fn new(f: F) -> Self {
        Memo { f, map: Mutex::new(HashMap::new()) }
    }

    /// The value of `f` for `key`, from the map if it is there.
    ///
    /// # Panics
    ///
    /// If `f` panics; the memo is then as it was before the call.
    ///
    /// # Deadlocks
    ///
    /// If `f` asks this memo for anything, or the code of `K` or `V` does: the lock is not reentrant, and this call holds
    /// it.
    // ANCHOR: get
    pub fn get(&self, key: &K) -> V {
        // The lock is held until this function returns, so also while `f` runs: that is the whole idea, and the flaw.
        let mut map = self.map.lock();
        if let Some(value) = map.get(key) {
            return value.clone();
        }
        let value = (self.f)(key);
        map.insert(key.clone(), value.clone());
        value
    }
    // ANCHOR_END: get
}
// ANCHOR_END: coarse

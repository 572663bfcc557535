//! Step 2: the lock is released while `f` runs.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

/// A memo whose lock guards only the map: a caller takes it once to look and once to
/// store.
///
/// Distinct keys no longer wait for each other. But between the two visits the key is not
/// in the map, and every caller that looks in that time also calls `f`: a herd of `n`
/// callers makes up to `n` calls. The last call to return leaves its value in the map, so
/// callers of one key can hold different values.
///
/// Source: gopl section 9.7, `memo3`.
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
    ///
    /// # Example
    ///
    /// Eight callers are inside `f` for the same key at once. Otherwise the barrier would
    /// not open.
    ///
    /// ```
    /// use std::sync::Barrier;
    /// use std::thread;
    ///
    /// let all_inside = Barrier::new(8);
    /// let memo = memo2::duplicating::Memo::new(|key: &u64| {
    ///     all_inside.wait();
    ///     key * 2
    /// });
    /// thread::scope(|scope| {
    ///     for _ in 0..8 {
    ///         scope.spawn(|| assert_eq!(memo.get(&21), 42));
    ///     }
    /// });
    /// ```
    pub fn new(f: F) -> Self {
        Memo { f, map: Mutex::new(HashMap::new()) }
    }

    /// Returns the value of `f` for `key`, from the map if it is there.
    ///
    /// `f` may ask this memo for other keys. `K`'s `Hash`, `Eq` and `Clone` and `V`'s
    /// `Clone` and `Drop` run under the lock, so they must not ask this memo for
    /// anything.
    ///
    /// # Panics
    ///
    /// If `f` panics. The memo is then as it was before the call.
    // ANCHOR: get
    pub fn get(&self, key: &K) -> V {
        // The first visit. The guard is a temporary of this statement and is dropped at
        // its semicolon. (A temporary in the head of a `match` would live on through the
        // arms. Then `f` would run under the lock, and the second visit would wait for
        // the first, forever.)
        let hit = self.map.lock().get(key).cloned();
        if let Some(value) = hit {
            return value;
        }
        // No lock is held while `f` runs, so a slow `f` keeps no caller out.
        let value = (self.f)(key);
        // The second visit.
        self.map.lock().insert(key.clone(), value.clone());
        value
    }
    // ANCHOR_END: get
}

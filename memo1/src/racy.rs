//! The memo with a data race: what `unsafe` lets you build if you do not keep its promise.

use crate::cell::UnsafeCell;
use std::collections::HashMap;
use std::hash::Hash;

// ANCHOR: racy
/// [`Memo`](crate::Memo) with the compiler's refusal overruled. Any thread may call
/// [`get`](Memo::get), and nothing keeps two threads apart.
///
/// Source: gopl section 9.7, `memo1`, as its test runs it: from many goroutines at once.
pub struct Memo<K, V, F> {
    f: F,
    map: UnsafeCell<HashMap<K, V>>,
}

// ANCHOR: promise
// SAFETY: `get` is the only way to the map, and its contract lets in one call at a time,
// each ordered after the one before it. Under that contract, sharing a memo is like
// handing it from thread to thread. So whatever moves between threads must be `Send` (as
// for a `Mutex`): the keys, the values and `f`. This line is a promise that the *callers*
// keep: nothing below checks it.
unsafe impl<K: Send, V: Send, F: Send> Sync for Memo<K, V, F> {}
// ANCHOR_END: promise

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
    /// ```
    /// let memo = memo1::racy::Memo::new(|key: &u64| key * 2);
    /// // SAFETY: one thread makes these calls, and `f` does not ask the memo.
    /// let values = unsafe { [memo.get(&20), memo.get(&21), memo.get(&20)] };
    /// assert_eq!(values, [40, 42, 40]);
    /// ```
    pub fn new(f: F) -> Self {
        Memo { f, map: UnsafeCell::new(HashMap::new()) }
    }

    // ANCHOR: get
    /// Returns the value of `f` for `key`, from the map if it is there.
    ///
    /// # Safety
    ///
    /// Calls must not overlap. Between the start of a call and its return or panic, no
    /// other call of `get` on this memo may begin: not on another thread, and not from
    /// `f`, nor from the `Hash`, `Eq`, `Clone` or `Drop` of `K` or `V`. Also, the end of
    /// each call must happen before the start of the next: both are on one thread, or a
    /// lock, a channel or a join is between them.
    ///
    /// # Panics
    ///
    /// If `f` panics. The memo is then as it was before the call.
    pub unsafe fn get(&self, key: &K) -> V {
        // SAFETY: no other call is under way (the caller's promise), so nothing writes
        // the map while this call reads it.
        let hit = self.map.with(|map| unsafe { &*map }.get(key).cloned());
        if let Some(value) = hit {
            return value;
        }
        let value = (self.f)(key);
        // SAFETY: no other call is under way (the caller's promise), so this is the only
        // reference to the map.
        self.map.with_mut(|map| unsafe { &mut *map }.insert(key.clone(), value.clone()));
        value
    }
    // ANCHOR_END: get
}
// ANCHOR_END: racy

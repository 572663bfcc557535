//! The memo for one thread, in safe Rust.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

/// A memo for one thread. It calls `f` once per key, and then answers from its map.
///
/// It is not [`Sync`], so no two threads can share it. You need not remember that rule: a
/// program that breaks it does not compile.
///
/// Source: gopl section 9.7, `memo1`, before its test runs it from many goroutines.
// The compiler's refusal starts at the field `map`. A `RefCell` counts the borrows of the
// map in a plain integer. Two threads could both read 0, so a `RefCell` is not `Sync`, and
// neither is a type that holds one.
// ANCHOR: memo
#[derive(Debug)]
pub struct Memo<K, V, F> {
    f: F,
    map: RefCell<HashMap<K, V>>,
}

impl<K, V, F> Memo<K, V, F>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Fn(&K) -> V,
{
    /// Creates an empty memo of `f`.
    pub fn new(f: F) -> Self {
        Memo { f, map: RefCell::new(HashMap::new()) }
    }

    /// Returns the value of `f` for `key`, from the map if it is there.
    ///
    /// `f` may ask this memo for *other* keys: the map is not borrowed while `f` runs.
    ///
    /// # Panics
    ///
    /// If `f` panics. The memo is then as it was before the call. If `f` asks for its own
    /// key, it recurses until the stack overflows, as it would without a memo.
    ///
    /// `get` may also panic if the code of `K` or `V` asks this memo, because the map is
    /// borrowed while that code runs.
    pub fn get(&self, key: &K) -> V {
        if let Some(value) = self.map.borrow().get(key) {
            return value.clone();
        }
        let value = (self.f)(key);
        self.map.borrow_mut().insert(key.clone(), value.clone());
        value
    }
}
// ANCHOR_END: memo

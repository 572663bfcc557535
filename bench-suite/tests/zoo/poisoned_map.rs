//! A poisoned map: after one panic of `f`, for one key, the memo is useless for all keys.
//!
//! - **Where**: any code that writes `lock().unwrap()` around foreign code, as the caches of tower-resilience did
//!   (its issue 313). elsa's `sync::FrozenMap` is poisoned forever by one panic.
//! - **Why it goes wrong**: a `Mutex` of the standard library is poisoned if its holder panics. What it guards may
//!   have been left half changed, so every later `lock` returns an `Err`. Here nothing was half changed, because `f`
//!   runs before the insertion, but `lock` does not know that.
//! - **Caught by**: `panic-other-keys`, which breaks: the next caller, of a key that is in the map, sees a panic that
//!   is not `f`'s.
//!
//! This memo is also serial. That is not a second mistake: it is `memo2::coarse`, with another lock.

use std::collections::HashMap;
use std::sync::Mutex;

use bench_suite::subject::{Function, Key, Value};

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    map: Mutex<HashMap<K, V>>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, map: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        // WRONG: a correct memo has `lock().unwrap_or_else(PoisonError::into_inner)`, which says that a panic leaves
        // the map usable; or it has a lock that does not poison, such as parking_lot's.
        let mut map = self.map.lock().unwrap();
        if let Some(value) = map.get(key) {
            return value.clone();
        }
        let value = (self.f)(key);
        map.insert(key.clone(), value.clone());
        value
    }
}

//! A poisoned map: one panic of `f`, for one key, and the memo is of no use for any.
//!
//! - **Where**: whoever writes `lock().unwrap()` round foreign code, as the caches of tower-resilience did (its issue
//!   313). elsa's `sync::FrozenMap` is poisoned for ever by one panic.
//! - **Why it goes wrong**: a `Mutex` of the standard library whose holder panics is poisoned: what it guards may have
//!   been left half changed, so every later `lock` is an `Err`. Here nothing was half changed, since `f` runs before
//!   the insertion, but nobody asks.
//! - **Caught by**: `panic-other-keys`, which breaks: the next caller, of a key that is in the map, sees a panic that
//!   is not `f`'s.
//!
//! That it is serial as well is no slip: it is `memo2::coarse`, with another lock.

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
        // WRONG: `lock().unwrap_or_else(PoisonError::into_inner)`, which says that the map can bear a panic; or a lock
        // that does not poison, as parking_lot's.
        let mut map = self.map.lock().unwrap();
        if let Some(value) = map.get(key) {
            return value.clone();
        }
        let value = (self.f)(key);
        map.insert(key.clone(), value.clone());
        value
    }
}

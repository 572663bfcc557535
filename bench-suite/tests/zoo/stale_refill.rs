//! A stale refill: a forgotten call ends, and stores its value in the place of the new one.
//!
//! - **Where**: any code that fills a cache with what it has read elsewhere. Facebook's memcache has leases against
//!   this mistake ("Scaling Memcache at Facebook", NSDI 2013, section 3.2.1: stale sets).
//! - **Why it goes wrong**: a caller forgets a key because what `f` has read so far is out of date. The old call does
//!   not know that, and inserts its value after the key was forgotten. From then on all callers get that value.
//! - **Caught by**: `forgotten-in-f`, which breaks: the next caller gets the old call's value.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    known: Mutex<Known<K, V>>,
}

struct Known<K, V> {
    values: HashMap<K, V>,
    calls: HashMap<K, Arc<OnceLock<V>>>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, known: Mutex::new(Known { values: HashMap::new(), calls: HashMap::new() }) }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let mut known = self.known.lock();
        if let Some(value) = known.values.get(key) {
            return value.clone();
        }
        let call = known.calls.entry(key.clone()).or_default().clone();
        drop(known);

        let value = call.get_or_init(|| (self.f)(key)).clone();
        let mut known = self.known.lock();
        // WRONG: a correct memo has this line inside the `if`. If the map no longer has this call, it was forgotten,
        // and its value with it.
        known.values.insert(key.clone(), value.clone());
        if known.calls.get(key).is_some_and(|now| Arc::ptr_eq(now, &call)) {
            known.calls.remove(key);
        }
        value
    }

    pub(crate) fn forget(&self, key: &K) {
        let mut known = self.known.lock();
        known.values.remove(key);
        known.calls.remove(key);
    }
}

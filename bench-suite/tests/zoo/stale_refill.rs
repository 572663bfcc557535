//! A stale refill: a call that was forgotten ends, and puts its value where the new one's belongs.
//!
//! - **Where**: whatever fills a cache after having asked elsewhere. Facebook's memcache has leases against it
//!   ("Scaling Memcache at Facebook", NSDI 2013, section 3.2.1: stale sets).
//! - **Why it goes wrong**: whoever forgets a key has reason to: what `f` has read by then is out of date. The old call
//!   does not know, and inserts its value after the key was forgotten. From then on that is what everybody gets.
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
        // WRONG: inside of the `if`. A call that is no longer there was forgotten, and its value with it.
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

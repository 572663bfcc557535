//! Forgets by key: a call that ends removes the entry of its key, even if that entry is now another call's.
//!
//! - **Where**: Go's `x/sync/singleflight`. A call that ended deleted its key, and after a `Forget` that was the key
//!   of a newer call (golang/go issue 31420). janos/singleflight had copied the mistake, and fixed it in its pull
//!   request 14.
//! - **Why it goes wrong**: the key is the same, but the call is not. The old call ends and removes the new one,
//!   which is still under way. The next caller finds no call, and makes a third call beside it.
//! - **Caught by**: `forgotten-in-f`, which breaks: there are three calls, where the second should have served two
//!   callers.

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
        if known.calls.get(key).is_some_and(|now| Arc::ptr_eq(now, &call)) {
            known.values.insert(key.clone(), value.clone());
        }
        // WRONG: a correct memo has this line inside the `if`, which checks that the map still has this call.
        known.calls.remove(key);
        value
    }

    pub(crate) fn forget(&self, key: &K) {
        let mut known = self.known.lock();
        known.values.remove(key);
        known.calls.remove(key);
    }
}

//! Forgets by key: at its end a call takes out what is there under its key, whatever that is by then.
//!
//! - **Where**: Go's `x/sync/singleflight`, whose calls deleted their key when they ended: after a `Forget`, that of a
//!   newer call (golang/go issue 31420; janos/singleflight had taken it along, and mended it in its pull request 14).
//! - **Why it goes wrong**: the key is the same, and the call is not. The old call ends and removes the new one, which
//!   is still under way: whoever comes next finds nothing, and calls `f` once more beside it.
//! - **Caught by**: `forgotten-in-f`, which breaks: three calls, where the second should have served two callers.

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
        // WRONG: inside of the `if`, which asks whether it is still this call.
        known.calls.remove(key);
        value
    }

    pub(crate) fn forget(&self, key: &K) {
        let mut known = self.known.lock();
        known.values.remove(key);
        known.calls.remove(key);
    }
}

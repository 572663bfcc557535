//! A poisoned entry: after one panic of `f` for a key, every later call for that key panics.
//!
//! - **Where**: a plausible student's mistake. In `std::sync::Once` the student finds just what an entry needs.
//!   `LazyLock` does the same.
//! - **Why it goes wrong**: a `Once` whose closure panics is poisoned, and `call_once` panics from then on. That is
//!   right for something that a program cannot go on without. But a memo's `f` may succeed the next time.
//! - **Caught by**: `panic-to-caller`, which breaks: the second caller does not see a panic of `f`, but one of
//!   `Once`.

use std::collections::HashMap;
use std::sync::{Arc, Once, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

struct Entry<V> {
    computed: Once,
    value: OnceLock<V>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let new = || Arc::new(Entry { computed: Once::new(), value: OnceLock::new() });
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(new).clone();
        // WRONG: a correct memo has `entry.value.get_or_init(|| (self.f)(key))`, and no `Once`: after a panic the
        // next caller tries.
        entry.computed.call_once(|| drop(entry.value.set((self.f)(key))));
        entry.value.get().expect("it has been computed").clone()
    }
}

//! Check, then act: the entry is looked up under one hold of the lock, and inserted under the next.
//!
//! - **Where**: the classic slip with a readers' lock, which cannot be turned into a writer's: between `read()` and
//!   `write()` it is free. (The beginner's memo in `bench-suite/src/subject/mine.rs` looks a second time.)
//! - **Why it goes wrong**: two callers of a cold key both look before either inserts. Each inserts an entry of its
//!   own, leads, and calls `f`; the second entry replaces the first, and the first one's value is lost.
//! - **Caught by**: `callers-in-step`, which breaks: of thousands of pairs that come in the same instant, some make two
//!   calls.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::RwLock;

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    entries: RwLock<HashMap<K, Arc<OnceLock<V>>>>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: RwLock::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        self.entry(key).get_or_init(|| (self.f)(key)).clone()
    }

    fn entry(&self, key: &K) -> Arc<OnceLock<V>> {
        if let Some(entry) = self.entries.read().get(key) {
            return entry.clone();
        }
        let entry = Arc::new(OnceLock::new());
        // WRONG: `self.entries.write().entry(key.clone()).or_insert(entry).clone()`, which looks again: since the first
        // look the lock was free, and somebody else may have inserted.
        self.entries.write().insert(key.clone(), entry.clone());
        entry
    }
}

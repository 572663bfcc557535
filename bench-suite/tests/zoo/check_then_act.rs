//! Check, then act: the memo looks an entry up under one hold of the lock, and inserts it under the next.
//!
//! - **Where**: the classic mistake with a reader-writer lock. A read lock cannot become a write lock, so the lock is
//!   free between `read()` and `write()`. (The beginner's memo in `bench-suite/src/subject/mine.rs` looks a second
//!   time.)
//! - **Why it goes wrong**: two callers of a cold key both look before either inserts. Each inserts an entry of its
//!   own, leads, and calls `f`. The second entry replaces the first, and the first one's value is lost.
//! - **Caught by**: `callers-in-step`, which breaks: thousands of pairs of callers ask at the same instant, and some
//!   pairs make two calls.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::RwLock;

// ANCHOR: memo
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
        // WRONG: a correct memo has
        // `self.entries.write().entry(key.clone()).or_insert(entry).clone()`, which looks
        // again: the lock was free after the first look, so another caller may have
        // inserted an entry.
        self.entries.write().insert(key.clone(), entry.clone());
        entry
    }
}
// ANCHOR_END: memo

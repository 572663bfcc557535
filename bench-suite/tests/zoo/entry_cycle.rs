//! A cycle of entries: the memo holds its entries and each entry holds the memo, so none of them is ever dropped.
//!
//! - **Where**: a plausible student's mistake. The student gives each entry all that it needs to compute its value.
//!   This is the one leak that safe Rust makes easy.
//! - **Why it goes wrong**: an `Arc` drops its content when its last clone is dropped. When the owner of the memo
//!   drops it, the entries still hold the `Shared`, and the `Shared` holds the entries.
//! - **Caught by**: `values-dropped`, which breaks: the memo is gone, and all its values are left.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

// ANCHOR: bug
pub(crate) struct Memo<K, V>(Arc<Shared<K, V>>);

struct Shared<K, V> {
    f: Function<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<K, V>>>>,
}

struct Entry<K, V> {
    key: K,
    value: OnceLock<V>,
    // WRONG: a correct memo has `Weak<Shared<K, V>>` or, better, no such field: a caller
    // that uses an entry has the memo, and can lend it.
    memo: Arc<Shared<K, V>>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo(Arc::new(Shared { f, entries: Mutex::default() }))
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let value = OnceLock::new();
        let new = || Arc::new(Entry { key: key.clone(), value, memo: self.0.clone() });
        let entry = self.0.entries.lock().entry(key.clone()).or_insert_with(new).clone();
        entry.value()
    }
}

impl<K: Key, V: Value> Entry<K, V> {
    fn value(&self) -> V {
        self.value.get_or_init(|| (self.memo.f)(&self.key)).clone()
    }
}
// ANCHOR_END: bug

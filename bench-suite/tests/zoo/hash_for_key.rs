//! The hash for the key: the map is keyed by the key's hash, and the key itself is not kept.
//!
//! - **Where**: ristretto at first (dgraph-io/ristretto issue 30), and pingora's TinyUFO (cloudflare/pingora issue
//!   406). It saves memory, and the clone of a key.
//! - **Why it goes wrong**: two keys may have the same hash, and then the second gets the value of the first. With 64
//!   bits and few keys that does not happen by accident. It does happen on purpose, and with weaker hash functions.
//! - **Caught by**: `same-hash-values`, which breaks: the second of its keys gets the value of the first.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

// ANCHOR: fields
pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    hasher: RandomState,
    // WRONG: a correct memo has `HashMap<K, Arc<OnceLock<V>>>`, which compares the keys
    // whose hashes are equal.
    entries: Mutex<HashMap<u64, Arc<OnceLock<V>>>>,
    keys: PhantomData<K>,
}
// ANCHOR_END: fields

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        let hasher = RandomState::new();
        Memo { f, hasher, entries: Mutex::default(), keys: PhantomData }
    }

    // ANCHOR: get
    pub(crate) fn get(&self, key: &K) -> V {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.lock().entry(hash).or_default().clone();
        entry.get_or_init(|| (self.f)(key)).clone()
    }
    // ANCHOR_END: get
}

//! A lock around `f`: each shard of the map has a lock of its own, and `f` runs while it is held.
//!
//! - **Where**: dashmap's `entry(key).or_insert_with(f)`, and the same in scc and elsa (dashmap's issues 74 and 233
//!   ask that its documentation describe such deadlocks). Python's `functools.cached_property` had one lock for all
//!   objects of a class, and lost its lock for that reason (cpython issue 87634).
//! - **Why it goes wrong**: keys that have nothing to do with each other share a shard, and a caller of one waits for
//!   the other's `f`. If `f` asks the memo for such a key, it waits for itself. With sixteen shards that is rare, and
//!   so a matter of luck, but it is still wrong.
//! - **Caught by**: `same-hash-overlap`, which hangs: keys with the same hash always share a shard.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

// ANCHOR: memo
const SHARDS: usize = 16;

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    hasher: RandomState,
    shards: [Mutex<HashMap<K, V>>; SHARDS],
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, hasher: RandomState::new(), shards: Default::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        if let Some(value) = shard.get(key) {
            return value.clone();
        }
        // WRONG: a correct memo has shards of entries, each with a lock or a `OnceLock`
        // of its own, and releases the shard's lock before it calls `f`.
        let value = (self.f)(key);
        shard.insert(key.clone(), value.clone());
        value
    }
}
// ANCHOR_END: memo

//! Bring your own: this file is yours. Put your memo here, and it stands in every table as `mine`.
//!
//! 1. Replace [`MyMemo`] below, keeping `new` and `get` as they are called.
//! 2. `cargo lab conformance mine` shows what your memo keeps of the contract; `cargo lab conformance`, next to the
//!    others. A hang is found out and shown; it costs you some seconds and nothing else.
//! 3. `cargo bench` measures it beside the others; `cargo bench -- memo_hit` measures only the hits.
//! 4. `cargo lab demo --memo mine` fetches pages through it.
//!
//! What stands here first is an honest beginner's memo: readers share the lock, and a miss computes under the writer's
//! lock. Ask the conformance suite what is wrong with it before you replace it.

use std::collections::HashMap;
use std::sync::RwLock;

use super::{Function, Key, Memo, Subject, Value};

/// Your memo of the function `f`.
#[derive(Debug)]
pub struct MyMemo<K, V, F> {
    f: F,
    map: RwLock<HashMap<K, V>>,
}

impl<K: Key, V: Value, F: Fn(&K) -> V> MyMemo<K, V, F> {
    /// An empty memo of `f`.
    pub fn new(f: F) -> Self {
        MyMemo { f, map: RwLock::default() }
    }

    /// The value of `f` for `key`.
    ///
    /// # Panics
    ///
    /// If `f` panics, and ever after: the lock is poisoned then.
    pub fn get(&self, key: &K) -> V {
        if let Some(value) = self.map.read().unwrap().get(key) {
            return value.clone();
        }
        let mut map = self.map.write().unwrap();
        map.entry(key.clone()).or_insert_with(|| (self.f)(key)).clone()
    }
}

// From here on nothing needs to change: this is how the suite finds your memo.

/// The slot in the registry.
#[derive(Debug)]
pub struct Mine;

impl Subject for Mine {
    const NAME: &'static str = "mine";
    const WHAT: &'static str = "your own, in bench-suite/src/subject/mine.rs";
    type Memo<K: Key, V: Value> = MyMemo<K, V, Function<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        MyMemo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for MyMemo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

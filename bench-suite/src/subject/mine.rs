//! Bring your own: this file is yours. Put your memo here, and every table lists it as `mine`.
//!
//! 1. Replace [`MyMemo`] below, keeping `new` and `get` as they are called.
//! 2. `cargo lab conformance mine` shows which parts of the contract your memo keeps; `cargo lab conformance` shows it
//!    beside the others. A hang is detected and shown, and costs you some seconds and nothing else.
//! 3. `cargo bench` measures it beside the others; `cargo bench -- memo_hit` measures only the hits.
//! 4. `cargo lab demo --memo mine` fetches pages through it.
//!
//! It starts with an honest beginner's memo: readers share the lock, and a miss computes under the write lock. Ask
//! `cargo lab conformance mine` what is wrong with it before you replace it.

use std::collections::HashMap;
use std::sync::RwLock;

use super::{About, Function, Key, Memo, Subject, Value};

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
    /// If `f` panics. After that every call panics, because the lock is poisoned.
    pub fn get(&self, key: &K) -> V {
        if let Some(value) = self.map.read().unwrap().get(key) {
            return value.clone();
        }
        let mut map = self.map.write().unwrap();
        map.entry(key.clone()).or_insert_with(|| (self.f)(key)).clone()
    }
}

// You need not change the rest: it is how the suite finds your memo.

/// The registry's line for your memo.
#[derive(Debug)]
pub struct Mine;

impl Subject for Mine {
    const ABOUT: About = About::new("mine", "your own, in bench-suite/src/subject/mine.rs").filled();
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

//! This workspace's memos for coroutines. Threads can call them too.

use super::Callers::{Coroutines, Threads};
use super::{About, Function, Key, Memo, Subject, Value};
use crate::coroutine;

/// `memo2::coroutine::Memo`.
#[derive(Debug)]
pub struct Memo2Coroutine;

impl Subject for Memo2Coroutine {
    const ABOUT: About =
        About::ours("memo2::coroutine", "memo2::coroutine::Memo: its ready signal suspends a coroutine")
            .made_for(Coroutines)
            .also_called_by(&[Threads]);
    type Memo<K: Key, V: Value> = memo2::coroutine::Memo<K, V, Function<K, V>>;

    fn prepare() {
        coroutine::runtime();
    }

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::coroutine::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo2::coroutine::Memo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

/// `memo3::coroutine::Memo`.
#[derive(Debug)]
pub struct Memo3Coroutine;

impl Subject for Memo3Coroutine {
    const ABOUT: About =
        About::ours("memo3::coroutine", "memo3::coroutine::Memo: the monitor is a coroutine, and so is each call of f")
            .made_for(Coroutines)
            .also_called_by(&[Threads]);
    type Memo<K: Key, V: Value> = memo3::coroutine::Memo<K, V>;

    fn prepare() {
        coroutine::runtime();
    }

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        // SAFETY: `f` is fit for coroutines, as `Subject::memo` requires: the programs of the specification are, as the
        // head of `coroutine.rs` promises, and each workload and the demo promise it for their own. Keys and values are
        // numbers, strings, items, and bodies behind an `Arc`: their `Hash`, `Eq` and `Drop` do not yield, and are not
        // deep.
        unsafe { memo3::coroutine::Memo::new(f) }
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo3::coroutine::Memo<K, V> {
    fn get(&self, key: &K) -> V {
        // The request carries the key to the monitor.
        self.get(key.clone())
    }
}

//! This workspace's own memos.

use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::{Function, HashFunction, Key, Memo, OneThread, Subject, Value};

/// `memo1::Memo`, for one thread only.
#[derive(Debug)]
pub struct Memo1;

impl OneThread for Memo1 {
    const NAME: &'static str = "memo1";
    const WHAT: &'static str = "memo1::Memo: a map, and no lock";
    type Memo<K: Key, V: Value> = memo1::Memo<K, V, Function<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo1::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo1::Memo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

/// `memo2::coarse::Memo`.
#[derive(Debug)]
pub struct Coarse;

impl Subject for Coarse {
    const NAME: &'static str = "memo2::coarse";
    const WHAT: &'static str = "memo2::coarse::Memo: one lock, held while f runs";
    type Memo<K: Key, V: Value> = memo2::coarse::Memo<K, V, Function<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::coarse::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo2::coarse::Memo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

/// `memo2::duplicating::Memo`.
#[derive(Debug)]
pub struct Duplicating;

impl Subject for Duplicating {
    const NAME: &'static str = "memo2::duplicating";
    const WHAT: &'static str = "memo2::duplicating::Memo: one lock, let go while f runs";
    type Memo<K: Key, V: Value> = memo2::duplicating::Memo<K, V, Function<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::duplicating::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo2::duplicating::Memo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

/// `memo2::Memo`.
#[derive(Debug)]
pub struct Memo2;

impl Subject for Memo2 {
    const NAME: &'static str = "memo2";
    const WHAT: &'static str = "memo2::Memo: a lock and a ready signal for each key";
    type Memo<K: Key, V: Value> = memo2::Memo<K, V, Function<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo2::Memo<K, V, Function<K, V>> {
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

/// `memo2::lending::Memo`.
#[derive(Debug)]
pub struct Lending<S = RandomState>(PhantomData<S>);

impl<S: HashFunction> Subject for Lending<S> {
    const NAME: &'static str = "memo2::lending";
    const WHAT: &'static str = "memo2::lending::Memo: a hit takes no lock";
    type Memo<K: Key, V: Value> = memo2::lending::Memo<K, V, Function<K, V>, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::lending::Memo::with_hasher(f, S::default())
    }
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for memo2::lending::Memo<K, V, Function<K, V>, S> {
    fn get(&self, key: &K) -> V {
        // It lends; the others give, and so this one does here.
        self.get(key).clone()
    }
}

/// `memo3::Memo`.
#[derive(Debug)]
pub struct Memo3;

impl Subject for Memo3 {
    const NAME: &'static str = "memo3";
    const WHAT: &'static str = "memo3::Memo: a monitor thread owns the map";
    type Memo<K: Key, V: Value> = memo3::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo3::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo3::Memo<K, V> {
    fn get(&self, key: &K) -> V {
        // The request takes the key along to the monitor.
        self.get(key.clone())
    }
}

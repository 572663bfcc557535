//! This workspace's own memos.

use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::Callers::Coroutines;
use super::{About, Function, HashFunction, Key, Memo, OneThread, Subject, Value, Visitor};

/// `memo1::Memo`, for one thread only.
#[derive(Debug)]
pub struct Memo1;

impl OneThread for Memo1 {
    const ABOUT: About = About::ours("memo1", "memo1::Memo: a map, and no lock").hit_takes("no lock");
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
    const ABOUT: About =
        About::ours("memo2::coarse", "memo2::coarse::Memo: one lock, held while f runs").hit_takes("one lock");
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
    const ABOUT: About = About::ours("memo2::duplicating", "memo2::duplicating::Memo: one lock, let go while f runs")
        .hit_takes("one lock");
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
    const ABOUT: About = About::ours("memo2", "memo2::Memo: a lock and a ready signal for each key")
        .also_called_by(&[Coroutines])
        .filled()
        .hit_takes("two locks");
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
    const ABOUT: About =
        About::ours("memo2::lending", "memo2::lending::Memo: a hit takes no lock").filled().hit_takes("no lock");
    type Memo<K: Key, V: Value> = memo2::lending::Memo<K, V, Function<K, V>, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo2::lending::Memo::with_hasher(f, S::default())
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<Lending<H>>();
    }
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for memo2::lending::Memo<K, V, Function<K, V>, S> {
    fn get(&self, key: &K) -> V {
        // It lends a reference. The other memos give a clone, so here it does too.
        self.get(key).clone()
    }
}

/// `memo3::Memo`.
#[derive(Debug)]
pub struct Memo3;

impl Subject for Memo3 {
    const ABOUT: About = About::ours("memo3", "memo3::Memo: a monitor thread owns the map")
        .also_called_by(&[Coroutines])
        .hit_takes("two messages");
    type Memo<K: Key, V: Value> = memo3::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        memo3::Memo::new(f)
    }
}

impl<K: Key, V: Value> Memo<K, V> for memo3::Memo<K, V> {
    fn get(&self, key: &K) -> V {
        // The request carries the key to the monitor.
        self.get(key.clone())
    }
}

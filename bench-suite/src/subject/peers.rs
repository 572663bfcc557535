//! The peers: what a Rust user would pick instead of our memos, each used as its documentation says.
//!
//! By default each has the hash function that its users get.

use std::hash::RandomState;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use super::{About, Function, HashFunction, Key, Memo, Subject, Value, Visitor};

/// How many entries a bounded cache may hold: more than any experiment asks for, so that nothing is evicted.
const UNBOUNDED: usize = 1 << 24;

/// `dashmap` with an `Arc<OnceLock>` for each key: the shard's lock is released before the value is computed.
#[derive(Debug)]
pub struct Dashmap<S = RandomState>(PhantomData<S>);

impl<S: HashFunction> Subject for Dashmap<S> {
    const ABOUT: About =
        About::new("dashmap", "dashmap::DashMap of Arc<OnceLock>").filled().hit_takes("a shard's lock");
    type Memo<K: Key, V: Value> = DashmapMemo<K, V, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        DashmapMemo { f, map: dashmap::DashMap::with_hasher(S::default()) }
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<Dashmap<H>>();
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct DashmapMemo<K, V, S> {
    f: Function<K, V>,
    map: dashmap::DashMap<K, Arc<OnceLock<V>>, S>,
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for DashmapMemo<K, V, S> {
    fn get(&self, key: &K) -> V {
        // A hit clones the value under the shard's read lock, where cloning the `Arc` would touch its counter twice.
        if let Some(entry) = self.map.get(key)
            && let Some(value) = entry.get()
        {
            return value.clone();
        }
        let entry = self.map.entry(key.clone()).or_default().clone();
        entry.get_or_init(|| (self.f)(key)).clone()
    }

    fn forget(&self, key: &K) -> bool {
        self.map.remove(key);
        true
    }
}

/// `moka::sync::Cache`, by `get_with`.
#[derive(Debug)]
pub struct Moka<S = RandomState>(PhantomData<S>);

impl<S: HashFunction> Subject for Moka<S> {
    const ABOUT: About = About::new("moka", "moka::sync::Cache::get_with").filled().hit_takes("no lock, a record");
    type Memo<K: Key, V: Value> = MokaMemo<K, V, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        MokaMemo { f, cache: moka::sync::Cache::builder().build_with_hasher(S::default()) }
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<Moka<H>>();
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct MokaMemo<K, V, S> {
    f: Function<K, V>,
    cache: moka::sync::Cache<K, V, S>,
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for MokaMemo<K, V, S> {
    fn get(&self, key: &K) -> V {
        self.cache.get_with_by_ref(key, || (self.f)(key))
    }

    fn forget(&self, key: &K) -> bool {
        self.cache.invalidate(key);
        true
    }
}

/// `once_map::OnceMap`.
#[derive(Debug)]
pub struct OnceMap<S = once_map::RandomState>(PhantomData<S>);

impl<S: HashFunction> Subject for OnceMap<S> {
    const ABOUT: About =
        About::new("once_map", "once_map::sync::OnceMap::map_insert_ref").filled().hit_takes("a shard's lock");
    type Memo<K: Key, V: Value> = OnceMapMemo<K, V, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        OnceMapMemo { f, map: once_map::sync::OnceMap::with_hasher(S::default()) }
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<OnceMap<H>>();
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct OnceMapMemo<K, V, S> {
    f: Function<K, V>,
    map: once_map::sync::OnceMap<K, V, S>,
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for OnceMapMemo<K, V, S> {
    fn get(&self, key: &K) -> V {
        self.map.map_insert_ref(key, K::clone, |key| (self.f)(key), |_, value| value.clone())
    }
}

/// `papaya::HashMap` with an `Arc<OnceLock>` for each key.
#[derive(Debug)]
pub struct Papaya<S = RandomState>(PhantomData<S>);

impl<S: HashFunction> Subject for Papaya<S> {
    const ABOUT: About = About::new("papaya", "papaya::HashMap of OnceLock").filled().hit_takes("no lock, a guard");
    type Memo<K: Key, V: Value> = PapayaMemo<K, V, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        // A map that grows in steps takes them when it is written. One that is filled and then only read would keep two
        // tables and look into both: a hit then took 140 ns instead of 40.
        let map = papaya::HashMap::builder().hasher(S::default()).resize_mode(papaya::ResizeMode::Blocking).build();
        PapayaMemo { f, map }
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<Papaya<H>>();
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct PapayaMemo<K, V, S> {
    f: Function<K, V>,
    map: papaya::HashMap<K, OnceLock<V>, S>,
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for PapayaMemo<K, V, S> {
    fn get(&self, key: &K) -> V {
        // While the map is pinned, an entry can be borrowed from it for as long as the call takes.
        let map = self.map.pin();
        let entry = match map.get(key) {
            Some(entry) => entry,
            None => map.get_or_insert_with(key.clone(), OnceLock::new),
        };
        entry.get_or_init(|| (self.f)(key)).clone()
    }

    fn forget(&self, key: &K) -> bool {
        self.map.pin().remove(key);
        true
    }
}

/// `quick_cache`, which serves threads and tasks from one cache.
pub(super) type UnboundedQuickCache<K, V, S = quick_cache::DefaultHashBuilder> =
    quick_cache::sync::Cache<K, V, quick_cache::UnitWeighter, S>;

pub(super) fn unbounded_quick_cache<K: Key, V: Value, S: HashFunction>() -> UnboundedQuickCache<K, V, S> {
    quick_cache::sync::Cache::with(
        UNBOUNDED,
        UNBOUNDED as u64,
        quick_cache::UnitWeighter,
        S::default(),
        quick_cache::sync::DefaultLifecycle::default(),
    )
}

/// `quick_cache::sync::Cache`, by `get_or_insert_with`.
#[derive(Debug)]
pub struct QuickCache<S = quick_cache::DefaultHashBuilder>(PhantomData<S>);

impl<S: HashFunction> Subject for QuickCache<S> {
    const ABOUT: About =
        About::new("quick_cache", "quick_cache::sync::Cache::get_or_insert_with").filled().hit_takes("a shard's lock");
    type Memo<K: Key, V: Value> = QuickCacheMemo<K, V, S>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        QuickCacheMemo { f, cache: unbounded_quick_cache() }
    }

    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        visitor.shared::<QuickCache<H>>();
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct QuickCacheMemo<K, V, S> {
    f: Function<K, V>,
    cache: UnboundedQuickCache<K, V, S>,
}

impl<K: Key, V: Value, S: HashFunction> Memo<K, V> for QuickCacheMemo<K, V, S> {
    fn get(&self, key: &K) -> V {
        let value = self.cache.get_or_insert_with::<K, std::convert::Infallible>(key, || Ok((self.f)(key)));
        value.unwrap_or_else(|never| match never {})
    }

    fn forget(&self, key: &K) -> bool {
        self.cache.remove(key);
        true
    }
}

//! The async peers: what a Rust user would pick instead of our memos for tasks, each used as its documentation says.

use std::collections::HashMap;
use std::future::Future;
use std::hash::RandomState;
use std::sync::Arc;

use async_singleflight::UnaryGroup;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::Callers::Tasks;
use super::peers::{UnboundedQuickCache, unbounded_quick_cache};
use super::{About, AsyncFunction, AsyncMemo, AsyncSubject, Key, Value};

/// `moka::future::Cache`, by `get_with`.
#[derive(Debug)]
pub struct MokaFuture;

impl AsyncSubject for MokaFuture {
    const ABOUT: About = About::new("moka::future", "moka::future::Cache::get_with").made_for(Tasks);
    type Memo<K: Key, V: Value> = MokaFutureMemo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        MokaFutureMemo { f, cache: moka::future::Cache::builder().build_with_hasher(RandomState::new()) }
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct MokaFutureMemo<K, V> {
    f: AsyncFunction<K, V>,
    cache: moka::future::Cache<K, V, RandomState>,
}

impl<K: Key, V: Value> AsyncMemo<K, V> for MokaFutureMemo<K, V> {
    fn get(&self, key: &K) -> impl Future<Output = V> + Send {
        self.cache.get_with_by_ref(key, async { (self.f)(key).await })
    }
}

/// `quick_cache::sync::Cache`, by `get_or_insert_async`.
#[derive(Debug)]
pub struct QuickCacheAsync;

impl AsyncSubject for QuickCacheAsync {
    const ABOUT: About =
        About::new("quick_cache::async", "quick_cache::sync::Cache::get_or_insert_async").made_for(Tasks);
    type Memo<K: Key, V: Value> = QuickCacheAsyncMemo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        QuickCacheAsyncMemo { f, cache: unbounded_quick_cache() }
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct QuickCacheAsyncMemo<K, V> {
    f: AsyncFunction<K, V>,
    cache: UnboundedQuickCache<K, V>,
}

impl<K: Key, V: Value> AsyncMemo<K, V> for QuickCacheAsyncMemo<K, V> {
    async fn get(&self, key: &K) -> V {
        let call = async { Ok::<V, std::convert::Infallible>((self.f)(key).await) };
        self.cache.get_or_insert_async(key, call).await.unwrap_or_else(|never| match never {})
    }
}

/// `tokio::sync::OnceCell`, one for each key, in a map.
#[derive(Debug)]
pub struct TokioOnceCell;

impl AsyncSubject for TokioOnceCell {
    const ABOUT: About =
        About::new("tokio::OnceCell", "HashMap of Arc<tokio::sync::OnceCell>, by get_or_init").made_for(Tasks);
    type Memo<K: Key, V: Value> = TokioOnceCellMemo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        TokioOnceCellMemo { f, cells: Mutex::default() }
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct TokioOnceCellMemo<K, V> {
    f: AsyncFunction<K, V>,
    cells: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K: Key, V: Value> AsyncMemo<K, V> for TokioOnceCellMemo<K, V> {
    async fn get(&self, key: &K) -> V {
        let cell = self.cells.lock().entry(key.clone()).or_default().clone();
        cell.get_or_init(|| (self.f)(key)).await.clone()
    }
}

/// `async_singleflight::UnaryGroup` in front of a map. The group runs one call at a time for a key and forgets its
/// value; the map keeps it.
#[derive(Debug)]
pub struct AsyncSingleflight;

impl AsyncSubject for AsyncSingleflight {
    const ABOUT: About =
        About::new("async_singleflight", "async_singleflight::UnaryGroup::work before a HashMap").made_for(Tasks);
    type Memo<K: Key, V: Value> = AsyncSingleflightMemo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        AsyncSingleflightMemo { f, kept: Mutex::default(), group: UnaryGroup::new() }
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct AsyncSingleflightMemo<K, V> {
    f: AsyncFunction<K, V>,
    kept: Mutex<HashMap<K, V>>,
    group: UnaryGroup<K, V>,
}

impl<K: Key, V: Value> AsyncSingleflightMemo<K, V> {
    fn kept(&self, key: &K) -> Option<V> {
        self.kept.lock().get(key).cloned()
    }
}

impl<K: Key, V: Value> AsyncMemo<K, V> for AsyncSingleflightMemo<K, V> {
    async fn get(&self, key: &K) -> V {
        if let Some(value) = self.kept(key) {
            return value;
        }
        let call = async {
            // A call may have ended between the look above and here.
            if let Some(value) = self.kept(key) {
                return value;
            }
            let value = (self.f)(key).await;
            self.kept.lock().insert(key.clone(), value.clone());
            value
        };
        self.group.work(key, call).await
    }
}

//! The memos of each runtime under two names: what is called, and what is awaited.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::subject::{Function, Key, Value};

/// The slow function of the memos that are awaited.
pub(super) type AsyncFunction<K, V> = Box<dyn Fn(&K) -> BoxFuture<'static, V> + Send + Sync>;

/// A memo that threads or coroutines call.
pub(super) trait Called<K: Key, V: Value>: Send + Sync + 'static {
    /// A memo of `f`. Where it runs `f` on coroutines, `f` must be fit for them, as each that is made in this folder is:
    /// it holds nothing of its thread across a yield, and needs no more stack than the workload asks for.
    fn memo(f: Function<K, V>) -> Arc<Self>;
    fn get(&self, key: &K) -> V;
}

/// A memo that tasks await.
pub(super) trait Awaited<K: Key, V: Value>: Send + Sync + 'static {
    /// A memo of `f`, made in the runtime.
    fn memo(f: AsyncFunction<K, V>) -> Arc<Self>;
    fn get(&self, key: &K) -> impl Future<Output = V> + Send;
}

impl<K: Key, V: Value> Called<K, V> for memo2::Memo<K, V, Function<K, V>> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo2::Memo::new(f))
    }
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

impl<K: Key, V: Value> Called<K, V> for memo3::Memo<K, V> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo3::Memo::new(f))
    }
    fn get(&self, key: &K) -> V {
        self.get(key.clone())
    }
}

impl<K: Key, V: Value> Called<K, V> for memo2::coroutine::Memo<K, V, Function<K, V>> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo2::coroutine::Memo::new(f))
    }
    fn get(&self, key: &K) -> V {
        self.get(key)
    }
}

impl<K: Key, V: Value> Called<K, V> for memo3::coroutine::Memo<K, V> {
    #[allow(unsafe_code, reason = "f runs on coroutines")]
    fn memo(f: Function<K, V>) -> Arc<Self> {
        // SAFETY: every `f` of this folder is fit for coroutines, as the trait asks. Keys and values are numbers and
        // strings, and bodies behind an `Arc`: their `Hash`, `Eq` and `Drop` do not yield, and are not deep.
        Arc::new(unsafe { memo3::coroutine::Memo::new(f) })
    }
    fn get(&self, key: &K) -> V {
        self.get(key.clone())
    }
}

impl<K: Key, V: Value> Awaited<K, V> for memo2::task::Memo<K, V, AsyncFunction<K, V>> {
    fn memo(f: AsyncFunction<K, V>) -> Arc<Self> {
        Arc::new(memo2::task::Memo::new(f))
    }
    fn get(&self, key: &K) -> impl Future<Output = V> + Send {
        self.get(key)
    }
}

impl<K: Key, V: Value> Awaited<K, V> for memo3::task::Memo<K, V> {
    fn memo(f: AsyncFunction<K, V>) -> Arc<Self> {
        Arc::new(memo3::task::Memo::new(f))
    }
    fn get(&self, key: &K) -> impl Future<Output = V> + Send {
        self.get(key.clone())
    }
}

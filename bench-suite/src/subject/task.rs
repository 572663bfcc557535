//! Memos for async tasks: what they are, and this workspace's own.
//!
//! Their `get` returns a future and so does their `f`, so no trait of the blocking memos can be theirs (the colour of
//! functions). What stands here is therefore the same again, in the other colour.

use std::future::Future;

use futures_util::future::BoxFuture;

use super::{Key, Value};

/// The slow function that an async memo remembers.
pub type AsyncFunction<K, V> = Box<dyn Fn(&K) -> BoxFuture<'static, V> + Send + Sync>;

/// What an async memo does.
pub trait AsyncMemo<K, V> {
    /// The value of the memo's function for `key`.
    fn get(&self, key: &K) -> impl Future<Output = V> + Send;
}

/// A memo that tasks can share.
pub trait AsyncSubject: 'static {
    /// Its name, in tables and on command lines.
    const NAME: &'static str;
    /// What it is, in a line.
    const WHAT: &'static str;
    /// The memo itself.
    type Memo<K: Key, V: Value>: AsyncMemo<K, V> + Send + Sync + 'static;

    /// An empty memo of `f`. Called within a tokio runtime, on which it may spawn tasks.
    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V>;
}

/// `memo2::task::Memo`.
#[derive(Debug)]
pub struct Memo2Task;

impl AsyncSubject for Memo2Task {
    const NAME: &'static str = "memo2::task";
    const WHAT: &'static str = "memo2::task::Memo: its ready signal is awaited";
    type Memo<K: Key, V: Value> = memo2::task::Memo<K, V, AsyncFunction<K, V>>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        memo2::task::Memo::new(f)
    }
}

impl<K: Key, V: Value> AsyncMemo<K, V> for memo2::task::Memo<K, V, AsyncFunction<K, V>> {
    fn get(&self, key: &K) -> impl Future<Output = V> + Send {
        self.get(key)
    }
}

/// `memo3::task::Memo`.
#[derive(Debug)]
pub struct Memo3Task;

impl AsyncSubject for Memo3Task {
    const NAME: &'static str = "memo3::task";
    const WHAT: &'static str = "memo3::task::Memo: the monitor is a task, and so is each call of f";
    type Memo<K: Key, V: Value> = memo3::task::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        memo3::task::Memo::new(f)
    }
}

impl<K: Key, V: Value> AsyncMemo<K, V> for memo3::task::Memo<K, V> {
    async fn get(&self, key: &K) -> V {
        // The request takes the key along to the monitor.
        self.get(key.clone()).await
    }
}

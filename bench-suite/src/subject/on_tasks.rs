//! Memos for async tasks: their traits, and this workspace's own.
//!
//! Their `get` returns a future, and so does their `f`. So they cannot share a trait with the blocking memos (the
//! colour of functions), and this file repeats the traits in the other colour.

use std::future::Future;

use futures_util::future::BoxFuture;

use super::Callers::Tasks;
use super::{About, Key, Value};

/// The slow function that an async memo remembers.
pub type AsyncFunction<K, V> = Box<dyn Fn(&K) -> BoxFuture<'static, V> + Send + Sync>;

/// What an async memo does.
pub trait AsyncMemo<K, V> {
    /// The value of the memo's function for `key`.
    fn get(&self, key: &K) -> impl Future<Output = V> + Send;
}

/// A memo that tasks can share.
pub trait AsyncSubject: 'static {
    /// What it is.
    const ABOUT: About;
    /// Its name, as in [`ABOUT`](Self::ABOUT).
    const NAME: &'static str = Self::ABOUT.name;
    /// The memo itself.
    type Memo<K: Key, V: Value>: AsyncMemo<K, V> + Send + Sync + 'static;

    /// An empty memo of `f`. Called within a tokio runtime, on which it may spawn tasks.
    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V>;
}

/// `memo2::task::Memo`.
#[derive(Debug)]
pub struct Memo2Task;

impl AsyncSubject for Memo2Task {
    const ABOUT: About = About::ours("memo2::task", "memo2::task::Memo: its ready signal is awaited").made_for(Tasks);
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
    const ABOUT: About =
        About::ours("memo3::task", "memo3::task::Memo: the monitor is a task, and so is each call of f")
            .made_for(Tasks);
    type Memo<K: Key, V: Value> = memo3::task::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        memo3::task::Memo::new(f)
    }
}

impl<K: Key, V: Value> AsyncMemo<K, V> for memo3::task::Memo<K, V> {
    async fn get(&self, key: &K) -> V {
        // The request carries the key to the monitor.
        self.get(key.clone()).await
    }
}

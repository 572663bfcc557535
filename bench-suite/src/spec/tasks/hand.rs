//! Futures of callers that are polled by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::runtime::turns;
use crate::subject::{AsyncMemo, Key, Value};

/// A caller of `memo` that wants the value of `key`. It has not been polled yet.
pub(super) fn caller<K: Key, V: Value, M>(memo: &Arc<M>, key: K) -> BoxFuture<'static, V>
where
    M: AsyncMemo<K, V> + Send + Sync + 'static,
{
    let memo = memo.clone();
    async move { memo.get(&key).await }.boxed()
}

/// Polls once.
pub(super) fn once<T>(future: &mut BoxFuture<'static, T>) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls each of them once, which are not done after that, and lets the memo's own tasks take their steps.
pub(super) async fn wait<T>(callers: &mut [BoxFuture<'static, T>]) {
    for caller in callers {
        assert!(once(caller).is_pending(), "a caller has its value although no call of f has ended");
    }
    turns().await;
}

//! Callers of a memo for tasks that are polled by hand, on one thread. So the program decides which caller is first.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;

use super::turns;

/// Polls `future` once.
pub(crate) fn once<T>(future: &mut BoxFuture<'static, T>) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls each of `callers` once, which must not be ready, and lets the memo's own tasks take some steps.
pub(crate) async fn wait<T>(callers: &mut [BoxFuture<'static, T>]) {
    for caller in callers {
        assert!(once(caller).is_pending(), "a caller has its value although no call of f has ended");
    }
    turns().await;
}

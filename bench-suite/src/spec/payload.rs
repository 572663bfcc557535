//! The panics of `f`, to be known from all others.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::bail;
use futures_util::FutureExt;

use crate::panics::message;

/// What `f` panics with: which call it was.
pub(super) struct Payload(pub(super) usize);

/// The value, or the number of the call that panicked; an error if the panic was somebody else's.
pub(super) fn caught<V>(ask: impl FnOnce() -> V) -> anyhow::Result<Result<V, usize>> {
    told(catch_unwind(AssertUnwindSafe(ask)))
}

/// The same of a future.
pub(super) async fn caught_async<V>(ask: impl Future<Output = V>) -> anyhow::Result<Result<V, usize>> {
    told(AssertUnwindSafe(ask).catch_unwind().await)
}

fn told<V>(end: Result<V, Box<dyn Any + Send>>) -> anyhow::Result<Result<V, usize>> {
    match end {
        Ok(value) => Ok(Ok(value)),
        Err(panic) => {
            let Some(payload) = panic.downcast_ref::<Payload>() else {
                bail!("the caller saw a panic that is not f's: {}", message(&*panic));
            };
            Ok(Err(payload.0))
        }
    }
}

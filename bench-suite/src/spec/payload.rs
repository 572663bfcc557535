//! The panics of `f`, which differ from all others.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use anyhow::bail;
use futures_util::FutureExt;

use crate::panics::message;

/// What `f` panics with: the number of the call.
pub(super) struct Payload(pub(super) usize);

/// The value, or the number of the call that panicked; an error if the panic is not one of `f`.
pub(super) async fn caught<V>(ask: impl Future<Output = V>) -> anyhow::Result<Result<V, usize>> {
    match AssertUnwindSafe(ask).catch_unwind().await {
        Ok(value) => Ok(Ok(value)),
        Err(panic) => match panic.downcast_ref::<Payload>() {
            Some(payload) => Ok(Err(payload.0)),
            None => bail!("the caller saw a panic that is not f's: {}", message(&*panic)),
        },
    }
}

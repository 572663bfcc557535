//! Herds of tasks.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::FutureExt;
use tokio::sync::Notify;

/// A counter that tasks can wait for. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<(AtomicUsize, Notify)>);

impl Gate {
    /// One more has come.
    pub(super) fn arrive(&self) {
        self.0.0.fetch_add(1, SeqCst);
        self.0.1.notify_waiters();
    }

    /// Waits until `count` have come.
    pub(super) async fn wait_for(&self, count: usize) {
        loop {
            // Made before the look at the counter, so that who comes after the look is not missed.
            let more = self.0.1.notified();
            if self.0.0.load(SeqCst) >= count {
                return;
            }
            more.await;
        }
    }

    /// Comes, and waits until `count` have.
    pub(super) async fn meet(&self, count: usize) {
        self.arrive();
        self.wait_for(count).await;
    }
}

/// Runs `ask` in `callers` tasks at once, with the number of each, and returns what each brought back.
pub(super) async fn herd<T, A>(callers: usize, ask: impl Fn(usize) -> A) -> Vec<T>
where
    T: Send + 'static,
    A: Future<Output = T> + Send + 'static,
{
    let start = Gate::default();
    let spawn = |caller| {
        let (start, asked) = (start.clone(), ask(caller));
        let caller = async move {
            start.meet(callers).await;
            asked.await
        };
        // Boxed, so that the runtime is compiled once for all callers that bring back a `T`.
        tokio::spawn(caller.boxed())
    };
    let all: Vec<_> = (0..callers).map(spawn).collect();
    let mut brought = Vec::new();
    for one in all {
        match one.await {
            Ok(value) => brought.push(value),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    brought
}

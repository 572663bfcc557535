//! Some executors poll a task inside its wake-up, on the thread that wakes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::spec::world::{memo, once, turns};
use crate::subject::Registry;

const KEY: usize = 7;

/// A task with an executor of its own, which polls it inside its wake-up.
struct Inline {
    future: Mutex<Option<BoxFuture<'static, usize>>>,
    woken: AtomicBool,
    value: Mutex<Option<usize>>,
}

impl Inline {
    fn spawn(future: BoxFuture<'static, usize>) -> Arc<Self> {
        let (future, value) = (Mutex::new(Some(future)), Mutex::new(None));
        let task = Arc::new(Inline { future, woken: AtomicBool::new(false), value });
        task.clone().wake();
        task
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
        // The lock is taken if the task is being polled further up on this stack. Then that poll is repeated there.
        while let Some(mut future) = self.future.try_lock()
            && self.woken.swap(false, SeqCst)
        {
            let polled =
                future.as_mut().map(|future| future.poll_unpin(&mut Context::from_waker(&Waker::from(self.clone()))));
            if let Some(Poll::Ready(value)) = polled {
                *future = None;
                *self.value.lock() = Some(value);
            }
        }
    }
}

/// A memo that wakes its waiters under a lock deadlocks here, because the waiter takes that lock on the same thread.
pub(crate) async fn waiters<R: Registry>() -> anyhow::Result<()> {
    for leader_is_dropped in [false, true] {
        let (inside, may_return) = (Arc::new(AtomicBool::new(false)), Arc::new(Semaphore::new(0)));
        let memo = memo::<R, usize, usize, _>({
            let (inside, may_return) = (inside.clone(), may_return.clone());
            move |key| {
                let (key, inside, may_return) = (*key, inside.clone(), may_return.clone());
                async move {
                    inside.store(true, SeqCst);
                    may_return.acquire().await.expect("it is never closed").forget();
                    key * 2
                }
            }
        });
        let mut leader = memo.ask(KEY);
        while !inside.load(SeqCst) {
            ensure!(once(&mut leader).is_pending(), "the leader has a value although no call of f has ended");
            yield_now().await;
        }
        let waiters = [(); 8].map(|()| Inline::spawn(memo.ask(KEY)));
        turns().await;

        if leader_is_dropped {
            drop(leader);
            may_return.add_permits(2);
        } else {
            may_return.add_permits(1);
            ensure!(leader.await == KEY * 2, "the leader got a wrong value");
        }
        turns().await;
        let values: Vec<_> = waiters.iter().map(|waiter| *waiter.value.lock()).collect();
        ensure!(values == [Some(KEY * 2); 8], "the waiters got {values:?}");
    }
    Ok(())
}

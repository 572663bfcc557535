//! What only tasks can do to the memo: drop the future of a call, or poll it once and leave it.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use futures_util::FutureExt;
use memo3::task::Memo;
use rusty_fork::rusty_fork_test;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// How often `f` was called, and leave for its calls to end.
struct Calls {
    made: AtomicUsize,
    leave: Semaphore,
    panics: usize,
}

impl Calls {
    /// A memo whose calls take a leave each, and of which the first `panics` panic.
    fn memo(panics: usize) -> (Arc<Calls>, Memo<usize, usize>) {
        let calls = Arc::new(Calls { made: AtomicUsize::new(0), leave: Semaphore::new(0), panics });
        let counted = calls.clone();
        let memo = Memo::new(move |key: &usize| {
            let (calls, key) = (counted.clone(), *key);
            async move {
                let call = calls.made.fetch_add(1, Relaxed);
                calls.leave.acquire().await.unwrap().forget();
                assert!(call >= calls.panics, "call {call} shall panic");
                key * 2
            }
        });
        (calls, memo)
    }
}

/// Runs `test` on a runtime of one thread, which is all that the memo needs.
fn on_one_thread(test: impl Future<Output = ()>) {
    Builder::new_current_thread().build().unwrap().block_on(test);
}

/// Polls `future` once.
async fn once<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.poll_unpin(context))).await
}

#[test]
fn tasks_may_share_it() {
    fn shareable<T: Send + Sync>() {}
    fn movable<T: Send>(_: T) {}
    shareable::<Memo<String, String>>();
    on_one_thread(async {
        let memo = Memo::new(|key: &String| std::future::ready(key.len()));
        assert!(format!("{memo:?}").starts_with("Memo { mailbox: "));
        movable(memo.get("a key".into()));
    });
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_of_a_runtime_there_is_no_memo() {
    let _ = Memo::new(|key: &usize| std::future::ready(*key));
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 30000)]

    /// The caller whose request made the call polls its future once and leaves it lying. Nobody minds.
    #[test]
    fn a_leader_that_is_left_alone_stops_nobody() {
        on_one_thread(async {
            let (calls, memo) = Calls::memo(0);
            let mut leader = pin!(memo.get(7));
            assert!(once(leader.as_mut()).await.is_pending());
            calls.leave.add_permits(1);
            assert_eq!(memo.get(7).await, 14);
            assert_eq!(calls.made.load(Relaxed), 1);
            assert_eq!(leader.await, 14);
        });
    }

    /// Whoever asks may be dropped, the first as well: the call goes on, for those who stay and for those who come.
    #[test]
    fn a_dropped_caller_stops_nobody() {
        for stay in [0, 1, 100] {
            on_one_thread(async {
                let (calls, memo) = Calls::memo(0);
                let mut leave: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
                let mut stay: Vec<_> = (0..stay).map(|_| Box::pin(memo.get(7))).collect();
                for caller in leave.iter_mut().chain(&mut stay) {
                    assert!(once(caller).await.is_pending());
                }
                drop(leave);
                while calls.made.load(Relaxed) == 0 {
                    yield_now().await;
                }
                calls.leave.add_permits(1);
                for caller in stay {
                    assert_eq!(caller.await, 14);
                }
                assert_eq!(memo.get(7).await, 14, "a later caller");
                assert_eq!(calls.made.load(Relaxed), 1);
            });
        }
    }

    /// The panic is the leader's, or nobody's if the leader has left; and nobody who has left leads next.
    #[test]
    fn a_panic_hands_over_to_those_who_stay() {
        for leaders_stay in [true, false] {
            on_one_thread(async {
                let (calls, memo) = Calls::memo(1);
                let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
                for caller in &mut callers {
                    assert!(once(caller).await.is_pending());
                }
                let stays = callers.pop().unwrap();
                let leader = leaders_stay.then(|| callers.swap_remove(0));
                drop(callers);
                calls.leave.add_permits(2);
                assert_eq!(stays.await, 14);
                if let Some(leader) = leader {
                    assert!(AssertUnwindSafe(leader).catch_unwind().await.is_err());
                }
                assert_eq!(calls.made.load(Relaxed), 2);
            });
        }
    }

    /// All have left, and then the call panics: it is not made again for nobody.
    #[test]
    fn nobody_is_called_for_who_has_left() {
        on_one_thread(async {
            let (calls, memo) = Calls::memo(1);
            let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
            for caller in &mut callers {
                assert!(once(caller).await.is_pending());
            }
            drop(callers);
            calls.leave.add_permits(1);
            memo.close().await;
            assert_eq!(calls.made.load(Relaxed), 1);
        });
    }

    /// `close` waits for the calls. A drop cannot: it drops them.
    #[test]
    fn both_ends_leave_nothing() {
        on_one_thread(async {
            for close in [true, false] {
                let (calls, memo) = Calls::memo(0);
                assert!(once(Box::pin(memo.get(7))).await.is_pending());
                while calls.made.load(Relaxed) == 0 {
                    yield_now().await;
                }
                if close {
                    calls.leave.add_permits(1);
                    memo.close().await;
                } else {
                    drop(memo);
                    while Arc::strong_count(&calls) > 1 {
                        yield_now().await;
                    }
                }
                assert_eq!(Arc::strong_count(&calls), 1, "nobody holds f or a call of it");
                assert_eq!(calls.leave.available_permits(), 0);
            }
        });
    }

    /// The runtime of the memo goes first: whoever asks then is told, and does not wait for ever.
    #[test]
    fn a_memo_outlives_its_runtime() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let memo = runtime.block_on(async { Memo::new(|key: &usize| std::future::ready(*key)) });
        drop(runtime);
        on_one_thread(async {
            let panic = AssertUnwindSafe(memo.get(7)).catch_unwind().await.unwrap_err();
            let said = panic.downcast_ref::<String>().unwrap();
            assert!(said.starts_with("memo3: the runtime of this memo has shut down"), "{said}");
            assert!(catch_unwind(AssertUnwindSafe(|| drop(memo))).is_ok());
        });
    }
}

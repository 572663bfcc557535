//! Tests of what only tasks can do to the memo: drop the future of a call, or poll it once and leave it.

mod panicking;

use std::future::{pending, poll_fn, ready};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use memo3::task::Memo;
use panicking::{
    CountsDrops, Key, PANICKING_KEYS, PanickingHasher, PanicsIn, PanicsInDrop,
};
use rusty_fork::rusty_fork_test;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// Counts the calls of `f`, and lets them end: each call needs a permit of `leave` to end.
struct Calls {
    made: AtomicUsize,
    leave: Semaphore,
    panics: usize,
}

impl Calls {
    /// A memo whose calls take one permit each. The first `panics` calls panic.
    fn memo(panics: usize) -> (Arc<Calls>, Memo<usize, usize>) {
        let calls = Arc::new(Calls {
            made: AtomicUsize::new(0),
            leave: Semaphore::new(0),
            panics,
        });
        let counted = calls.clone();
        let memo = Memo::new(move |key: &usize| {
            let (calls, key) = (counted.clone(), *key);
            async move {
                let call = calls.made.fetch_add(1, Relaxed);
                calls.leave.acquire().await.unwrap().forget();
                assert!(call >= calls.panics, "call {call} is meant to panic");
                key * 2
            }
        });
        (calls, memo)
    }

    /// Waits until a call of `f` is under way. Then the monitor has read all requests that were sent before.
    async fn inside(&self) {
        while self.made.load(Relaxed) == 0 {
            yield_now().await;
        }
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
        let memo = Memo::new(|key: &String| ready(key.len()));
        assert!(format!("{memo:?}").starts_with("Memo { mailbox: "));
        movable(memo.get("a key".into()));
    });
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_of_a_runtime_there_is_no_memo() {
    let _ = Memo::new(|key: &usize| ready(*key));
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// The caller whose request started the call polls its future once and leaves it. The other callers do not
    /// notice.
    #[test]
    fn a_leader_that_is_left_alone_does_not_stop_others() {
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

    /// Any caller may be dropped, the first as well. The call goes on for the callers that stay and for later ones.
    #[test]
    fn a_dropped_caller_does_not_stop_others() {
        for stay in [0, 1, 100] {
            on_one_thread(async {
                let (calls, memo) = Calls::memo(0);
                let mut leave: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
                let mut stay: Vec<_> = (0..stay).map(|_| Box::pin(memo.get(7))).collect();
                for caller in leave.iter_mut().chain(&mut stay) {
                    assert!(once(caller).await.is_pending());
                }
                calls.inside().await;
                drop(leave);
                calls.leave.add_permits(1);
                for caller in stay {
                    assert_eq!(caller.await, 14);
                }
                assert_eq!(memo.get(7).await, 14, "a later caller");
                assert_eq!(calls.made.load(Relaxed), 1);
            });
        }
    }

    /// The leader sees the panic if it has stayed, and a caller that has left does not lead next.
    #[test]
    fn a_panic_hands_over_to_callers_that_stay() {
        for leaders_stay in [true, false] {
            on_one_thread(async {
                let (calls, memo) = Calls::memo(1);
                let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
                for caller in &mut callers {
                    assert!(once(caller).await.is_pending());
                }
                calls.inside().await;
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

    /// All callers have left, and then their call panics. The monitor does not call `f` again.
    #[test]
    fn no_call_for_callers_that_left() {
        on_one_thread(async {
            let (calls, memo) = Calls::memo(1);
            let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(7))).collect();
            for caller in &mut callers {
                assert!(once(caller).await.is_pending());
            }
            calls.inside().await;
            drop(callers);
            calls.leave.add_permits(1);
            memo.close().await;
            assert_eq!(calls.made.load(Relaxed), 1);
        });
    }

    /// Callers leave before the monitor reads their requests. The monitor calls nothing for them and keeps nothing
    /// of them.
    #[test]
    fn no_call_for_callers_that_left_at_once() {
        on_one_thread(async {
            let (calls, memo) = Calls::memo(0);
            for _ in 0..10 {
                assert!(once(Box::pin(memo.get(7))).await.is_pending());
            }
            calls.leave.add_permits(1);
            assert_eq!(memo.get(8).await, 16, "a later caller, of another key");
            assert_eq!(calls.made.load(Relaxed), 1);
        });
    }

    /// `close` waits for the calls. A drop cannot wait, so it drops them.
    #[test]
    fn both_ends_leave_nothing() {
        on_one_thread(async {
            for close in [true, false] {
                let (calls, memo) = Calls::memo(0);
                let mut caller = Box::pin(memo.get(7));
                assert!(once(&mut caller).await.is_pending());
                calls.inside().await;
                drop(caller);
                if close {
                    calls.leave.add_permits(1);
                    memo.close().await;
                } else {
                    drop(memo);
                    while Arc::strong_count(&calls) > 1 {
                        yield_now().await;
                    }
                }
                assert_eq!(Arc::strong_count(&calls), 1, "f and its calls are dropped");
                assert_eq!(calls.leave.available_permits(), 0);
            }
        });
    }

    /// Callers that stay lead in their order, although many between them have left.
    #[test]
    fn callers_that_stay_keep_their_places() {
        const STAY: usize = 20;
        on_one_thread(async {
            let (calls, memo) = Calls::memo(STAY);
            let mut stay = Vec::new();
            for _ in 0..STAY {
                let mut caller = Box::pin(memo.get(7));
                assert!(once(&mut caller).await.is_pending());
                stay.push(caller);
                let mut leave: Vec<_> = (0..20).map(|_| Box::pin(memo.get(7))).collect();
                for caller in &mut leave {
                    assert!(once(caller).await.is_pending());
                }
                yield_now().await;
            }
            calls.leave.add_permits(STAY);
            for (place, caller) in stay.into_iter().enumerate() {
                let panic = AssertUnwindSafe(caller).catch_unwind().await.unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&format!("call {place} is meant to panic")));
            }
            assert_eq!(calls.made.load(Relaxed), STAY);
        });
    }

    /// If a key panics when it is hashed, compared or dropped, only the caller that sent it sees that, and the
    /// monitor goes on. The same holds for a hash function.
    #[test]
    fn a_key_that_panics_hurts_its_sender_only() {
        on_one_thread(async {
            let hasher = PanickingHasher::default();
            let memo = Memo::with_hasher(|key: &Key| ready(key.0), hasher.clone());
            for round in 0..3 {
                hasher.0.store(true, Relaxed);
                let get = AssertUnwindSafe(memo.get(Key(round, PanicsIn::Nothing)));
                let panic = get.catch_unwind().await.unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&"the hash function"));
                hasher.0.store(false, Relaxed);
                assert_eq!(memo.get(Key(round, PanicsIn::Nothing)).await, round);
                for (panics, says) in PANICKING_KEYS {
                    let get = AssertUnwindSafe(memo.get(Key(round, panics)));
                    let panic = get.catch_unwind().await.unwrap_err();
                    assert_eq!(panic.downcast_ref(), Some(&says));
                    assert_eq!(memo.get(Key(round, PanicsIn::Nothing)).await, round);
                }
            }
            memo.close().await;
        });
    }

    /// The leader has left when its call panics, so no caller takes the payload, and the monitor drops it. The
    /// monitor also drops the key of a caller that left before the monitor read its request.
    #[test]
    fn what_a_caller_leaves_behind_may_panic_in_its_drop() {
        on_one_thread(async {
            let (calls, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
            let memo = Memo::new({
                let (calls, may_end) = (calls.clone(), may_end.clone());
                move |key: &Key| {
                    let (calls, may_end, key) = (calls.clone(), may_end.clone(), key.0);
                    async move {
                        let call = calls.fetch_add(1, Relaxed);
                        may_end.acquire().await.unwrap().forget();
                        if call == 0 {
                            panic_any(PanicsInDrop(true));
                        }
                        key * 2
                    }
                }
            });
            let mut leader = Box::pin(memo.get(Key(7, PanicsIn::Nothing)));
            assert!(once(&mut leader).await.is_pending());
            while calls.load(Relaxed) == 0 {
                yield_now().await;
            }
            drop(leader);
            for _ in 0..3 {
                assert!(once(Box::pin(memo.get(Key(7, PanicsIn::Drop)))).await.is_pending());
            }
            may_end.add_permits(2);
            assert_eq!(memo.get(Key(7, PanicsIn::Nothing)).await, 14);
            assert_eq!(calls.load(Relaxed), 2);
            memo.close().await;
        });
    }

    /// The monitor wakes its callers, and a waker is not this crate's code. If it panics, the monitor goes on.
    #[test]
    fn a_waker_that_panics_ends_no_monitor() {
        struct PanickingWaker;
        impl Wake for PanickingWaker {
            fn wake(self: Arc<Self>) {
                panic_any("a waker");
            }
        }
        on_one_thread(async {
            let (calls, memo) = Calls::memo(0);
            let mut woken = pin!(memo.get(7));
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(woken.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            calls.inside().await;
            calls.leave.add_permits(2);
            assert_eq!(memo.get(7).await, 14);
            assert_eq!(woken.await, 14, "it gets its value nevertheless");
            assert_eq!(memo.get(8).await, 16);
        });
    }

    /// The monitor owns the values and `f`, and drops all of them when it ends, even if their drops panic. The same
    /// holds if the memo is dropped while its mailbox has unread keys.
    #[test]
    fn both_ends_bear_what_panics_in_its_drop() {
        on_one_thread(async {
            let drops = Arc::new(AtomicUsize::new(0));
            let used = async || {
                let (drops, unkind) = (drops.clone(), PanicsInDrop(true));
                let memo = Memo::new(move |_: &Key| {
                    let _ = &unkind;
                    ready(CountsDrops::new(&drops))
                });
                for key in 0..3 {
                    memo.get(Key(key, PanicsIn::Nothing)).await;
                }
                memo
            };
            let closed = AssertUnwindSafe(used().await.close()).catch_unwind().await;
            assert_eq!(closed.unwrap_err().downcast_ref(), Some(&"a value's drop"));
            assert_eq!(drops.load(Relaxed), 3);

            let memo = used().await;
            for key in 0..3 {
                assert!(once(Box::pin(memo.get(Key(key, PanicsIn::Drop)))).await.is_pending());
            }
            drop(memo);
            while drops.load(Relaxed) < 6 {
                yield_now().await;
            }
        });
    }

    /// A call owns its memo while it runs, and its caller leaves. So the call itself drops or closes the memo. The
    /// drop also ends that call, at its next `.await`. `close` would wait for the call, so it panics.
    #[test]
    fn a_call_may_drop_its_own_memo() {
        on_one_thread(async {
            for close in [false, true] {
                let (inside, may_go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
                let (alive, dropped) = (Arc::new(()), Arc::new(Semaphore::new(0)));
                let memo: Arc<Memo<usize, usize>> = Arc::new_cyclic(|memo: &Weak<Memo<usize, usize>>| {
                    let (memo, inside, may_go_on) = (memo.clone(), inside.clone(), may_go_on.clone());
                    let (alive, dropped) = (alive.clone(), dropped.clone());
                    Memo::new(move |_: &usize| {
                        let (memo, inside, may_go_on) = (memo.clone(), inside.clone(), may_go_on.clone());
                        let (alive, dropped) = (alive.clone(), dropped.clone());
                        async move {
                            let _alive = alive;
                            let owner = memo.upgrade().unwrap();
                            inside.add_permits(1);
                            may_go_on.acquire().await.unwrap().forget();
                            let owner = Arc::into_inner(owner).expect("all other owners are dropped");
                            if close {
                                let panic = AssertUnwindSafe(owner.close()).catch_unwind().await.unwrap_err();
                                let says = panic.downcast_ref::<&str>().unwrap();
                                assert!(says.starts_with("memo3: close inside f"), "{says}");
                            } else {
                                drop(owner);
                            }
                            dropped.add_permits(1);
                            pending().await
                        }
                    })
                });
                let mut caller = Box::pin({
                    let memo = memo.clone();
                    async move { memo.get(7).await }
                });
                assert!(once(&mut caller).await.is_pending());
                inside.acquire().await.unwrap().forget();
                drop((caller, memo));
                may_go_on.add_permits(1);
                dropped.acquire().await.unwrap().forget();
                while Arc::strong_count(&alive) > 1 {
                    yield_now().await;
                }
            }
        });
    }

    /// The last owner of a memo is a key in its own mailbox. The monitor drops the memo, and ends.
    #[test]
    fn the_monitor_may_drop_its_own_memo() {
        /// A key that owns its memo.
        struct Owner(usize, #[expect(dead_code, reason = "it only owns")] Arc<Memo<Owner, usize>>);
        impl Hash for Owner {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write_usize(self.0);
            }
        }
        impl PartialEq for Owner {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl Eq for Owner {}

        on_one_thread(async {
            let alive = Arc::new(());
            let memo = Arc::new(Memo::new({
                let alive = alive.clone();
                move |key: &Owner| {
                    let _ = &alive;
                    ready(key.0)
                }
            }));
            let mut caller = Box::pin({
                let memo = memo.clone();
                async move { memo.get(Owner(7, memo.clone())).await }
            });
            assert!(once(&mut caller).await.is_pending());
            drop((caller, memo));
            while Arc::strong_count(&alive) > 1 {
                yield_now().await;
            }
        });
    }

    /// The runtime ends before its memo. A later caller gets an error and does not wait forever.
    #[test]
    fn a_memo_outlives_its_runtime() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let memo = runtime.block_on(async { Memo::new(|key: &usize| ready(*key)) });
        drop(runtime);
        on_one_thread(async {
            let panic = AssertUnwindSafe(memo.get(7)).catch_unwind().await.unwrap_err();
            let said = panic.downcast_ref::<String>().unwrap();
            assert!(said.starts_with("memo3: the runtime of this memo has shut down"), "{said}");
            assert!(catch_unwind(AssertUnwindSafe(|| drop(memo))).is_ok());
        });
    }
}

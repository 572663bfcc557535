//! Callers that have left and calls that have ended hold no memory that grows with their number.
//!
//! The allocator counts the bytes that the whole process has allocated, so each test has a process of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::{pending, poll_fn, ready};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use futures_util::FutureExt;
use may::coroutine;
use may::sync::SyncFlag;
use rusty_fork::rusty_fork_test;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// The number of callers that leave, one after another.
const CALLERS: usize = 100_000;

/// The number of calls of `f` that are under way at once.
const CALLS: usize = 10_000;

/// What a call's future holds across its `.await`, in bytes. In a debug build tokio allocates futures of more than
/// 2 KiB separately from their task, and frees them on its own when they end.
const HELD: usize = 512;

/// What all abandoned gets together may hold, in bytes: some channels of several hundred bytes each.
const SOME: isize = 64 << 10;

/// Counts the bytes that are allocated.
struct Counting;

static ALLOCATED: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system's allocator does all the work, and gets what this one gets. Counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size().cast_signed(), Relaxed);
        // SAFETY: the caller promises what the system's allocator asks.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size().cast_signed(), Relaxed);
        // SAFETY: as above; `at` is the system allocator's, because `alloc` returns nothing else.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocated() -> isize {
    ALLOCATED.load(Relaxed)
}

fn on_one_thread(test: impl Future<Output = ()>) {
    Builder::new_current_thread().build().unwrap().block_on(test);
}

/// Polls `future` once, and returns whether it is pending.
async fn waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Runs `body` on a coroutine, and waits for it. `may` has one worker here, so that turns come in a fixed order.
#[allow(clippy::disallowed_methods, reason = "one setting, before anything starts")]
fn on_a_coroutine(body: impl FnOnce() + Send + 'static) {
    may::config().set_workers(1);
    spawn(body).join().unwrap();
}

/// Runs `body` on a coroutine. The bodies in these tests hold nothing of their thread across a yield, and need
/// little stack.
fn spawn<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> coroutine::JoinHandle<T> {
    // SAFETY: as described above. Every body is in this file.
    unsafe { coroutine::Builder::new().spawn(body) }.unwrap()
}

fn cancel<T>(coroutine: &coroutine::JoinHandle<T>) {
    // SAFETY: unwinding drops all that the cancelled coroutines of this file own.
    unsafe { coroutine.coroutine().cancel() }
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// `f` never returns, and one caller after another drops its future, as `timeout` and `select!` do.
    #[test]
    fn abandoned_gets_of_tasks_hold_nothing() {
        on_one_thread(async {
            let memo = memo3::task::Memo::new(|_: &u32| pending::<u32>());
            let leave = async |caller: usize| {
                let mut get = Box::pin(memo.get(1));
                assert!(waits(get.as_mut()).await);
                // The monitor reads every second request before its caller leaves.
                if caller.is_multiple_of(2) {
                    yield_now().await;
                }
                drop(get);
                yield_now().await;
            };
            for caller in 0..100 {
                leave(caller).await;
            }
            let before = allocated();
            for caller in 0..CALLERS {
                leave(caller).await;
            }
            let more = allocated() - before;
            println!("{CALLERS} abandoned gets hold {more} B");
            assert!(more < SOME, "{CALLERS} abandoned gets hold {more} B");
        });
    }

    /// The same with coroutines, which are cancelled.
    #[test]
    fn abandoned_gets_of_coroutines_hold_nothing() {
        on_a_coroutine(|| {
            let may_return = Arc::new(SyncFlag::new());
            let f = {
                let may_return = may_return.clone();
                move |key: &u32| {
                    may_return.wait();
                    *key
                }
            };
            // SAFETY: as for `spawn`.
            let memo = Arc::new(unsafe { memo3::coroutine::Memo::new(f) });
            let leave = |number: usize| {
                let caller = spawn({
                    let memo = memo.clone();
                    move || memo.get(1)
                });
                // Every second caller has asked, and the monitor has read its request. The others are cancelled in
                // their first wait, which is for the answer.
                if number.is_multiple_of(2) {
                    (0..3).for_each(|_| coroutine::yield_now());
                }
                cancel(&caller);
                assert!(caller.join().is_err());
            };
            (0..100).for_each(leave);
            let before = allocated();
            (0..CALLERS).for_each(leave);
            let more = allocated() - before;
            println!("{CALLERS} abandoned gets hold {more} B");
            may_return.fire();
            assert!(more < SOME, "{CALLERS} abandoned gets hold {more} B");
        });
    }

    /// Many calls are under way at once, and end. A key and a value are left of each.
    #[test]
    fn a_call_that_has_ended_holds_nothing() {
        for workers in [0, 2] {
            let runtime = match workers {
                0 => Builder::new_current_thread().build(),
                _ => Builder::new_multi_thread().worker_threads(workers).build(),
            };
            runtime.unwrap().block_on(async {
                let (inside, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
                let memo = Arc::new(memo3::task::Memo::new({
                    let (inside, may_end) = (inside.clone(), may_end.clone());
                    move |key: &usize| {
                        let (inside, may_end, key) = (inside.clone(), may_end.clone(), *key);
                        async move {
                            let held = black_box([0_u8; HELD]);
                            inside.fetch_add(1, Relaxed);
                            may_end.acquire().await.unwrap().forget();
                            key + usize::from(held[key % HELD])
                        }
                    }
                }));
                let before = allocated();
                let callers: Vec<_> = (0..CALLS)
                    .map(|key| {
                        let memo = memo.clone();
                        tokio::spawn(async move { memo.get(key).await })
                    })
                    .collect();
                while inside.load(Relaxed) < CALLS {
                    yield_now().await;
                }
                may_end.add_permits(CALLS);
                for (key, caller) in callers.into_iter().enumerate() {
                    assert_eq!(caller.await.unwrap(), key);
                }
                // On workers the last calls may not have ended quite yet. Only the test's deadline limits them.
                let most = (CALLS * 256).cast_signed();
                let left = || allocated() - before;
                for _ in 0..1_000 {
                    yield_now().await;
                }
                println!("{workers} workers: {CALLS} calls that have ended hold {} B", left());
                if workers == 0 {
                    assert!(left() < most, "{CALLS} calls that have ended hold {} B", left());
                }
                while left() >= most {
                    yield_now().await;
                }
            });
        }
    }

    /// The calls of many keys panic, one after another. On every runtime, nothing of the keys is left.
    #[test]
    fn keys_whose_calls_panicked_hold_nothing() {
        const KEYS: usize = 5_000;
        fn holds_nothing(runtime: &str, mut ask: impl FnMut(usize) -> bool) {
            let mut fail = |key: usize| assert!(!ask(key), "key {key} has a value");
            (0..100).for_each(&mut fail);
            let before = allocated();
            (100..KEYS).for_each(&mut fail);
            let more = allocated() - before;
            println!("{runtime}: {KEYS} keys whose calls panicked hold {more} B");
            assert!(more < SOME, "{runtime}: {KEYS} keys whose calls panicked hold {more} B");
        }
        // Panics without a message.
        fn fail(key: usize) -> usize {
            resume_unwind(Box::new(key))
        }
        let asked = |get: &mut dyn FnMut() -> usize| catch_unwind(AssertUnwindSafe(get)).is_ok();

        let memo = memo3::Memo::new(|key: &usize| fail(*key));
        holds_nothing("threads", |key| asked(&mut || memo.get(key)));
        memo.close();
        on_a_coroutine(move || {
            // SAFETY: as for `spawn`.
            let memo = unsafe { memo3::coroutine::Memo::new(|key: &usize| fail(*key)) };
            holds_nothing("coroutines", |key| asked(&mut || memo.get(key)));
        });
        let runtime = Builder::new_current_thread().build().unwrap();
        let memo = runtime.block_on(async { memo3::task::Memo::new(|key: &usize| ready(*key).map(fail)) });
        holds_nothing("tasks", |key| asked(&mut || runtime.block_on(memo.get(key))));
    }

    /// A herd waits in a queue. When it has its value, the queue's memory is freed as well.
    #[test]
    fn a_herd_that_has_its_value_holds_nothing() {
        on_one_thread(async {
            let may_end = Arc::new(Semaphore::new(0));
            let memo = memo3::task::Memo::new({
                let may_end = may_end.clone();
                move |key: &u32| {
                    let (may_end, key) = (may_end.clone(), *key);
                    async move {
                        may_end.acquire().await.unwrap().forget();
                        key
                    }
                }
            });
            let before = allocated();
            let mut herd: Vec<_> = (0..CALLS).map(|_| Box::pin(memo.get(1))).collect();
            for caller in &mut herd {
                assert!(waits(caller.as_mut()).await);
            }
            may_end.add_permits(1);
            for caller in herd {
                assert_eq!(caller.await, 1);
            }
            let more = allocated() - before;
            println!("{CALLS} callers that have got their value hold {more} B");
            assert!(more < SOME, "{CALLS} callers that have got their value hold {more} B");
        });
    }
}

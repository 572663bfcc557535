//! What only coroutines can do to the memo: wait with one worker, be cancelled, share it with threads.
//!
//! `may` is set up once in a process, and what hangs must not hang the others: each test has a process of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use may::coroutine::{Builder, JoinHandle, yield_now};
use may::sync::SyncFlag;
use memo3::coroutine::Memo;
use rusty_fork::rusty_fork_test;

const CALLERS: usize = 100;

/// Enough for one of them to come at any moment of an answer.
const HITS: usize = 100_000;

/// One worker, so that whoever kept it while waiting would stop everything.
#[allow(clippy::disallowed_methods, reason = "one setting, before anything starts")]
fn one_worker() {
    may::config().set_workers(1);
}

/// Runs `body` on a coroutine. What the tests run there holds nothing of its thread across a yield, and is not deep.
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: see above; every body is in this file.
    unsafe { Builder::new().spawn(body) }.unwrap()
}

/// A memo of `f`, which is one of this file's: the same holds for it.
fn memo<V: Clone + Send + Sync + 'static>(f: impl Fn(&usize) -> V + Send + Sync + 'static) -> Arc<Memo<usize, V>> {
    // SAFETY: see above.
    Arc::new(unsafe { Memo::new(f) })
}

fn cancel<T>(coroutine: &JoinHandle<T>) {
    // SAFETY: what the cancelled coroutines of this file own is dropped by unwinding like anything else.
    unsafe { coroutine.coroutine().cancel() }
}

#[test]
fn threads_may_share_it() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Memo<String, String>>();
}

/// A value whose clones are dropped like anything else, and which itself panics then.
struct PanicsInDrop(bool);

impl Clone for PanicsInDrop {
    fn clone(&self) -> Self {
        PanicsInDrop(false)
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if self.0 {
            panic_any("a value's drop");
        }
    }
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 30000)]

    /// The call waits for all callers to have come, which they only can if those who wait let the worker go.
    #[test]
    fn a_herd_on_one_worker() {
        one_worker();
        let (calls, asking) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all_ask = Arc::new(SyncFlag::new());
        let memo = memo({
            let (calls, all_ask) = (calls.clone(), all_ask.clone());
            move |key| {
                calls.fetch_add(1, Relaxed);
                all_ask.wait();
                key * 2
            }
        });
        let ask = |key| {
            let (memo, asking, all_ask) = (memo.clone(), asking.clone(), all_ask.clone());
            move || {
                if asking.fetch_add(1, Relaxed) + 1 == CALLERS {
                    all_ask.fire();
                }
                memo.get(key)
            }
        };
        let coroutines: Vec<_> = (0..CALLERS - 4).map(|_| spawn(ask(7))).collect();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(ask(7))).collect();
        assert!(coroutines.into_iter().all(|caller| caller.join().unwrap() == 14));
        assert!(threads.into_iter().all(|caller| caller.join().unwrap() == 14));
        assert_eq!(calls.load(Relaxed), 1);
        assert!(format!("{memo:?}").starts_with("Memo { mailbox: "));
    }

    /// Whoever asks may be cancelled, the first as well: the call goes on, for those who stay and for those who come.
    #[test]
    fn a_cancelled_caller_stops_nobody() {
        one_worker();
        for stay in [0, 1, CALLERS] {
            let (calls, asking) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let may_return = Arc::new(SyncFlag::new());
            let memo = memo({
                let (calls, may_return) = (calls.clone(), may_return.clone());
                move |key| {
                    calls.fetch_add(1, Relaxed);
                    may_return.wait();
                    key * 2
                }
            });
            let ask = || {
                let (memo, asking) = (memo.clone(), asking.clone());
                move || {
                    asking.fetch_add(1, Relaxed);
                    memo.get(7)
                }
            };
            let leave: Vec<_> = (0..10).map(|_| spawn(ask())).collect();
            let stay: Vec<_> = (0..stay).map(|_| spawn(ask())).collect();
            while asking.load(Relaxed) < leave.len() + stay.len() || calls.load(Relaxed) == 0 {
                thread::yield_now();
            }
            leave.iter().for_each(cancel);
            assert!(leave.into_iter().all(|caller| caller.join().is_err()));
            may_return.fire();
            assert!(stay.into_iter().all(|caller| caller.join().unwrap() == 14));
            assert_eq!(memo.get(7), 14, "a later caller");
            assert_eq!(calls.load(Relaxed), 1);
        }
    }

    /// `f` cancels its own coroutine. The leader is told so, and is not cancelled itself.
    #[test]
    fn a_cancelled_call_is_the_leaders_error() {
        one_worker();
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = memo({
            let calls = calls.clone();
            move |key| {
                if calls.fetch_add(1, Relaxed) == 0 {
                    // SAFETY: this coroutine owns nothing that minds being dropped.
                    unsafe { may::coroutine::current().cancel() };
                    yield_now();
                }
                key * 2
            }
        });
        let leader = spawn({
            let memo = memo.clone();
            move || {
                let told = catch_unwind(AssertUnwindSafe(|| memo.get(7))).unwrap_err();
                (*told.downcast_ref::<&str>().unwrap(), memo.get(7))
            }
        });
        assert_eq!(leader.join().unwrap(), ("memo3: the call of f was cancelled", 14));
    }

    /// Both ends, `close` and drop, wait for the calls: when they return, `f` is gone, and every value with it. The
    /// last caller is cancelled, so that its call is still under way.
    #[test]
    fn the_end_waits_for_the_calls() {
        one_worker();
        for close in [true, false] {
            let (value, may_return) = (Arc::new(()), Arc::new(SyncFlag::new()));
            let inside = Arc::new(SyncFlag::new());
            let memo = memo({
                let (value, inside, may_return) = (value.clone(), inside.clone(), may_return.clone());
                move |_| {
                    inside.fire();
                    may_return.wait();
                    value.clone()
                }
            });
            let caller = spawn({
                let memo = memo.clone();
                move || drop(memo.get(7))
            });
            inside.wait();
            cancel(&caller);
            assert!(caller.join().is_err());
            let releaser = spawn(move || {
                (0..100).for_each(|_| yield_now());
                may_return.fire();
            });
            let memo = Arc::into_inner(memo).unwrap();
            match close {
                true => memo.close(),
                false => drop(memo),
            }
            assert_eq!(Arc::strong_count(&value), 1);
            releaser.join().unwrap();
        }
    }

    /// The monitor has the value itself, and drops it at its end.
    #[test]
    fn close_tells_how_the_monitor_ended_and_drop_does_not() {
        one_worker();
        let used = || {
            let memo = memo(|_| PanicsInDrop(true));
            memo.get(7);
            Arc::into_inner(memo).unwrap()
        };
        let panic = catch_unwind(AssertUnwindSafe(|| used().close())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a value's drop"));
        drop(used());
    }

    /// An answer is sent, and its channel closed, while the caller looks for the one and then for the other: it must
    /// not miss the answer between the two looks.
    #[test]
    fn no_answer_is_missed() {
        let memo = memo(|key| key * 2);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let memo = memo.clone();
                thread::spawn(move || (0..HITS).all(|hit| memo.get(hit % 8) == hit % 8 * 2))
            })
            .collect();
        assert!(threads.into_iter().all(|caller| caller.join().unwrap()));
    }
}

//! Tests of what only coroutines can do to the memo: wait on one worker, be cancelled, and share it with threads.
//!
//! `may` is configured once per process, and a test that hangs must not stop the others. So each test has a process
//! of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use may::coroutine::{Builder, JoinHandle};
use may::sync::SyncFlag;
use memo2::coroutine::Memo;
use rusty_fork::rusty_fork_test;

const CALLERS: usize = 100;

/// Uses one worker, so that a caller that kept it while waiting would stop everything.
#[allow(clippy::disallowed_methods, reason = "one setting, before anything starts")]
fn one_worker() {
    may::config().set_workers(1);
}

/// Runs `body` on a coroutine. The bodies in these tests hold nothing of their thread across a yield, and need
/// little stack.
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: as described above. Every body is in this file.
    unsafe { Builder::new().spawn(body) }.unwrap()
}

fn cancel<T>(coroutine: &JoinHandle<T>) {
    // SAFETY: unwinding drops all that the cancelled coroutines of this file own.
    unsafe { coroutine.coroutine().cancel() }
}

#[test]
fn threads_may_share_it() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Memo<String, String, fn(&String) -> String>>();
}

/// The callers are threads here.
#[test]
fn debug_says_how_many_entries_there_are() {
    let memo = Memo::new(|key: &u32| *key);
    (0..20).for_each(|key| _ = memo.get(&key));
    assert_eq!(format!("{memo:?}"), "Memo { entries: Some(20), .. }");
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// The leader waits until all callers have asked. They can ask only if the waiters let go of the worker.
    #[test]
    fn a_herd_on_one_worker() {
        one_worker();
        let (calls, asking) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all_ask = Arc::new(SyncFlag::new());
        let memo = Arc::new(Memo::new({
            let (calls, all_ask) = (calls.clone(), all_ask.clone());
            move |key: &usize| {
                calls.fetch_add(1, Relaxed);
                all_ask.wait();
                key * 2
            }
        }));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (memo, asking, all_ask) = (memo.clone(), asking.clone(), all_ask.clone());
                spawn(move || {
                    if asking.fetch_add(1, Relaxed) + 1 == CALLERS {
                        all_ask.fire();
                    }
                    memo.get(&7)
                })
            })
            .collect();
        assert!(callers.into_iter().all(|caller| caller.join().unwrap() == 14));
        assert_eq!(calls.load(Relaxed), 1);
    }

    /// First a thread leads and coroutines wait, then a coroutine leads and threads wait.
    #[test]
    fn threads_and_coroutines_wait_for_each_other() {
        one_worker();
        for thread_leads in [true, false] {
            let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
            let memo = Arc::new(Memo::new({
                let (inside, may_return) = (inside.clone(), may_return.clone());
                move |key: &usize| {
                    inside.fire();
                    may_return.wait();
                    key * 2
                }
            }));
            let ask = || {
                let memo = memo.clone();
                move || memo.get(&7)
            };
            if thread_leads {
                let leader = thread::spawn(ask());
                inside.wait();
                let waiters: Vec<_> = (0..CALLERS).map(|_| spawn(ask())).collect();
                may_return.fire();
                assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == 14));
                assert_eq!(leader.join().unwrap(), 14);
            } else {
                let leader = spawn(ask());
                inside.wait();
                let waiters: Vec<_> = (0..8).map(|_| thread::spawn(ask())).collect();
                may_return.fire();
                assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == 14));
                assert_eq!(leader.join().unwrap(), 14);
            }
        }
    }

    /// A leader that is cancelled inside `f` hands over to a waiter. Its call has ended before the next call
    /// begins.
    #[test]
    fn a_cancelled_leader_hands_over() {
        struct Inside(Arc<AtomicUsize>);
        impl Drop for Inside {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Relaxed);
            }
        }

        one_worker();
        for waiters in [0, 1, CALLERS] {
            let (calls, inside, asking) =
                (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let first_call = Arc::new(SyncFlag::new());
            let memo = Arc::new(Memo::new({
                let (calls, inside, first_call) = (calls.clone(), inside.clone(), first_call.clone());
                move |key: &usize| {
                    assert_eq!(inside.fetch_add(1, Relaxed), 0, "two calls at once");
                    let _inside = Inside(inside.clone());
                    if calls.fetch_add(1, Relaxed) == 0 {
                        first_call.fire();
                        SyncFlag::new().wait();
                    }
                    key * 2
                }
            }));
            let ask = |memo: &Arc<_>| {
                let (memo, asking) = (Arc::<Memo<_, _, _>>::clone(memo), asking.clone());
                move || {
                    asking.fetch_add(1, Relaxed);
                    memo.get(&7)
                }
            };
            let leader = spawn(ask(&memo));
            first_call.wait();
            let waiters: Vec<_> = (0..waiters).map(|_| spawn(ask(&memo))).collect();
            while asking.load(Relaxed) < 1 + waiters.len() {
                thread::yield_now();
            }
            cancel(&leader);
            assert!(leader.join().is_err());
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == 14));
            assert_eq!(memo.get(&7), 14, "a later caller");
            assert_eq!(calls.load(Relaxed), 2);
        }
    }

    /// Waiters that are cancelled do not disturb the leader or the other waiters.
    #[test]
    fn cancelled_waiters_leave() {
        one_worker();
        let (asking, may_return) = (Arc::new(AtomicUsize::new(0)), Arc::new(SyncFlag::new()));
        let memo = Arc::new(Memo::new({
            let may_return = may_return.clone();
            move |key: &usize| {
                may_return.wait();
                key * 2
            }
        }));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (memo, asking) = (memo.clone(), asking.clone());
                spawn(move || {
                    asking.fetch_add(1, Relaxed);
                    memo.get(&7)
                })
            })
            .collect();
        while asking.load(Relaxed) < CALLERS {
            thread::yield_now();
        }
        // The first of them leads: with one worker they ran in order.
        callers.iter().skip(1).step_by(2).for_each(cancel);
        may_return.fire();
        for (caller, joined) in callers.into_iter().enumerate().map(|(at, caller)| (at, caller.join())) {
            match caller % 2 {
                0 => assert_eq!(joined.unwrap(), 14),
                _ => assert!(joined.is_err(), "caller {caller} was cancelled"),
            }
        }
    }
}

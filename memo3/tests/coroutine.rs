//! Tests of what only coroutines can do to the memo: wait on one worker, be cancelled, and share it with threads.
//!
//! `may` is configured once per process, and a test that hangs must not stop the others. So each test has a process
//! of its own.

mod panicking;

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use may::coroutine::{Builder, JoinHandle, yield_now};
use may::sync::SyncFlag;
use memo3::coroutine::Memo;
use panicking::{
    CountsDrops, Key, PANICKING_KEYS, PanickingHasher, PanicsIn, PanicsInDrop,
};
use rusty_fork::rusty_fork_test;

const CALLERS: usize = 100;

/// Enough hits that a caller looks for its answer at every moment of the sending.
const HITS: usize = 100_000;

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

/// Creates a memo of `f`. Every `f` is in this file, and holds nothing of its thread either.
fn memo<V: Clone + Send + Sync + 'static>(
    f: impl Fn(&usize) -> V + Send + Sync + 'static,
) -> Arc<Memo<usize, V>> {
    // SAFETY: see above.
    Arc::new(unsafe { Memo::new(f) })
}

fn cancel<T>(coroutine: &JoinHandle<T>) {
    // SAFETY: unwinding drops all that the cancelled coroutines of this file own.
    unsafe { coroutine.coroutine().cancel() }
}

#[test]
fn threads_may_share_it() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Memo<String, String>>();
}

/// Lets every other coroutine take a few steps: a spawned coroutine asks, and the monitor reads its request.
fn turns() {
    (0..8).for_each(|_| yield_now());
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// The call waits until all callers have asked. They can ask only if the waiters let go of the worker.
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

    /// Any caller may be cancelled, the first as well. The call goes on for the callers that stay and for later
    /// ones.
    #[test]
    fn a_cancelled_caller_does_not_stop_others() {
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

    /// `f` cancels its own coroutine. The leader gets an error, and is not cancelled itself.
    #[test]
    fn a_cancelled_call_is_the_leaders_error() {
        one_worker();
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = memo({
            let calls = calls.clone();
            move |key| {
                if calls.fetch_add(1, Relaxed) == 0 {
                    // SAFETY: this coroutine owns nothing that must not be dropped by unwinding.
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

    /// Both `close` and drop wait for the calls. When they return, `f` and every value are dropped. The last caller
    /// is cancelled, so that its call is still under way.
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

    /// The monitor owns the values and `f`, and drops all of them when it ends, even if their drops panic.
    #[test]
    fn close_tells_how_the_monitor_ended_and_drop_does_not() {
        one_worker();
        let drops = Arc::new(AtomicUsize::new(0));
        let used = || {
            let (drops, unkind) = (drops.clone(), PanicsInDrop(true));
            let memo = memo(move |_| {
                let _ = &unkind;
                CountsDrops::new(&drops)
            });
            (0..3).for_each(|key| drop(memo.get(key)));
            Arc::into_inner(memo).unwrap()
        };
        let panic = catch_unwind(AssertUnwindSafe(|| used().close())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a value's drop"));
        drop(used());
        assert_eq!(drops.load(Relaxed), 6);
    }

    /// If a key panics when it is hashed, compared or dropped, only the caller that sent it sees that, and the
    /// monitor goes on. The same holds for a hash function.
    #[test]
    fn a_key_that_panics_hurts_its_sender_only() {
        let hasher = PanickingHasher::default();
        // SAFETY: `f`, `K` and `S` hold nothing of a thread.
        let memo = unsafe { Memo::with_hasher(|key: &Key| key.0, hasher.clone()) };
        for round in 0..3 {
            hasher.0.store(true, Relaxed);
            let panic = catch_unwind(AssertUnwindSafe(|| memo.get(Key(round, PanicsIn::Nothing)))).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"the hash function"));
            hasher.0.store(false, Relaxed);
            assert_eq!(memo.get(Key(round, PanicsIn::Nothing)), round);
            for (panics, says) in PANICKING_KEYS {
                let panic = catch_unwind(AssertUnwindSafe(|| memo.get(Key(round, panics)))).unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&says));
                assert_eq!(memo.get(Key(round, PanicsIn::Nothing)), round);
            }
        }
        memo.close();
    }

    /// The leader has left when its call panics, so no caller takes the payload, and the monitor drops it. The
    /// monitor also drops the key of a caller that left before the monitor read its request.
    #[test]
    fn what_a_caller_leaves_behind_may_panic_in_its_drop() {
        one_worker();
        let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
        let calls = Arc::new(AtomicUsize::new(0));
        let f = {
            let (inside, may_return, calls) = (inside.clone(), may_return.clone(), calls.clone());
            move |key: &Key| {
                inside.fire();
                may_return.wait();
                if calls.fetch_add(1, Relaxed) == 0 {
                    panic_any(PanicsInDrop(true));
                }
                key.0 * 2
            }
        };
        // SAFETY: `f` and `K` hold nothing of a thread.
        let memo = Arc::new(unsafe { Memo::new(f) });
        spawn(move || {
            let ask = |panics| {
                let memo = memo.clone();
                spawn(move || memo.get(Key(7, panics)))
            };
            let leader = ask(PanicsIn::Nothing);
            inside.wait();
            cancel(&leader);
            assert!(leader.join().is_err());
            for _ in 0..3 {
                // This caller asks, and is cancelled in its first wait.
                let waiter = ask(PanicsIn::Drop);
                cancel(&waiter);
                assert!(waiter.join().is_err());
            }
            may_return.fire();
            assert_eq!(memo.get(Key(7, PanicsIn::Nothing)), 14);
            assert_eq!(calls.load(Relaxed), 2);
            Arc::into_inner(memo).unwrap().close();
        })
        .join()
        .unwrap();
    }

    /// 50 callers are cancelled, and then their call panics. No caller sees that panic, and a caller that stays
    /// leads the next call.
    #[test]
    fn no_call_for_callers_that_left() {
        one_worker();
        for all_leave in [true, false] {
            let (calls, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(SyncFlag::new()));
            let may_return = Arc::new(SyncFlag::new());
            let memo = memo({
                let (calls, inside, may_return) = (calls.clone(), inside.clone(), may_return.clone());
                move |key| {
                    inside.fire();
                    may_return.wait();
                    assert!(calls.fetch_add(1, Relaxed) > 0, "the first call panics");
                    key * 2
                }
            });
            spawn(move || {
                let ask = || {
                    let memo = memo.clone();
                    spawn(move || memo.get(7))
                };
                let leave: Vec<_> = (0..50).map(|_| ask()).collect();
                inside.wait();
                turns();
                let stays = (!all_leave).then(ask);
                turns();
                for caller in leave {
                    cancel(&caller);
                    assert!(caller.join().is_err());
                }
                may_return.fire();
                if let Some(stays) = stays {
                    assert_eq!(stays.join().unwrap(), 14);
                }
                // Waits for the calls that are under way, if there are any.
                Arc::into_inner(memo).unwrap().close();
                assert_eq!(calls.load(Relaxed), if all_leave { 1 } else { 2 });
            })
            .join()
            .unwrap();
        }
    }

    /// A leader that stays sees the panic of its call, although many callers behind it have left. Then the
    /// waiters that stay lead in their order.
    #[test]
    fn callers_that_stay_keep_their_places() {
        const STAY: usize = 20;
        one_worker();
        let (calls, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(SyncFlag::new()));
        let may_return = Arc::new(SyncFlag::new());
        let memo = memo({
            let (calls, inside, may_return) = (calls.clone(), inside.clone(), may_return.clone());
            move |_| -> usize {
                inside.fire();
                may_return.wait();
                panic_any(calls.fetch_add(1, Relaxed))
            }
        });
        spawn(move || {
            let ask = || {
                let memo = memo.clone();
                spawn(move || catch_unwind(AssertUnwindSafe(|| memo.get(7))).unwrap_err())
            };
            let mut stay = Vec::new();
            for _ in 0..STAY {
                stay.push(ask());
                inside.wait();
                turns();
                let leave = || {
                    let memo = memo.clone();
                    spawn(move || memo.get(7))
                };
                for leaves in (0..20).map(|_| leave()).collect::<Vec<_>>() {
                    cancel(&leaves);
                    assert!(leaves.join().is_err());
                }
            }
            may_return.fire();
            for (place, caller) in stay.into_iter().enumerate() {
                assert_eq!(caller.join().unwrap().downcast_ref(), Some(&place));
            }
            assert_eq!(calls.load(Relaxed), STAY);
        })
        .join()
        .unwrap();
    }

    /// A call owns its memo while it runs, and its caller leaves. So the call itself drops or closes the memo, and
    /// that cannot wait for the call.
    #[test]
    fn a_call_may_drop_its_own_memo() {
        one_worker();
        for close in [false, true] {
            let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
            let (value, dropped) = (Arc::new(()), Arc::new(SyncFlag::new()));
            let memo: Arc<Memo<usize, Arc<()>>> = Arc::new_cyclic(|memo: &Weak<Memo<usize, Arc<()>>>| {
                let (memo, inside, may_return) = (memo.clone(), inside.clone(), may_return.clone());
                let (value, dropped) = (value.clone(), dropped.clone());
                let f = move |_: &usize| {
                    let owner = memo.upgrade().unwrap();
                    inside.fire();
                    may_return.wait();
                    let owner = Arc::into_inner(owner).expect("all other owners are dropped");
                    match close {
                        false => drop(owner),
                        true => {
                            let panic = catch_unwind(AssertUnwindSafe(|| owner.close())).unwrap_err();
                            let says = panic.downcast_ref::<&str>().unwrap();
                            assert!(says.starts_with("memo3: close inside f"), "{says}");
                        }
                    }
                    dropped.fire();
                    value.clone()
                };
                // SAFETY: see `spawn`.
                unsafe { Memo::new(f) }
            });
            let caller = spawn({
                let memo = memo.clone();
                move || drop(memo.get(7))
            });
            inside.wait();
            cancel(&caller);
            assert!(caller.join().is_err());
            drop(memo);
            may_return.fire();
            dropped.wait();
            // The monitor ends on its own.
            while Arc::strong_count(&value) > 1 {
                thread::yield_now();
            }
        }
    }

    /// The last owner of a memo is a key in its own mailbox, or the payload of its own panic. The monitor drops the
    /// memo, and cannot wait for itself.
    #[test]
    fn the_monitor_may_drop_its_own_memo() {
        /// A key that owns its memo.
        struct Owner(usize, Mutex<Option<Arc<Memo<Owner, usize>>>>);
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

        one_worker();
        for payload in [false, true] {
            let alive = Arc::new(());
            let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
            let f = {
                let (alive, inside, may_return) = (alive.clone(), inside.clone(), may_return.clone());
                move |key: &Owner| -> usize {
                    let _ = &alive;
                    let owner = key.1.lock().unwrap().take();
                    inside.fire();
                    may_return.wait();
                    panic_any(owner)
                }
            };
            // SAFETY: `f` and `K` hold nothing of a thread across a yield.
            let memo = Arc::new(unsafe { Memo::new(f) });
            spawn(move || {
                let caller = spawn(move || {
                    let key = Owner(7, Mutex::new(Some(memo.clone())));
                    memo.get(key)
                });
                if payload {
                    inside.wait();
                }
                cancel(&caller);
                assert!(caller.join().is_err());
                may_return.fire();
                while Arc::strong_count(&alive) > 1 {
                    yield_now();
                }
            })
            .join()
            .unwrap();
        }
    }

    /// A leader is cancelled just as its call panics, at each moment of the panic. The leader drops the payload
    /// while it unwinds, or sees the panic, or the monitor drops the payload.
    #[test]
    fn a_leader_may_be_cancelled_as_its_call_panics() {
        one_worker();
        for moment in 0..16 {
            let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
            let memo = memo({
                let (inside, may_return) = (inside.clone(), may_return.clone());
                move |key| {
                    if inside.is_fired() {
                        return key * 2;
                    }
                    inside.fire();
                    may_return.wait();
                    panic_any(PanicsInDrop(true))
                }
            });
            spawn(move || {
                let leader = spawn({
                    let memo = memo.clone();
                    move || catch_unwind(AssertUnwindSafe(|| memo.get(7))).map_err(|panic| {
                        if panic.is::<PanicsInDrop>() {
                            assert!(catch_unwind(AssertUnwindSafe(|| drop(panic))).is_err());
                        } else {
                            resume_unwind(panic);
                        }
                    })
                });
                inside.wait();
                may_return.fire();
                (0..moment).for_each(|_| yield_now());
                cancel(&leader);
                let _ = leader.join();
                assert_eq!(memo.get(7), 14);
            })
            .join()
            .unwrap();
        }
    }

    /// Answers are sent while their callers look for them and begin to wait. No answer is missed.
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

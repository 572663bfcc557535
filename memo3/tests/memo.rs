//! Tests of the channel memo's contract, and of how it ends.
//!
//! A test that could hang runs in a child process, which is killed after ten minutes. The limit is that long
//! because a busy machine is not a hang.

mod panicking;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Condvar, Mutex, Weak};
use std::thread;

use memo3::Memo;
use panicking::{
    CountsDrops, Key, PANICKING_KEYS, PanickingHasher, PanicsIn, PanicsInDrop,
};
use rusty_fork::rusty_fork_test;

/// The size of a herd, and the number of herds: enough that callers arrive before, while and after `f` runs.
const CALLERS: usize = 8;
const ROUNDS: usize = 200;

/// How many callers of the current herd have begun to ask. There is one herd at a time, because each test with
/// herds has a process of its own.
static ASKING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// What a call of `f` does: it sleeps until all callers of the herd ask, and then lets them run first. On a busy
/// machine a yield can take long, so there are few. A caller that is later still does no harm.
fn dawdle() {
    let mut asking = ASKING.0.lock().unwrap();
    while *asking < CALLERS {
        asking = ASKING.1.wait(asking).unwrap();
    }
    drop(asking);
    (0..2).for_each(|_| thread::yield_now());
}

/// Calls `ask` from [`CALLERS`] threads at once, and returns what each got.
fn herd<T: Send>(ask: impl Fn() -> T + Sync) -> Vec<T> {
    *ASKING.0.lock().unwrap() = 0;
    let start = Barrier::new(CALLERS);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    *ASKING.0.lock().unwrap() += 1;
                    ASKING.1.notify_all();
                    ask()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn threads_may_share_it() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Memo<String, String>>();
}

#[test]
fn debug_says_what_the_monitor_has_not_read() {
    let memo = Memo::new(|key: &u32| *key);
    assert_eq!(memo.get(1), 1);
    assert_eq!(format!("{memo:?}"), "Memo { unread_messages: 0, .. }");
}

/// Gives every key the same hash.
#[derive(Default)]
struct Constant;

impl std::hash::Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        7
    }
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// Any hash function works, though a bad one is slow.
    #[test]
    fn keys_that_collide_are_told_apart() {
        let calls = Arc::new(AtomicUsize::new(0));
        let f = {
            let calls = calls.clone();
            move |key: &usize| {
                calls.fetch_add(1, Relaxed);
                key * 2
            }
        };
        let memo = Memo::with_hasher(f, std::hash::BuildHasherDefault::<Constant>::default());
        for _ in 0..2 {
            assert!((0..ROUNDS).all(|key| memo.get(key) == key * 2));
        }
        assert_eq!(calls.load(Relaxed), ROUNDS);
    }

    #[test]
    fn one_call_a_key() {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = Memo::new({
            let calls = calls.clone();
            move |key: &usize| {
                dawdle();
                (key * 2, calls.fetch_add(1, Relaxed))
            }
        });
        for key in 0..ROUNDS {
            let values = herd(|| memo.get(key));
            assert!(values.iter().all(|value| *value == (key * 2, key)), "{values:?}");
        }
    }

    /// As many keys as callers, all inside `f` at once.
    #[test]
    fn distinct_keys_overlap() {
        let all_inside = Barrier::new(CALLERS);
        let memo = Memo::new(move |key: &usize| {
            all_inside.wait();
            *key
        });
        let next = AtomicUsize::new(0);
        for _ in 0..ROUNDS {
            herd(|| memo.get(next.fetch_add(1, Relaxed)));
        }
    }

    /// The first calls of each key panic, and the next one returns. One caller sees each panic, and all others get
    /// the value.
    #[test]
    fn the_next_caller_leads_after_a_panic() {
        const PANICS: usize = 3;
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = Memo::new({
            let calls = calls.clone();
            move |key: &usize| {
                dawdle();
                let call = calls.fetch_add(1, Relaxed);
                if call < PANICS {
                    panic_any(call);
                }
                key * 2
            }
        });
        for key in 0..ROUNDS {
            calls.store(0, Relaxed);
            let (panics, values): (Vec<_>, Vec<_>) =
                herd(|| catch_unwind(AssertUnwindSafe(|| memo.get(key)))).into_iter().partition(Result::is_err);
            let mut panics: Vec<_> =
                panics.into_iter().map(|panic| *panic.unwrap_err().downcast::<usize>().unwrap()).collect();
            panics.sort_unstable();
            assert_eq!(panics, [0, 1, 2], "each panic goes to one caller, with its payload");
            assert!(values.into_iter().all(|value| value.unwrap() == key * 2));
            assert_eq!(calls.load(Relaxed), PANICS + 1);
        }
    }

    /// The caller that started the call sees its panic, and not a caller that arrived while it ran.
    #[test]
    fn the_leader_sees_the_panic() {
        for _ in 0..ROUNDS {
            let (calls, inside) = (AtomicUsize::new(0), Arc::new(Barrier::new(2)));
            let memo = Memo::new({
                let inside = inside.clone();
                move |_: &()| {
                    if calls.fetch_add(1, Relaxed) == 0 {
                        inside.wait();
                        // The other caller runs first, if it can.
                        (0..2).for_each(|_| thread::yield_now());
                        panic_any("the first call");
                    }
                }
            });
            thread::scope(|scope| {
                let leader = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| memo.get(()))).is_err());
                inside.wait();
                // The first call is under way, and its leader is the caller above.
                memo.get(());
                assert!(leader.join().unwrap());
            });
        }
    }

    /// If a key panics when it is hashed, compared or dropped, only the caller that sent it sees that, and the
    /// monitor goes on.
    #[test]
    fn a_key_that_panics_hurts_its_sender_only() {
        let memo = Memo::new(|key: &Key| key.0);
        for round in 0..3 {
            assert_eq!(memo.get(Key(round, PanicsIn::Nothing)), round);
            for (panics, says) in PANICKING_KEYS {
                let panic = catch_unwind(AssertUnwindSafe(|| memo.get(Key(round, panics)))).unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&says));
                assert_eq!(memo.get(Key(round, PanicsIn::Nothing)), round);
            }
        }
        memo.close();
    }

    #[test]
    fn a_hash_function_that_panics_hurts_one_caller_only() {
        let hasher = PanickingHasher::default();
        let memo = Memo::with_hasher(|key: &usize| key * 2, hasher.clone());
        for round in 0..3 {
            hasher.0.store(true, Relaxed);
            let panic = catch_unwind(AssertUnwindSafe(|| memo.get(round))).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"the hash function"));
            hasher.0.store(false, Relaxed);
            assert_eq!(memo.get(round), round * 2);
        }
    }

    /// Dropping the payload of this panic panics. The leader gets the payload, and the monitor goes on.
    #[test]
    fn a_payload_that_panics_is_its_leaders() {
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(move |key: &usize| match calls.fetch_add(1, Relaxed) {
            0 => panic_any(PanicsInDrop(true)),
            _ => key * 2,
        });
        let payload = catch_unwind(AssertUnwindSafe(|| memo.get(7))).unwrap_err();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
        assert_eq!(memo.get(7), 14);
        memo.close();
    }

    /// A caller whose clone of the value panics gets nothing, and leaks nothing.
    #[test]
    fn a_caller_that_goes_away_leaks_nothing() {
        struct Fragile(Arc<AtomicUsize>);
        impl Clone for Fragile {
            fn clone(&self) -> Self {
                assert!(self.0.fetch_add(1, Relaxed) > 0, "the first clone fails");
                Fragile(self.0.clone())
            }
        }
        let clones = Arc::new(AtomicUsize::new(0));
        let memo = Memo::new({
            let clones = clones.clone();
            move |_: &()| Fragile(clones.clone())
        });
        assert!(catch_unwind(AssertUnwindSafe(|| memo.get(()))).is_err());
        herd(|| memo.get(()));
        memo.close();
        assert_eq!(Arc::strong_count(&clones), 1);
    }

    /// `f` asks for other keys. Each call has a thread of its own, so the monitor is free to answer.
    #[test]
    fn f_may_ask_for_other_keys() {
        struct Triangle {
            memo: Memo<u64, u64>,
        }
        let triangle = Arc::new_cyclic(|asked: &Weak<Triangle>| {
            let asked = asked.clone();
            Triangle {
                memo: Memo::new(move |n| match n {
                    0 => 0,
                    _ => n + asked.upgrade().unwrap().memo.get(n - 1),
                }),
            }
        });
        assert_eq!(triangle.memo.get(100), 5050);
    }

    /// Both `close` and drop wait for the monitor. When they return, `f` and every value are dropped.
    #[test]
    fn the_end_waits_for_the_monitor() {
        for round in 0..ROUNDS {
            let value = Arc::new(());
            let memo = Memo::new({
                let value = value.clone();
                move |_: &usize| value.clone()
            });
            let next = AtomicUsize::new(0);
            herd(|| memo.get(next.fetch_add(1, Relaxed)));
            assert_eq!(Arc::strong_count(&value), CALLERS + 2);
            match round % 2 {
                0 => memo.close(),
                _ => drop(memo),
            }
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }

    /// The monitor owns the values and `f`, and drops all of them when it ends, even if their drops panic.
    #[test]
    fn close_tells_how_the_monitor_ended_and_drop_does_not() {
        let drops = Arc::new(AtomicUsize::new(0));
        let used = || {
            let (drops, unkind) = (drops.clone(), PanicsInDrop(true));
            let memo = Memo::new(move |_: &usize| {
                let _ = &unkind;
                CountsDrops::new(&drops)
            });
            (0..3).for_each(|key| drop(memo.get(key)));
            memo
        };
        let panic = catch_unwind(AssertUnwindSafe(|| used().close())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a value's drop"));
        drop(used());
        assert_eq!(drops.load(Relaxed), 6);
    }

    /// A call leaves an owner of its memo to its thread, which drops it after the call, perhaps as the last owner.
    /// With threads, a call cannot come closer to dropping its own memo: while `f` runs, its caller borrows the
    /// memo.
    #[test]
    fn a_calls_thread_may_drop_the_last_owner() {
        thread_local! {
            static OWNER: RefCell<Option<Arc<Memo<usize, usize>>>> = const { RefCell::new(None) };
        }
        for round in 0..ROUNDS {
            let memo = Arc::new_cyclic(|memo: &Weak<Memo<usize, usize>>| {
                let memo = memo.clone();
                Memo::new(move |key: &usize| {
                    OWNER.set(memo.upgrade());
                    key * 2
                })
            });
            assert_eq!(memo.get(round), round * 2);
            let gone = Arc::downgrade(&memo);
            drop(memo);
            while gone.strong_count() > 0 {
                thread::yield_now();
            }
        }
    }
}

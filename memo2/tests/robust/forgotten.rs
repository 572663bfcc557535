//! What is not kept, and what is dropped.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use memo2::robust::{Call, Memo, Token};
use rusty_fork::rusty_fork_test;

use crate::{until, until_waits};

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn what_is_not_kept_is_computed_again() {
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(|_: &Call, _: &u8| match calls.fetch_add(1, Relaxed) {
            0 | 1 => Err("not yet"),
            call => Ok(call),
        })
        .keep_if(Result::is_ok);
        assert_eq!([(); 4].map(|()| memo.get(&1).unwrap()), [Err("not yet"), Err("not yet"), Ok(2), Ok(2)]);
    }

    /// A herd shares the error of one call. The error is not kept, but all callers that waited for it get it.
    #[test]
    fn what_is_not_kept_is_shared_once() {
        for _ in 0..100 {
            let calls = AtomicUsize::new(0);
            let all_wait = Barrier::new(2);
            let memo = Memo::new(|_: &Call, _: &u8| {
                all_wait.wait();
                Err::<(), _>(calls.fetch_add(1, Relaxed))
            })
            .keep_if(Result::is_ok);
            thread::scope(|scope| {
                let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| memo.get(&1))).collect();
                until_waits(&memo, 3);
                all_wait.wait();
                for caller in callers {
                    assert_eq!(caller.join().unwrap(), Ok(Err(0)));
                }
            });
        }
    }

    #[test]
    fn a_forgotten_key_is_computed_again() {
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(|_: &Call, _: &u8| calls.fetch_add(1, Relaxed));
        assert!(!memo.forget(&1));
        assert_eq!(memo.get(&1), Ok(0));
        assert!(memo.forget(&1));
        assert!(!memo.forget(&1));
        assert_eq!((memo.get(&1), memo.get(&1)), (Ok(1), Ok(1)));
    }

    /// The key is forgotten while it is computed. Callers that waited before get the old call's value, and callers
    /// that ask after that get the new call's. Whichever call ends first, the new call's value is the one that stays.
    #[test]
    fn an_old_call_touches_nothing() {
        for old_ends_first in [true, false] {
            let ends = [Barrier::new(2), Barrier::new(2)];
            let calls = AtomicUsize::new(0);
            let memo = Memo::new(|_: &Call, _: &u8| {
                let call = calls.fetch_add(1, Relaxed);
                if call < 2 {
                    ends[call].wait();
                }
                call
            });
            thread::scope(|scope| {
                let old: Vec<_> = (0..3).map(|_| scope.spawn(|| memo.get(&1))).collect();
                until_waits(&memo, 2);
                assert!(memo.forget(&1));
                let new: Vec<_> = (0..3).map(|_| scope.spawn(|| memo.get(&1))).collect();
                until_waits(&memo, 4);
                assert_eq!(memo.stats().in_flight, 2);
                let both = [(0, old), (1, new)];
                let ordered: Vec<_> = if old_ends_first { both.into() } else { both.into_iter().rev().collect() };
                for (call, callers) in ordered {
                    ends[call].wait();
                    for caller in callers {
                        assert_eq!(caller.join().unwrap(), Ok(call));
                    }
                }
            });
            assert_eq!(memo.get(&1), Ok(1), "old first: {old_ends_first}");
            assert_eq!(calls.load(Relaxed), 2);
        }
    }

    /// An old call that is not kept, or panics, or is told to stop, does not remove the new call's entry either.
    #[test]
    fn an_old_call_that_comes_to_nothing_touches_nothing() {
        for how in ["not kept", "panics", "stopped"] {
            let end = Barrier::new(2);
            let calls = AtomicUsize::new(0);
            let memo = Memo::new(|_: &Call, _: &u8| {
                let call = calls.fetch_add(1, Relaxed);
                if call == 0 {
                    end.wait();
                    if how == "panics" {
                        std::panic::resume_unwind(Box::new("the old call"));
                    }
                }
                call
            })
            .keep_if(move |call| how != "not kept" || *call > 0);
            let token = Token::new();
            thread::scope(|scope| {
                let old = scope.spawn(|| memo.get_until(&1, &token));
                until(|| calls.load(Relaxed) == 1);
                assert!(memo.forget(&1));
                assert_eq!(memo.get(&1), Ok(1));
                if how == "stopped" {
                    token.cancel();
                }
                end.wait();
                let old = old.join();
                assert_eq!(old.is_err(), how == "panics");
                assert_eq!(old.is_ok_and(|old| old.is_err()), how == "stopped");
            });
            assert_eq!(memo.get(&1), Ok(1), "{how}");
        }
    }

    /// The value is read from a source, the source changes, and the key is forgotten. A caller that asks after that
    /// does not get the old value, even if a call that had read it was in flight.
    #[test]
    fn a_stale_value_is_not_put_back() {
        let source = AtomicUsize::new(0);
        let (read, forgotten) = (Barrier::new(2), Barrier::new(2));
        let memo = Memo::new(|_: &Call, _: &u8| {
            let value = source.load(Relaxed);
            if value == 0 {
                read.wait();
                forgotten.wait();
            }
            value
        });
        thread::scope(|scope| {
            let old = scope.spawn(|| memo.get(&1));
            read.wait();
            source.store(1, Relaxed);
            memo.forget(&1);
            forgotten.wait();
            assert_eq!(old.join().unwrap(), Ok(0));
            assert_eq!(memo.get(&1), Ok(1));
        });
    }

    /// Keys and values are dropped once, whatever happened to them before.
    #[test]
    fn everything_is_dropped() {
        let made = Arc::new(());
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        struct Held(u64, Arc<()>);
        {
            let memo = Memo::new(|_: &Call, key: &Held| {
                if key.0 % 5 == 4 {
                    std::panic::resume_unwind(Box::new("every fifth"));
                }
                key.clone()
            })
            .keep_if(|value: &Held| value.0 % 5 != 3);
            for round in 0..3 {
                for at in 0..100 {
                    let key = Held(at, made.clone());
                    let got = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| memo.get(&key)));
                    assert_eq!(got.is_err(), at % 5 == 4);
                    if (at + round) % 7 == 0 {
                        memo.forget(&key);
                    }
                }
            }
        }
        assert_eq!(Arc::strong_count(&made), 1);
    }
}

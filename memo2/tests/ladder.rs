//! The three steps of the ladder, and what each adds to the step before it.
//!
//! A test that could hang runs in a child process, which is killed after ten minutes. The limit is that long
//! because a busy machine is not a hang.

mod herd;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Weak};

use herd::{CALLERS, dawdle, herd};
use rusty_fork::rusty_fork_test;

/// The number of herds: enough that some waiters really sleep when the leader returns.
const ROUNDS: usize = 200;

fn shareable<T: Send + Sync>() {}

#[test]
fn threads_may_share_each_step() {
    shareable::<memo2::coarse::Memo<String, String, fn(&String) -> String>>();
    shareable::<memo2::duplicating::Memo<String, String, fn(&String) -> String>>();
    shareable::<memo2::Memo<String, String, fn(&String) -> String>>();
}

#[test]
fn debug_says_how_many_entries_there_are() {
    let memo = memo2::Memo::new(|key: &u32| *key);
    (0..20).for_each(|key| _ = memo.get(&key));
    assert_eq!(format!("{memo:?}"), "Memo { entries: Some(20), .. }");
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn coarse_makes_one_call_a_key() {
        let calls = AtomicUsize::new(0);
        let memo = memo2::coarse::Memo::new(|key: &usize| (key * 2, calls.fetch_add(1, Relaxed)));
        for key in 0..ROUNDS {
            let values = herd(|_| memo.get(&key));
            assert!(values.iter().all(|value| *value == (key * 2, key)), "{values:?}");
        }
    }

    // ANCHOR: coarse_is_serial
    /// Calls for two keys never overlap: at most one thread is inside `f`.
    #[test]
    fn coarse_is_serial() {
        let inside = AtomicUsize::new(0);
        let memo = memo2::coarse::Memo::new(|_: &usize| {
            let others = inside.fetch_add(1, Relaxed);
            dawdle();
            inside.fetch_sub(1, Relaxed);
            others
        });
        let next = AtomicUsize::new(0);
        for _ in 0..ROUNDS {
            assert_eq!(herd(|_| memo.get(&next.fetch_add(1, Relaxed))), [0; CALLERS]);
        }
    }
    // ANCHOR_END: coarse_is_serial

    // ANCHOR: duplicating
    /// All callers of a cold key are inside `f` at once. Otherwise the barrier in `f`
    /// would not open.
    #[test]
    fn duplicating_calls_once_a_caller() {
        let all_inside = Barrier::new(CALLERS);
        let memo = memo2::duplicating::Memo::new(|key: &usize| {
            all_inside.wait();
            key * 2
        });
        for key in 0..ROUNDS {
            assert_eq!(herd(|_| memo.get(&key)), [key * 2; CALLERS]);
        }
    }
    // ANCHOR_END: duplicating

    // ANCHOR: one_call
    #[test]
    fn memo_makes_one_call_a_key() {
        let calls = AtomicUsize::new(0);
        let memo = memo2::Memo::new(|key: &usize| {
            dawdle();
            (key * 2, calls.fetch_add(1, Relaxed))
        });
        for key in 0..ROUNDS {
            let values = herd(|_| memo.get(&key));
            assert!(values.iter().all(|value| *value == (key * 2, key)), "{values:?}");
        }
    }
    // ANCHOR_END: one_call

    /// The callers chase each other through the same keys, and `f` does nothing. So they meet in the map. If a
    /// look-up and its insertion were two steps, two callers could get in.
    #[test]
    fn memo_makes_one_call_a_key_in_a_chase() {
        const KEYS: usize = 200_000;
        let calls = AtomicUsize::new(0);
        let memo = memo2::Memo::new(|key: &usize| {
            calls.fetch_add(1, Relaxed);
            *key
        });
        herd(|_| (0..KEYS).for_each(|key| assert_eq!(memo.get(&key), key)));
        assert_eq!(calls.load(Relaxed), KEYS);
    }

    // ANCHOR: overlap
    /// As many keys as callers, all inside `f` at once.
    #[test]
    fn memo_lets_distinct_keys_overlap() {
        let all_inside = Barrier::new(CALLERS);
        let memo = memo2::Memo::new(|key: &usize| {
            all_inside.wait();
            *key
        });
        let next = AtomicUsize::new(0);
        for _ in 0..ROUNDS {
            herd(|_| memo.get(&next.fetch_add(1, Relaxed)));
        }
    }
    // ANCHOR_END: overlap

    // ANCHOR: panic
    /// The first calls of each key panic, and the next one returns. One caller sees each
    /// panic, and all others get the value.
    #[test]
    fn memo_hands_over_after_a_panic() {
        const PANICS: usize = 3;
        let calls = AtomicUsize::new(0);
        let memo = memo2::Memo::new(|key: &usize| {
            dawdle();
            let call = calls.fetch_add(1, Relaxed);
            if call < PANICS {
                panic_any(call);
            }
            key * 2
        });
        for key in 0..ROUNDS {
            calls.store(0, Relaxed);
            let got = herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&key))));
            let (panics, values): (Vec<_>, Vec<_>) =
                got.into_iter().partition(Result::is_err);
            let mut panics: Vec<usize> = panics
                .into_iter()
                .map(|panic| *panic.unwrap_err().downcast().unwrap())
                .collect();
            panics.sort_unstable();
            assert_eq!(panics, [0, 1, 2], "each panic goes to one caller");
            assert!(values.into_iter().all(|value| value.unwrap() == key * 2));
            assert_eq!(calls.load(Relaxed), PANICS + 1);
        }
    }
    // ANCHOR_END: panic

    /// A panic in the value's `Clone` is also the leader's: the waiters go on.
    #[test]
    fn memo_survives_a_panic_in_clone() {
        struct Fragile(Arc<AtomicUsize>);
        impl Clone for Fragile {
            fn clone(&self) -> Self {
                assert!(self.0.fetch_add(1, Relaxed) > 0, "the first clone fails");
                Fragile(self.0.clone())
            }
        }
        for _ in 0..ROUNDS {
            let clones = Arc::new(AtomicUsize::new(0));
            let memo = memo2::Memo::new(|_: &()| {
                dawdle();
                Fragile(clones.clone())
            });
            let seen = herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&()))).is_err());
            assert_eq!(seen.into_iter().filter(|panicked| *panicked).count(), 1);
        }
    }

    /// `f` asks for other keys. This works because no lock is held while it runs.
    #[test]
    fn f_may_ask_memo_for_other_keys() {
        type F = Box<dyn Fn(&u64) -> u64 + Send + Sync>;
        struct Triangle {
            memo: memo2::Memo<u64, u64, F>,
        }
        let triangle = Arc::new_cyclic(|asked: &Weak<Triangle>| {
            let asked = asked.clone();
            Triangle {
                memo: memo2::Memo::new(Box::new(move |n| match n {
                    0 => 0,
                    _ => n + asked.upgrade().unwrap().memo.get(&(n - 1)),
                })),
            }
        });
        assert_eq!(triangle.memo.get(&100), 5050);
    }

    /// In each step, all values are dropped with their memo.
    #[test]
    fn values_are_dropped() {
        let value = Arc::new(());
        {
            let coarse = memo2::coarse::Memo::new(|_: &u8| value.clone());
            let duplicating = memo2::duplicating::Memo::new(|_: &u8| value.clone());
            let memo = memo2::Memo::new(|_: &u8| value.clone());
            for key in 0..100 {
                herd(|_| (coarse.get(&key), duplicating.get(&key), memo.get(&key)));
            }
            assert_eq!(Arc::strong_count(&value), 301);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

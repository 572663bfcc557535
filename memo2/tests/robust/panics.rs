//! The contract of `memo2::Memo`, which this memo keeps too, and panics in every piece of the user's code.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use memo2::robust::{Call, Memo};
use rusty_fork::rusty_fork_test;

use crate::herd::{CALLERS, dawdle, herd};
use crate::until_waits;

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn herds_make_one_call_a_key() {
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(|_: &Call, key: &usize| {
            dawdle();
            (key * 2, calls.fetch_add(1, Relaxed))
        });
        for key in 0..200 {
            assert_eq!(herd(|_| memo.get(&key)), vec![Ok((key * 2, key)); CALLERS]);
        }
        let stats = memo.stats();
        assert_eq!((stats.misses, stats.hits + stats.waits), (200, 200 * (CALLERS as u64 - 1)));
    }

    #[test]
    fn distinct_keys_overlap() {
        let all_inside = Barrier::new(CALLERS);
        let memo = Memo::new(|_: &Call, key: &usize| {
            all_inside.wait();
            *key
        });
        for round in 0..100 {
            herd(|caller| assert_eq!(memo.get(&(round * CALLERS + caller)), Ok(round * CALLERS + caller)));
        }
    }

    /// Each of the first calls panics while all other callers wait for it. One caller sees the panic, and the
    /// others go on.
    #[test]
    fn hands_over_after_a_panic() {
        const PANICS: usize = 3;
        for _ in 0..100 {
            let calls = AtomicUsize::new(0);
            let memo = Memo::new(|_: &Call, key: &usize| {
                dawdle();
                let call = calls.fetch_add(1, Relaxed);
                if call < PANICS {
                    panic_any(call);
                }
                key * 2
            });
            let (panics, values): (Vec<_>, Vec<_>) =
                herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&21)))).into_iter().partition(Result::is_err);
            let mut panics: Vec<_> =
                panics.into_iter().map(|panic| *panic.unwrap_err().downcast::<usize>().unwrap()).collect();
            panics.sort_unstable();
            assert_eq!(panics, [0, 1, 2], "each panic goes to one caller, with its payload");
            assert!(values.into_iter().all(|value| value.unwrap() == Ok(42)));
            let stats = memo.stats();
            assert_eq!((stats.misses, stats.panics, stats.in_flight), (4, 3, 0));
        }
    }

    /// The function that decides whether a value is kept may panic. Then its call has failed.
    #[test]
    fn a_panic_in_keep_if() {
        let first = AtomicBool::new(true);
        let (inside, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let barriers = (inside.clone(), go_on.clone());
        let memo = Memo::new(|_: &Call, key: &u8| *key).keep_if(move |_| {
            if first.swap(false, Relaxed) {
                barriers.0.wait();
                barriers.1.wait();
                resume_unwind(Box::new("keep_if"));
            }
            true
        });
        thread::scope(|scope| {
            let ask = || catch_unwind(AssertUnwindSafe(|| memo.get(&1)));
            let leader = scope.spawn(ask);
            inside.wait();
            let waiters: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
            until_waits(&memo, 3);
            go_on.wait();
            assert!(leader.join().unwrap().is_err());
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap().unwrap(), Ok(1));
            }
        });
    }

    /// If a key's code panics, only that key's caller sees it, wherever it happens.
    #[test]
    fn panics_in_the_keys_code() {
        for what in ["hash", "eq", "clone", "debug"] {
            // It panics at its first use, then at its second, and so on, until a call succeeds.
            for after in 0..20 {
                let memo = Memo::new(|_: &Call, key: &Fragile| key.0);
                // Another key with the same hash, so that keys are compared.
                assert_eq!(memo.get(&Fragile(0)), Ok(0));
                fragile::break_after(what, after);
                let got = catch_unwind(AssertUnwindSafe(|| memo.get(&Fragile(1))));
                fragile::mend();
                assert_eq!(herd(|_| memo.get(&Fragile(1))), vec![Ok(1); CALLERS], "{what} after {after}");
                assert_eq!(memo.stats().in_flight, 0);
                if got.is_ok() {
                    break;
                }
                assert!(after < 19, "{what} runs at least twenty times");
            }
        }
    }

    /// A value whose `Clone` panics makes the callers that clone it panic, but no caller waits forever.
    #[test]
    fn panics_in_the_values_clone() {
        struct Value;
        impl Clone for Value {
            fn clone(&self) -> Self {
                resume_unwind(Box::new("clone"));
            }
        }
        let memo = Memo::new(|_: &Call, _: &u8| Value);
        let panicked = herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&1))).is_err());
        assert_eq!(panicked, [true; CALLERS]);
        assert_eq!((memo.stats().misses, memo.stats().panics), (1, 0), "f has not panicked, and its value is there");
    }
}

use fragile::Fragile;

mod fragile {
    use std::cell::Cell;
    use std::fmt;
    use std::hash::{Hash, Hasher};
    use std::panic::resume_unwind;

    thread_local! {
        static BREAKS: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
    }

    /// From now on, on this thread, the key's code that `what` names (such as `hash`) succeeds `times` times and
    /// then panics.
    pub(crate) fn break_after(what: &'static str, times: u32) {
        BREAKS.set(Some((what, times)));
    }

    pub(crate) fn mend() {
        BREAKS.set(None);
    }

    fn maybe(what: &str) {
        match BREAKS.get() {
            Some((breaks, 0)) if breaks == what => {
                mend();
                resume_unwind(Box::new("fragile"));
            }
            Some((breaks, times)) if breaks == what => {
                BREAKS.set(Some((breaks, times - 1)));
            }
            _ => {}
        }
    }

    pub(crate) struct Fragile(pub(crate) u8);

    impl Hash for Fragile {
        fn hash<H: Hasher>(&self, _: &mut H) {
            maybe("hash");
        }
    }

    impl PartialEq for Fragile {
        fn eq(&self, other: &Self) -> bool {
            maybe("eq");
            self.0 == other.0
        }
    }

    impl Eq for Fragile {}

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            maybe("clone");
            Fragile(self.0)
        }
    }

    impl fmt::Debug for Fragile {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            maybe("debug");
            self.0.fmt(out)
        }
    }
}

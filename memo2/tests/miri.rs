//! The tests for Miri: every memo of this crate that needs no runtime, small enough for an interpreter, and without
//! a child process, which Miri cannot start.
//!
//! `cargo +nightly miri test -p memo2 --test miri` interprets these programs and stops at the first undefined
//! behaviour: a read of freed memory, a reference that another one has made invalid, a data race. Each seed is
//! another order of the threads' turns: `MIRIFLAGS=-Zmiri-many-seeds=0..16` tries sixteen.
//!
//! Only Miri runs them. It reports a deadlock by itself; a plain run would hang, because these tests have no deadline.

#![cfg(miri)]

use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread;

use memo2::robust::{Call, Error, Token};
use memo2::{coarse, duplicating, lending, robust};

const CALLERS: u64 = 3;

/// Calls `ask` from three threads, with the number of each, and returns what each got.
fn herd<T: Send>(ask: impl Fn(u64) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let ask = &ask;
        let callers: Vec<_> =
            (0..CALLERS).map(|caller| scope.spawn(move || ask(caller))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// Hashes a number with any function, however bad.
#[derive(Clone, Copy)]
struct By(fn(u64) -> u64);

struct ByHasher(By, u64);

impl BuildHasher for By {
    type Hasher = ByHasher;
    fn build_hasher(&self) -> ByHasher {
        ByHasher(*self, 0)
    }
}

impl Hasher for ByHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers")
    }
    fn write_u64(&mut self, key: u64) {
        self.1 = (self.0.0)(key);
    }
    fn finish(&self) -> u64 {
        self.1
    }
}

#[test]
fn the_ladder() {
    let calls = AtomicUsize::new(0);
    let f = |key: &String| {
        calls.fetch_add(1, Relaxed);
        key.len()
    };
    let [key, other] = ["a page", "another page"].map(String::from);
    let (coarse, duplicating, memo) =
        (coarse::Memo::new(f), duplicating::Memo::new(f), memo2::Memo::new(f));
    assert_eq!(herd(|_| coarse.get(&key)), [6; 3]);
    assert_eq!(calls.swap(0, Relaxed), 1);
    assert_eq!(herd(|_| duplicating.get(&key)), [6; 3]);
    assert!((1..=3).contains(&calls.swap(0, Relaxed)));
    assert_eq!(
        herd(|caller| memo.get(if caller == 0 { &other } else { &key })),
        [12, 6, 6]
    );
    assert_eq!(calls.load(Relaxed), 2);
}

#[test]
fn a_call_of_the_ladder_panics() {
    let calls = AtomicUsize::new(0);
    let memo = memo2::Memo::new(|key: &u64| match calls.fetch_add(1, Relaxed) {
        0 => resume_unwind(Box::new("the first")),
        _ => key * 2,
    });
    let got = herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&7))).ok());
    assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [&14; 2]);
}

/// The table grows twice while two threads look up keys that a third one adds. Values that were lent stay in place.
#[test]
fn a_table_grows_during_look_ups() {
    const KEYS: u64 = 40;
    let hashes: [fn(u64) -> u64; 3] = [|key| key, |_| 7, |key| key << 57];
    for hash in hashes {
        let memo = lending::Memo::with_hasher(|key: &u64| Box::new(key * 2), By(hash));
        let first = memo.get(&0);
        herd(|caller| {
            for at in 0..KEYS {
                let key = if caller == 0 { at } else { at * 7 % KEYS };
                assert_eq!(**memo.get(&key), key * 2);
            }
        });
        assert_eq!(**first, 0);
        assert!(std::ptr::eq(first, memo.get(&0)));
    }
}

#[test]
fn a_lending_memo_is_asked_by_what_its_keys_borrow_as() {
    let memo = lending::Memo::new(|key: &String| key.to_uppercase());
    assert_eq!(herd(|_| memo.get("a page").as_str()), ["A PAGE"; 3]);
}

#[test]
fn a_call_of_the_lending_memo_panics() {
    let calls = AtomicUsize::new(0);
    let memo = lending::Memo::new(|key: &u64| match calls.fetch_add(1, Relaxed) {
        0 => resume_unwind(Box::new("the first")),
        _ => key * 2,
    });
    let got = herd(|_| catch_unwind(AssertUnwindSafe(|| *memo.get(&7))).ok());
    assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [&14; 2]);
}

/// Counts its drops. If the flag is set, its drop panics.
#[derive(Clone, Debug)]
struct Dropped(Arc<AtomicUsize>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
        if self.1 {
            resume_unwind(Box::new("drop"));
        }
    }
}

/// The drop of one of several values panics when the memo is dropped. Still each value is dropped once.
#[test]
fn a_panicking_drop_leaves_nothing_behind() {
    let drops = Arc::new(AtomicUsize::new(0));
    let lending = lending::Memo::new(|key: &u64| Dropped(drops.clone(), *key == 5));
    (0..20).for_each(|key| _ = lending.get(&key));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lending))).is_err());
    assert_eq!(drops.swap(0, Relaxed), 20);

    let robust = robust::Memo::new(|_: &Call, key: &u64| {
        Arc::new(Dropped(drops.clone(), *key == 5))
    });
    (0..20).for_each(|key| _ = robust.get(&key));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(robust))).is_err());
    assert_eq!(drops.load(Relaxed), 20);
}

#[test]
fn callers_of_the_robust_memo_leave() {
    let memo = robust::Memo::new(|call: &Call, key: &u64| {
        thread::yield_now();
        (call.is_cancelled(), *key)
    });
    let token = Token::new();
    let got = herd(|caller| match caller {
        0 => {
            token.cancel();
            Ok((false, 7))
        }
        1 => memo.get_until(&7, &token),
        _ => memo.get(&7),
    });
    assert!(
        matches!(&got[1], Ok((false, 7)) | Err(Error::Cancelled { .. })),
        "{:?}",
        got[1]
    );
    assert_eq!(got[2], Ok((false, 7)));
    assert!(memo.forget(&7));
    assert_eq!(memo.stats().in_flight, 0);
}

#[test]
fn a_call_of_the_robust_memo_panics() {
    let calls = AtomicUsize::new(0);
    let memo =
        robust::Memo::new(|_: &Call, key: &u64| match calls.fetch_add(1, Relaxed) {
            0 => resume_unwind(Box::new("the first")),
            _ => key * 2,
        });
    let got = herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&7).unwrap())).ok());
    assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [&14; 2]);
}

type F = Box<dyn Fn(&Call, &u64) -> Result<u64, Error> + Send + Sync>;

/// Each key asks for the next of three, from three callers at once. The caller that would close the ring is
/// refused.
#[test]
fn a_ring_of_calls_is_refused() {
    let memo =
        Arc::new_cyclic(|weak: &Weak<robust::Memo<u64, Result<u64, Error>, F>>| {
            let weak = weak.clone();
            let f: F = Box::new(move |call, key| {
                call.get(&weak.upgrade().unwrap(), &((key + 1) % 3))?
            });
            robust::Memo::new(f)
        });
    let got = herd(|caller| memo.get(&caller).unwrap());
    assert!(
        got.iter()
            .all(|got| matches!(got, Err(Error::Cycle { path }) if path.len() == 4)),
        "{got:?}"
    );
}

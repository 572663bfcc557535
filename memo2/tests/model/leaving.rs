//! `robust::Memo`: callers leave in every order, and close cycles.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::check;
use crate::robust::{Call, Error, Memo, Token};
use crate::values::Gate;

/// A waiter's token is cancelled while the call ends. The waiter gets the value or the error, and always wakes up.
fn a_waiter_is_cancelled() {
    let memo = Arc::new(Memo::new(|_: &Call, key: &u64| {
        thread::yield_now();
        key * 10
    }));
    let token = Token::new();
    let waiter = {
        let (memo, token) = (memo.clone(), token.clone());
        thread::spawn(move || memo.get_until(&1, &token))
    };
    let leader = {
        let memo = memo.clone();
        thread::spawn(move || memo.get(&1))
    };
    token.cancel();
    assert_eq!(leader.join().unwrap(), Ok(10));
    match waiter.join().unwrap() {
        Ok(value) => assert_eq!(value, 10),
        Err(error) => assert!(matches!(error, Error::Cancelled { .. }), "{error}"),
    }
    assert_eq!(memo.stats().in_flight, 0);
}

/// `f` returns only after the waiter has left, so only the token can wake the waiter. No order may lose that
/// wake-up.
fn a_waiter_hears_its_token() {
    let (inside, left) = (Arc::new(Gate::new()), Arc::new(Gate::new()));
    let memo = Arc::new(Memo::new({
        let (inside, left) = (inside.clone(), left.clone());
        move |_: &Call, _: &u64| {
            inside.open();
            left.wait();
        }
    }));
    let leader = {
        let memo = memo.clone();
        thread::spawn(move || memo.get(&1))
    };
    inside.wait();
    let token = Token::new();
    let waiter = {
        let (memo, token) = (memo.clone(), token.clone());
        thread::spawn(move || memo.get_until(&1, &token))
    };
    token.cancel();
    assert!(matches!(waiter.join().unwrap(), Err(Error::Cancelled { .. })));
    left.open();
    assert_eq!(leader.join().unwrap(), Ok(()));
}

/// A call waits for another call's value when its own caller is cancelled. Only the caller's token can wake it.
fn a_call_that_waits_hears_its_callers_token() {
    let (inside, left) = (Arc::new(Gate::new()), Arc::new(Gate::new()));
    let two = Arc::new(Memo::new({
        let (inside, left) = (inside.clone(), left.clone());
        move |_: &Call, _: &u64| {
            inside.open();
            left.wait();
        }
    }));
    let other = {
        let two = two.clone();
        thread::spawn(move || two.get(&2))
    };
    inside.wait();
    let token = Token::new();
    let caller = {
        let (two, token) = (two.clone(), token.clone());
        let one = Memo::new(move |call: &Call, _: &u64| call.get(&two, &2));
        thread::spawn(move || one.get_until(&1, &token))
    };
    token.cancel();
    assert!(matches!(caller.join().unwrap(), Err(Error::Cancelled { .. })));
    left.open();
    assert_eq!(other.join().unwrap(), Ok(()));
}

/// The leader of 1 and its waiter give up at the same time, each by a token of its own. The call sleeps in a wait
/// for 2. Only the news that no caller is left can wake it, and the last of the two to leave must send it.
fn the_last_two_leave_at_once() {
    let (inside, left) = (Arc::new(Gate::new()), Arc::new(Gate::new()));
    let two = Arc::new(Memo::new({
        let (inside, left) = (inside.clone(), left.clone());
        move |_: &Call, _: &u64| {
            inside.open();
            left.wait();
        }
    }));
    let other = {
        let two = two.clone();
        thread::spawn(move || two.get(&2))
    };
    inside.wait();
    let one = Arc::new(Memo::new(move |call: &Call, _: &u64| call.get(&two, &2)));
    let (leads, waits) = (Token::new(), Token::new());
    let callers = [&leads, &waits].map(|token| {
        let (one, token) = (one.clone(), token.clone());
        thread::spawn(move || one.get_until(&1, &token))
    });
    leads.cancel();
    waits.cancel();
    for caller in callers {
        assert!(matches!(caller.join().unwrap(), Err(Error::Cancelled { .. })));
    }
    left.open();
    assert_eq!(other.join().unwrap(), Ok(()));
}

/// One caller has a token and the other has none. In whatever order they arrive, and whenever the token is
/// cancelled, the other caller gets a value of a call that was not told to stop, and no two calls are inside `f` at
/// once.
fn a_later_caller_is_not_cancelled() {
    let inside = Arc::new(AtomicUsize::new(0));
    let memo = Arc::new(Memo::new({
        let inside = inside.clone();
        move |call: &Call, _: &u64| {
            assert_eq!(inside.fetch_add(1, Relaxed), 0, "one call at a time");
            thread::yield_now();
            let cancelled = call.is_cancelled();
            inside.fetch_sub(1, Relaxed);
            cancelled
        }
    }));
    let token = Token::new();
    let first = {
        let (memo, token) = (memo.clone(), token.clone());
        thread::spawn(move || memo.get_until(&1, &token))
    };
    let later = {
        let memo = memo.clone();
        thread::spawn(move || memo.get(&1))
    };
    token.cancel();
    assert_eq!(later.join().unwrap(), Ok(false));
    let first = first.join().unwrap();
    assert!(matches!(first, Ok(false) | Err(Error::Cancelled { .. })), "{first:?}");
    assert_eq!(
        memo.get(&1),
        Ok(false),
        "a kept value is that of a call that was not cancelled"
    );
}

/// Two callers, and the call of each asks for the other's key. The last one to ask is refused, and both return.
fn two_callers_close_a_cycle() {
    type F = Box<dyn Fn(&Call, &u64) -> u64 + Send + Sync>;
    struct Ring(Memo<u64, u64, F>);
    let ring = std::sync::Arc::new_cyclic(|weak: &std::sync::Weak<Ring>| {
        let weak = weak.clone();
        let f: F = Box::new(move |call, key| {
            let ring = weak.upgrade().unwrap();
            match call.get(&ring.0, &(1 - key)) {
                Ok(other) => other + 1,
                Err(Error::Cycle { path }) => {
                    assert_eq!(path, [*key, 1 - *key, *key].map(|key| key.to_string()));
                    0
                }
                Err(error) => panic!("{error}"),
            }
        });
        Ring(Memo::new(f))
    });
    let other = {
        let ring = ring.clone();
        thread::spawn(move || ring.0.get(&1).unwrap())
    };
    let mut got = [ring.0.get(&0).unwrap(), other.join().unwrap()];
    got.sort_unstable();
    assert_eq!(got, [0, 1], "one call is refused, and the other uses its value");
    assert_eq!(ring.0.stats().cycles, 1);
}

#[test]
fn robust_waiter_is_cancelled() {
    check("robust, a waiter is cancelled", 3, a_waiter_is_cancelled);
}

#[test]
fn robust_waiter_hears() {
    check("robust, a waiter's token wakes it", 3, a_waiter_hears_its_token);
}

#[test]
fn robust_call_hears() {
    check(
        "robust, a caller's token wakes its call",
        3,
        a_call_that_waits_hears_its_callers_token,
    );
}

#[test]
fn robust_last_two() {
    check("robust, the last two callers leave at once", 2, the_last_two_leave_at_once);
}

#[test]
fn robust_later_caller() {
    check("robust, an earlier caller is cancelled", 3, a_later_caller_is_not_cancelled);
}

#[test]
fn robust_cycle() {
    check("robust, two callers close a cycle", 3, two_callers_close_a_cycle);
}

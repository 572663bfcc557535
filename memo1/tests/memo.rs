//! Tests of the two memos on one thread.

use std::cell::{Cell, OnceCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn one_call_a_key() {
    let calls = Cell::new(0);
    let memo = memo1::Memo::new(|key: &u64| {
        calls.set(calls.get() + 1);
        key * 2
    });
    for _ in 0..3 {
        assert_eq!(memo.get(&20), 40);
        assert_eq!(memo.get(&21), 42);
    }
    assert_eq!(calls.get(), 2);
}

/// `f` asks for other keys, a thousand levels deep. This works because the map is not borrowed while `f` runs.
#[test]
fn f_may_ask_for_other_keys() {
    type Triangle = memo1::Memo<u64, u64, Box<dyn Fn(&u64) -> u64>>;
    let memo: Rc<OnceCell<Triangle>> = Rc::default();
    let asked = Rc::downgrade(&memo);
    let f: Box<dyn Fn(&u64) -> u64> = Box::new(move |n| match n {
        0 => 0,
        _ => n + asked.upgrade().unwrap().get().unwrap().get(&(n - 1)),
    });
    memo.set(memo1::Memo::new(f)).unwrap_or_else(|_| unreachable!("the cell was empty"));
    assert_eq!(memo.get().unwrap().get(&1000), 500_500);
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let calls = Cell::new(0);
    let memo = memo1::Memo::new(|key: &u64| {
        calls.set(calls.get() + 1);
        assert!(calls.get() > 1, "the first call fails");
        *key
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| memo.get(&7)));
    assert!(panicked.is_err());
    assert_eq!(memo.get(&7), 7);
    assert_eq!(calls.get(), 2);
}

/// Every clone of a value is dropped with the memo.
#[test]
fn every_value_is_dropped() {
    let value = Rc::new(());
    {
        let memo = memo1::Memo::new(|_: &u64| value.clone());
        for key in 0..100 {
            memo.get(&key);
        }
        assert_eq!(Rc::strong_count(&value), 101);
    }
    assert_eq!(Rc::strong_count(&value), 1);
}

/// The racy memo is correct as long as its contract is kept, here on one thread.
#[test]
fn racy_is_right_on_one_thread() {
    let calls = Cell::new(0);
    let memo = memo1::racy::Memo::new(|key: &u64| {
        calls.set(calls.get() + 1);
        key * 2
    });
    for _ in 0..3 {
        // SAFETY: there is one thread, and `f` does not ask the memo, so calls do not overlap.
        assert_eq!(unsafe { memo.get(&20) }, 40);
    }
    assert_eq!(calls.get(), 1);
}

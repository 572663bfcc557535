//! Two and three callers of a cold key: one call of `f`, and every caller gets its value.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::check;
use crate::robust::Call;
use crate::sync::atomic::relax;
use crate::values::{Fixed, Watched};
use crate::{lending, memo, robust};

/// The three memos, with one method to ask them.
trait Memo: Send + Sync + 'static {
    fn read(&self, key: u64) -> u64;
}

impl<F: Fn(&u64) -> Watched + Send + Sync + 'static> Memo
    for memo::Memo<u64, Watched, F>
{
    fn read(&self, key: u64) -> u64 {
        self.get(&key).read()
    }
}

impl<F: Fn(&u64) -> Watched + Send + Sync + 'static> Memo
    for lending::Memo<u64, Watched, F, Fixed>
{
    fn read(&self, key: u64) -> u64 {
        self.get(&key).read()
    }
}

impl<F: Fn(&Call, &u64) -> Watched + Send + Sync + 'static> Memo
    for robust::Memo<u64, Watched, F>
{
    fn read(&self, key: u64) -> u64 {
        self.get(&key).unwrap().read()
    }
}

/// An `f` that counts its calls. The first `panics` calls panic.
fn f(
    calls: Arc<AtomicUsize>,
    panics: usize,
) -> impl Fn(&u64) -> Watched + Send + Sync + 'static {
    move |key| {
        let call = calls.fetch_add(1, Relaxed);
        // Here loom may switch to another thread. `f` is slow: that is what memos are for.
        thread::yield_now();
        if call < panics {
            resume_unwind(Box::new(call));
        }
        Watched::new(key * 10)
    }
}

/// `callers` ask for key 1 at once.
fn herd<M: Memo>(callers: usize, panics: usize, memo: impl Fn(Arc<AtomicUsize>) -> M) {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = Arc::new(memo(calls.clone()));
    let ask = {
        let memo = memo.clone();
        // loom's own failures are panics too. Without planned panics, they must get through.
        move || {
            if panics > 0 {
                catch_unwind(AssertUnwindSafe(|| memo.read(1)))
            } else {
                Ok(memo.read(1))
            }
        }
    };
    let others: Vec<_> = (1..callers).map(|_| thread::spawn(ask.clone())).collect();
    let mut got = vec![ask()];
    got.extend(others.into_iter().map(|other| other.join().unwrap()));
    drop(ask);
    assert_eq!(calls.load(Relaxed), panics + 1);
    let (values, panicked): (Vec<_>, Vec<_>) = got.into_iter().partition(Result::is_ok);
    assert_eq!(panicked.len(), panics, "each panic is seen by one caller");
    assert!(values.into_iter().all(|value| value.unwrap() == 10));
}

#[test]
fn memo_two_callers() {
    check("memo, two callers", 5, || herd(2, 0, |calls| memo::Memo::new(f(calls, 0))));
}

#[test]
fn memo_three_callers() {
    check("memo, three callers", 2, || herd(3, 0, |calls| memo::Memo::new(f(calls, 0))));
}

#[test]
fn memo_hands_over() {
    check("memo, three callers and a panic", 2, || {
        herd(3, 1, |calls| memo::Memo::new(f(calls, 1)));
    });
}

#[test]
fn lending_two_callers() {
    check("lending, two callers", 3, || {
        herd(2, 0, |calls| lending::Memo::with_hasher(f(calls, 0), Fixed));
    });
}

#[test]
fn lending_three_callers() {
    check("lending, three callers", 2, || {
        herd(3, 0, |calls| lending::Memo::with_hasher(f(calls, 0), Fixed));
    });
}

#[test]
fn lending_hands_over() {
    check("lending, three callers and a panic", 2, || {
        herd(3, 1, |calls| lending::Memo::with_hasher(f(calls, 1), Fixed));
    });
}

// There is no model of a panic in `robust`. loom's threads share one OS thread, so in loom the panic of one thread
// poisons a lock that another one holds. The memos above take fewer locks, so it does not happen there.

/// The same `f` for `robust`. It ignores its call.
fn with_call(f: impl Fn(&u64) -> Watched) -> impl Fn(&Call, &u64) -> Watched {
    move |_, key| f(key)
}

#[test]
fn robust_two_callers() {
    check("robust, two callers", 3, || {
        herd(2, 0, |calls| robust::Memo::new(with_call(f(calls, 0))));
    });
}

/// Without `Release` and `Acquire`, a hit may read an entry that is not written yet. loom reports it, so the tests
/// above would also fail if the orderings were wrong.
#[test]
#[should_panic(expected = "Causality violation")]
fn lending_needs_its_orders() {
    relax();
    check("lending, two callers, all orders relaxed", 3, || {
        herd(2, 0, |calls| lending::Memo::with_hasher(f(calls, 0), Fixed));
    });
}

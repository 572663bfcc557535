//! `robust::Memo`: a key is forgotten while it is computed.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

use crate::check;
use crate::robust::{Call, Memo};

/// A source changes, and its key is forgotten. A caller that asks after that gets the new value, even if an old
/// call is still in flight, and so does a caller that asks after all calls have ended.
fn a_key_is_forgotten() {
    let source = Arc::new(AtomicU64::new(1));
    let memo = Arc::new(Memo::new({
        let source = source.clone();
        move |_: &Call, _: &u64| {
            let value = source.load(Relaxed);
            thread::yield_now();
            value
        }
    }));
    let early = {
        let memo = memo.clone();
        thread::spawn(move || memo.get(&1).unwrap())
    };
    source.store(2, Relaxed);
    memo.forget(&1);
    assert_eq!(memo.get(&1), Ok(2));
    let early = early.join().unwrap();
    assert!(early == 1 || early == 2, "{early}");
    assert_eq!(memo.get(&1), Ok(2));
    assert_eq!(memo.stats().in_flight, 0);
}

#[test]
fn robust_forget() {
    check("robust, a key is forgotten", 3, a_key_is_forgotten);
}

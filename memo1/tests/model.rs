//! A model checker finds the race in `racy::Memo`.
//!
//! loom runs a small program again and again, once for every order in which its threads can take their turns, and
//! watches each access to its cells. `racy.rs` is compiled here a second time, with loom's `UnsafeCell` in place of
//! `std`'s. So loom sees exactly the accesses that the memo makes.

// ANCHOR: cell
mod cell {
    pub(crate) use loom::cell::UnsafeCell;
}

#[path = "../src/racy.rs"]
#[expect(unreachable_pub, reason = "public in its own crate, private in this one")]
mod racy;
// ANCHOR_END: cell

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

// ANCHOR: race
/// Two threads ask for the same key, and nothing orders their calls. So a write of the
/// map by one thread races with the accesses of the other. loom must find that race: this
/// test fails if it is *not* there.
#[test]
#[should_panic(expected = "Causality violation")]
fn two_threads_race_on_the_map() {
    loom::model(|| {
        let memo = Arc::new(racy::Memo::new(|key: &u8| {
            // Here loom may switch to the other thread. `f` is slow: that is what memos
            // are for.
            thread::yield_now();
            u32::from(*key)
        }));
        let other = {
            let memo = memo.clone();
            // SAFETY: none. The two calls overlap, against the contract. loom runs its
            // threads in turns on one OS thread and stops at the first unordered access,
            // so there is no real race on memory.
            thread::spawn(move || unsafe { memo.get(&1) })
        };
        // SAFETY: none, as above.
        unsafe { memo.get(&1) };
        other.join().unwrap();
    });
}
// ANCHOR_END: race

/// The same two calls with the promise kept: one ends before the other starts, and the join orders them. loom tries
/// every order and finds no fault. So the test above finds the overlap, not a fault in the code.
#[test]
fn calls_that_do_not_overlap_do_not_race() {
    loom::model(|| {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = Arc::new(racy::Memo::new({
            let calls = calls.clone();
            move |key: &u8| {
                calls.fetch_add(1, Ordering::Relaxed);
                u32::from(*key)
            }
        }));
        let first = {
            let memo = memo.clone();
            // SAFETY: the only other call starts after this thread has been joined.
            thread::spawn(move || unsafe { memo.get(&1) })
        };
        assert_eq!(first.join().unwrap(), 1);
        // SAFETY: the other call ended in the thread joined above.
        assert_eq!(unsafe { memo.get(&1) }, 1);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    });
}

//! The memo for work: every caller comes back, and what it comes back with is right.
//!
//! What could hang runs in a child process, which is killed when its time is up: ten minutes, because a busy machine is
//! not a hang. Who must have come before a test goes
//! on is seen in the memo's own statistics, or met at a barrier; no test sleeps.

mod cycles;
mod forgotten;
#[path = "../herd/mod.rs"]
mod herd;
mod leaving;
mod panics;
mod stats;
#[path = "../checked/storm.rs"]
mod storm;

/// The standard library with another way to yield.
mod checker {
    pub(crate) use std::sync;

    pub(crate) mod thread {
        use std::cell::Cell;
        use std::hint::spin_loop;

        pub(crate) use std::thread::*;

        /// Lets other threads come first: those on other cores, and one time in sixteen those that want this one. On a
        /// busy machine a real yield takes some milliseconds, and a storm has hundreds of thousands.
        pub(crate) fn yield_now() {
            thread_local! {
                static YIELDS: Cell<u32> = const { Cell::new(0) };
            }
            YIELDS.set(YIELDS.get() + 1);
            match YIELDS.get() % 16 {
                0 => std::thread::yield_now(),
                _ => (0..50).for_each(|_| spin_loop()),
            }
        }
    }
}

use std::thread;

use memo2::robust::{self, Call, Memo};
use rusty_fork::rusty_fork_test;

/// A function as a memo of these tests has it.
type F<K, V> = Box<dyn Fn(&Call, &K) -> V + Send + Sync>;

/// Lets other threads run until `come` is true.
fn until(come: impl Fn() -> bool) {
    while !come() {
        thread::yield_now();
    }
}

/// Waits until `waiters` callers in all have begun to wait.
fn until_waits<K, V, F>(memo: &Memo<K, V, F>, waiters: u64) {
    until(|| memo.stats().waits == waiters);
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// Real threads, which no checker slows down: fewer orders are sure to come, and more are tried.
    #[test]
    fn storms() {
        let tally = storm::several(1, 200, storm::Size { threads: 4, steps: 500, keys: 5 });
        // Something of everything, or the storm has blown past what it is for.
        let enough = tally.values > 100_000 && tally.panics > 1_000 && tally.cancelled > 100 && tally.forgotten > 10_000;
        assert!(enough, "{tally:?}");
    }
}

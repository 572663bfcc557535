//! Tests of the memo for work: every caller returns, with the right result.
//!
//! A test that could hang runs in a child process, which is killed after ten minutes. The limit is that long
//! because a busy machine is not a hang. If a test needs certain callers to have arrived before it goes on, it
//! reads the memo's statistics or uses a barrier. No test sleeps.

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

        /// Lets other threads run first: those on other cores, and once in sixteen times those that want this core.
        /// On a busy machine a real yield takes some milliseconds, and a storm has hundreds of thousands of yields.
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

/// The type of `f` in these tests.
type F<K, V> = Box<dyn Fn(&Call, &K) -> V + Send + Sync>;

/// Lets other threads run until `ready` returns true.
fn until(ready: impl Fn() -> bool) {
    while !ready() {
        thread::yield_now();
    }
}

/// Waits until `waiters` callers in all have begun to wait.
fn until_waits<K, V, F>(memo: &Memo<K, V, F>, waiters: u64) {
    until(|| memo.stats().waits == waiters);
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// On real threads, which no checker slows down. Fewer orders are certain to occur, but more are tried.
    #[test]
    fn storms() {
        let tally = storm::several(1, 200, storm::Size { threads: 4, steps: 500, keys: 5 });
        // If one of these counts is small, the storm has missed its purpose.
        let enough =
            tally.values > 100_000 && tally.panics > 1_000 && tally.cancelled > 100 && tally.forgotten > 10_000;
        assert!(enough, "{tally:?}");
    }
}

//! The memo for work: every caller comes back, and what it comes back with is right.
//!
//! What could hang runs in a child process, which is killed when its time is up. Who must have come before a test goes
//! on is seen in the memo's own statistics, or met at a barrier; no test sleeps.

mod cancelled;
mod cycles;
mod forgotten;
mod panics;
mod seen;

use std::thread;

use memo2::robust::{Call, Memo};

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

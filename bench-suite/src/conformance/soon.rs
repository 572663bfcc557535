//! What is on its way out, and may take a moment: a thread to leave the kernel's list, a value its last reader.

use std::time::{Duration, Instant};

use green_threads::coroutine::yield_now;

/// How long it may take.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// Waits until `done`, at most [`SOON`], and says whether it is.
pub(super) fn soon(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > SOON {
            return false;
        }
        // A coroutine lets others run; a thread that is none, other threads.
        yield_now();
    }
    true
}

/// How many threads this process has.
#[cfg(target_os = "linux")]
pub(super) fn threads() -> usize {
    green_threads::probe::threads::all().map_or(0, |threads| threads.len())
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn threads() -> usize {
    0
}

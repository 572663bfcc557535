//! What is on its way out, and may take a moment: a thread to leave the kernel's list, a value its last reader.

use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

use green_threads::coroutine::yield_now;
use may::coroutine::is_coroutine;

/// How much processor time of this process it may take. That is less than the matrix allows for what nobody promises, so
/// that what stays behind is told as that and not as a hang. On a busy machine it takes as much longer as everything does.
pub(super) const SOON: Duration = Duration::from_secs(3);

/// A wait that has begun.
pub(super) struct Wait {
    #[cfg(target_os = "linux")]
    start: Duration,
    /// Only Linux tells the processor time here.
    #[cfg(not(target_os = "linux"))]
    start: Instant,
}

impl Wait {
    #[cfg(target_os = "linux")]
    pub(super) fn begin() -> Self {
        Wait { start: processor() }
    }

    /// Whether it has taken [`SOON`].
    #[cfg(target_os = "linux")]
    pub(super) fn is_over(&self) -> bool {
        processor().saturating_sub(self.start) > SOON
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn begin() -> Self {
        Wait { start: Instant::now() }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn is_over(&self) -> bool {
        self.start.elapsed() > SOON
    }
}

#[cfg(target_os = "linux")]
fn processor() -> Duration {
    green_threads::probe::threads::processor_of(std::process::id()).unwrap_or_default()
}

/// Waits until `done`, at most [`SOON`], and says whether it is.
pub(super) fn soon(done: impl Fn() -> bool) -> bool {
    let wait = Wait::begin();
    while !done() {
        if wait.is_over() {
            return false;
        }
        // A coroutine lets others run on its worker. A thread keeps its core until the kernel takes that away: one that
        // yields gets a hundredth of its share of a busy machine, and would take minutes for its three seconds.
        if is_coroutine() {
            yield_now();
        }
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

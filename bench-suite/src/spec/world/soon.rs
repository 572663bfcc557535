//! Waits for what may take a moment: a thread leaves the kernel's list, the last reader drops a value.

use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

use green_threads::coroutine::yield_now;
use tokio::runtime::Handle;

use super::callers;
use crate::subject::Callers;

/// How much processor time this process may use in one such wait. The matrix allows more, even for what no memo
/// promises. So something that stays is reported as such, and not as a hang. A busy machine delays both limits alike:
/// on Linux both are processor time, elsewhere both are clock time.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// A wait that has begun.
struct Wait {
    #[cfg(target_os = "linux")]
    start: Duration,
    /// Clock time, because only Linux reports processor time here.
    #[cfg(not(target_os = "linux"))]
    start: Instant,
}

impl Wait {
    #[cfg(target_os = "linux")]
    fn begin() -> Self {
        Wait { start: processor() }
    }

    /// Whether it has taken [`SOON`].
    #[cfg(target_os = "linux")]
    fn is_over(&self) -> bool {
        processor().saturating_sub(self.start) > SOON
    }

    #[cfg(not(target_os = "linux"))]
    fn begin() -> Self {
        Wait { start: Instant::now() }
    }

    #[cfg(not(target_os = "linux"))]
    fn is_over(&self) -> bool {
        self.start.elapsed() > SOON
    }
}

#[cfg(target_os = "linux")]
fn processor() -> Duration {
    green_threads::probe::threads::processor_of(std::process::id()).unwrap_or_default()
}

/// Waits until `done` returns `true`, at most for [`SOON`]. Returns whether it did.
pub(crate) async fn soon(done: impl Fn() -> bool) -> bool {
    let wait = Wait::begin();
    while !done() {
        if wait.is_over() {
            return false;
        }
        match callers() {
            // A thread keeps its core until the kernel takes it away. A thread that yields gets 1% of its share of a
            // busy machine, and would need minutes to use its three seconds.
            Callers::Threads => {}
            Callers::Coroutines => yield_now(),
            Callers::Tasks => tokio::task::yield_now().await,
        }
    }
    true
}

/// How many tasks of this runtime have not ended. Threads and coroutines have none.
pub(crate) fn tasks() -> usize {
    Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
}

/// How many threads this process has.
#[cfg(target_os = "linux")]
pub(crate) fn threads() -> usize {
    green_threads::probe::threads::all().map_or(0, |threads| threads.len())
}

/// Always 0: only Linux says how many threads a process has.
#[cfg(not(target_os = "linux"))]
pub(crate) fn threads() -> usize {
    0
}

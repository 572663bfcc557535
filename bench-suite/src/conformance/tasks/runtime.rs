//! The runtimes on which tasks are tried.
//!
//! There are hundreds of programs, each compiled for each memo. They are boxed at this door, so that the runtime behind
//! it is compiled once and not for each of them.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio::task::yield_now;

/// Runs `program` on a runtime of one thread, which is this one.
pub(super) fn on_one_thread<T>(program: impl Future<Output = T>) -> T {
    Builder::new_current_thread().build().expect("a runtime of one thread").block_on(program.boxed_local())
}

/// Runs `program` beside `count` workers, which run the tasks that it spawns.
pub(super) fn on_workers<T>(count: usize, program: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(count).build();
    runtime.expect("a runtime of a few threads").block_on(program.boxed_local())
}

/// Lets every other task that can run take some steps. (With one thread it does; with more, it is likely.)
pub(super) async fn turns() {
    for _ in 0..16 {
        yield_now().await;
    }
}

/// How many tasks of this runtime have not ended.
pub(super) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// How long a task, a thread or a value that nobody holds any more may take to go. It is less than the matrix waits for
/// those who promise nothing, so that what stays behind is told as that and not as a hang.
const SOON: Duration = Duration::from_secs(3);

/// Waits until `done`, at most [`SOON`], and says whether it is.
pub(super) async fn soon(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > SOON {
            return false;
        }
        yield_now().await;
    }
    true
}

//! The runtimes on which tasks are tried.
//!
//! There are hundreds of programs, each compiled for each memo. They are boxed at this door, so that the runtime behind
//! it is compiled once and not for each of them.

use std::future::Future;

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::spec::soon::Wait;

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

/// [`soon`](crate::spec::soon::soon) for a task or a value that nothing holds any more.
pub(super) async fn soon(done: impl Fn() -> bool) -> bool {
    let wait = Wait::begin();
    while !done() {
        if wait.is_over() {
            return false;
        }
        yield_now().await;
    }
    true
}

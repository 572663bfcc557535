//! How a program is run in each world.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures_util::future::LocalBoxFuture;
use green_threads::coroutine::yield_now;
use tokio::runtime::Builder;

use super::callers;
use crate::coroutine;
use crate::panics::message;
use crate::spec::{CannotBe, Outcome};
use crate::subject::Callers;

/// A program. It ends well, or with what is wrong.
pub(crate) type Program = fn() -> LocalBoxFuture<'static, anyhow::Result<()>>;

/// The runtime on which tasks are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// One thread, which runs the program too: what comes next is not a matter of luck.
    OneThread,
    /// So many workers, beside the thread that runs the program.
    Workers(usize),
}

/// The result of a future that blocks where it waits, and so is ready at its first poll.
///
/// # Panics
///
/// If it is not ready: then it waits for something that blocks no thread.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a program of threads or coroutines must block where it waits"),
    }
}

/// The outcome of `program` in the world of this process: for tasks, on each of `stages`.
pub(crate) fn outcome(program: Program, stages: &'static [Stage]) -> Outcome {
    match callers() {
        Callers::Threads => deep(|| caught(|| now(program()))),
        // The program itself runs on a coroutine too.
        Callers::Coroutines => coroutine::spawn(move || caught(|| now(program())))
            .join()
            .unwrap_or_else(|error| Outcome::Broken { how: format!("its coroutine ended: {error}") }),
        Callers::Tasks => deep(|| caught(|| stages.iter().try_for_each(|stage| stage.run(program)))),
    }
}

impl Stage {
    fn run(self, program: Program) -> anyhow::Result<()> {
        let runtime = match self {
            Stage::OneThread => Builder::new_current_thread().build()?,
            Stage::Workers(count) => Builder::new_multi_thread().worker_threads(count).build()?,
        };
        runtime.block_on(program())
    }
}

/// Runs `body` on a stack of 256 MiB. A memo may run `f` on its caller, so a recursion of many calls is on one stack.
/// And large values are in every future on their way. (A coroutine has a deep stack already.)
fn deep<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, body);
        let deep = deep.expect("the operating system has a thread with a stack of 256 MiB");
        deep.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The outcome of a program that ends, well or by a panic.
fn caught(program: impl FnOnce() -> anyhow::Result<()>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Ok(())) => Outcome::Kept,
        Ok(Err(error)) => match error.downcast_ref() {
            Some(CannotBe(why)) => Outcome::CannotBe { why: (*why).into() },
            None => Outcome::Broken { how: format!("{error:#}") },
        },
        Err(panic) => Outcome::Broken { how: format!("panicked: {}", message(&*panic)) },
    }
}

/// Lets every other coroutine or task that can run take some steps. (On one worker it does; on two it is likely.)
pub(crate) async fn turns() {
    for _ in 0..16 {
        match callers() {
            Callers::Tasks => tokio::task::yield_now().await,
            _ => yield_now(),
        }
    }
}

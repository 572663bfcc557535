//! A runtime, started as a setup asks.

use super::protocol::{Model, Setup};
use crate::coroutine::{self, Config};
use crate::{StackSize, Workers};

/// The runtime that runs a workload's units in this process.
pub enum Runtime {
    /// The kernel: each unit is an OS thread.
    Thread {
        /// The size of each thread's stack.
        stack: StackSize,
    },
    /// `may`: each unit is a coroutine.
    Coroutine(&'static coroutine::Runtime),
    /// tokio, multi-thread or current-thread: each unit is a task.
    Task(tokio::runtime::Runtime),
}

impl Runtime {
    /// Starts the runtime of `setup`: with no stacks ready if it is `lean`, and with sockets if it has `sockets`.
    ///
    /// # Errors
    ///
    /// If the runtime cannot be started as the setup asks; the error gives the reason.
    pub(crate) fn start(
        setup: &Setup,
        lean: bool,
        sockets: bool,
    ) -> Result<Runtime, Box<dyn std::error::Error>> {
        let stack = StackSize::new(setup.stack)?;
        if setup.model == Model::Thread {
            return match setup.workers {
                0 => Ok(Runtime::Thread { stack }),
                _ => Err(
                    "OS threads have no workers: the kernel schedules them; ask for 0"
                        .into(),
                ),
            };
        }
        let workers = Workers::new(setup.workers)?;
        match setup.model {
            Model::Coroutine => {
                let mut config = Config::new(workers, stack);
                if lean {
                    config.pool = 1;
                }
                Ok(Runtime::Coroutine(coroutine::start(config)?))
            }
            Model::Task => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(workers.number()).thread_stack_size(stack.bytes());
                Ok(Runtime::Task(watching(&mut builder, sockets).build()?))
            }
            Model::TaskCurrentThread if workers == Workers::ONE => {
                let mut builder = tokio::runtime::Builder::new_current_thread();
                Ok(Runtime::Task(watching(&mut builder, sockets).build()?))
            }
            Model::TaskCurrentThread => {
                Err(format!("a current-thread runtime has one worker, not {workers}")
                    .into())
            }
            Model::Thread | Model::Goroutine => {
                Err("the Go twin runs goroutines, this process does not".into())
            }
        }
    }
}

/// Enables timers, and sockets if they are asked for.
fn watching(
    builder: &mut tokio::runtime::Builder,
    sockets: bool,
) -> &mut tokio::runtime::Builder {
    if sockets { builder.enable_all() } else { builder.enable_time() }
}

/// Runs `future` as a task on a worker, and waits for it outside. A future that `block_on` itself runs is not a
/// task: on the multi-thread runtime it stays on the calling thread, beside the workers.
///
/// # Panics
///
/// If the task panics.
pub fn on_a_task<T: Send + 'static>(
    runtime: &tokio::runtime::Runtime,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let joined = runtime.block_on(async { tokio::spawn(future).await });
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Runs `future` on a new OS thread, outside the runtime, while the calling thread drives the runtime. The future
/// may spawn tasks and wait for them; none of them runs on its thread.
///
/// This thread is outside the current-thread runtime too. There the calling thread is the worker, because the
/// tasks run within its `block_on`.
///
/// # Errors
///
/// If the operating system refuses the thread.
///
/// # Panics
///
/// If the future panics, with its panic.
pub fn outside<T: Send>(
    runtime: &tokio::runtime::Runtime,
    future: impl Future<Output = T> + Send,
) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let (ended, until_then) = tokio::sync::oneshot::channel::<()>();
        let spawner = std::thread::Builder::new().spawn_scoped(scope, move || {
            // Dropped when the future has ended, also if it ended by a panic.
            let _ended = ended;
            runtime.handle().block_on(future)
        })?;
        // An error says that the other end was dropped, which is what this line waits for.
        let _ = runtime.block_on(until_then);
        Ok(spawner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::probe::threads;

    /// Returns the OS thread on which this future runs, and those on which the 100 tasks that it spawns run.
    async fn spawner_and_tasks() -> (u32, BTreeSet<u32>) {
        let mut tasks = BTreeSet::new();
        for _ in 0..100 {
            tasks.insert(tokio::spawn(async { threads::this() }).await.unwrap());
        }
        (threads::this(), tasks)
    }

    fn runtimes() -> [(Model, tokio::runtime::Runtime); 2] {
        let mut several = tokio::runtime::Builder::new_multi_thread();
        [
            (Model::Task, several.worker_threads(1).build().unwrap()),
            (
                Model::TaskCurrentThread,
                tokio::runtime::Builder::new_current_thread().build().unwrap(),
            ),
        ]
    }

    #[test]
    fn inside_is_on_a_worker_and_outside_is_not() {
        for (model, runtime) in runtimes() {
            let (spawner, tasks) = on_a_task(&runtime, spawner_and_tasks());
            assert_eq!(
                tasks,
                BTreeSet::from([spawner]),
                "{model}: the only worker runs the spawner and its tasks"
            );
            let (spawner, tasks) = outside(&runtime, spawner_and_tasks()).unwrap();
            assert!(
                !tasks.contains(&spawner),
                "{model}: a task ran on the spawner's thread"
            );
            assert_ne!(spawner, threads::this(), "{model}");
        }
    }

    #[test]
    fn a_panic_outside_comes_back() {
        for (_, runtime) in runtimes() {
            let panic = std::panic::catch_unwind(|| {
                outside(&runtime, async { panic!("outside") })
            });
            assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"outside"));
        }
    }
}

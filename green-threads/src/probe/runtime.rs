//! A runtime, started as a setup asks.

use super::protocol::{Model, Setup};
use crate::coroutine::{self, Config};
use crate::workload::Workload;
use crate::{StackSize, Workers};

/// What runs a workload's units here.
pub enum Runtime {
    /// The kernel.
    Thread {
        /// Of each thread.
        stack: StackSize,
    },
    /// `may`.
    Coroutine(&'static coroutine::Runtime),
    /// tokio, of either kind.
    Task(tokio::runtime::Runtime),
}

impl Runtime {
    /// Starts the runtime of `setup`, as `workload` needs it.
    ///
    /// # Errors
    ///
    /// If it cannot be as the setup asks, with the reason.
    pub(super) fn start(setup: &Setup, workload: &Workload) -> Result<Runtime, Box<dyn std::error::Error>> {
        let stack = StackSize::new(setup.stack)?;
        if setup.model == Model::Thread {
            return match setup.workers {
                0 => Ok(Runtime::Thread { stack }),
                _ => Err("OS threads have no workers: the kernel schedules them; ask for 0".into()),
            };
        }
        let workers = Workers::new(setup.workers)?;
        match setup.model {
            Model::Coroutine => {
                let mut config = Config::new(workers, stack);
                if workload.lean {
                    config.pool = 1;
                }
                Ok(Runtime::Coroutine(coroutine::start(config)?))
            }
            Model::Task => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(workers.number()).thread_stack_size(stack.bytes());
                Ok(Runtime::Task(watching(&mut builder, workload.sockets).build()?))
            }
            Model::TaskCurrentThread if workers == Workers::ONE => {
                let mut builder = tokio::runtime::Builder::new_current_thread();
                Ok(Runtime::Task(watching(&mut builder, workload.sockets).build()?))
            }
            Model::TaskCurrentThread => Err(format!("a current-thread runtime has one worker, not {workers}").into()),
            Model::Thread | Model::Goroutine => Err("goroutines are run by the Go twin, not here".into()),
        }
    }
}

/// With timers, and with sockets if they are asked for.
fn watching(builder: &mut tokio::runtime::Builder, sockets: bool) -> &mut tokio::runtime::Builder {
    if sockets { builder.enable_all() } else { builder.enable_time() }
}

/// Runs `future` as a task, on a worker, and waits for it outside. What `block_on` itself runs is no task: on the
/// multi-thread runtime it stays on the calling thread, beside the workers.
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

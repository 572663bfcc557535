//! `spawn`: a unit that does nothing is spawned and joined.
//!
//! An iteration is one unit. Units are spawned in batches of `n`, and a batch is joined before the next begins. With
//! batches of one, each spawn waits for a switch there and back; with large ones, spawning is most of it.
//!
//! It matters where the spawner runs:
//!
//! - `inside`: on a unit of the runtime, so that a new unit goes to the spawner's own worker.
//! - `outside`: on an OS thread that is not a worker. It must hand the new unit to a worker, and wake that. For `may` the
//!   main thread is such a thread. For tokio a thread of its own spawns and joins, while the main thread drives the
//!   runtime: the main thread would be outside of the multi-thread runtime, but it is the one worker of the
//!   current-thread runtime, because there `block_on` runs the tasks.

use std::io;
use std::time::{Duration, Instant};

use super::{Ask, MOST_UNITS, Workload};
use crate::StackSize;
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::{on_a_task, outside};

pub(super) const WORKLOAD: Workload = Workload {
    name: "spawn",
    what: "spawn a unit that does nothing, and join it",
    variants: &["inside", "outside"],
    most: MOST_UNITS,
    lean: false,
    sockets: false,
    run,
    cannot,
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("outside", Model::Thread) => Some("there is no runtime to be outside of"),
        ("outside", Model::Goroutine) => Some("every line of a Go program runs in a goroutine"),
        _ => None,
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, batch) = (ask.iterations, ask.setup.n.max(1));
    let inside = ask.setup.variant == "inside";
    let time = match runtime {
        Runtime::Thread { stack } => threads(*stack, iterations, batch)?,
        Runtime::Coroutine(runtime) if inside => {
            let runtime = *runtime;
            // SAFETY: `coroutines` holds nothing of a thread across its joins, where it yields, and its frames are
            // small.
            unsafe { runtime.spawn(move || coroutines(runtime, iterations, batch)) }?.join()??
        }
        Runtime::Coroutine(runtime) => coroutines(runtime, iterations, batch)?,
        Runtime::Task(runtime) if inside => on_a_task(runtime, tasks(iterations, batch)),
        Runtime::Task(runtime) => outside(runtime, tasks(iterations, batch))?,
    };
    Ok(Answer::time(time))
}

/// The sizes of the batches that make `iterations`: all of them `batch`, but for the last.
fn batches(iterations: u64, batch: u64) -> impl Iterator<Item = u64> {
    (0..iterations).step_by(batch as usize).map(move |done| batch.min(iterations - done))
}

// ANCHOR: thread
fn threads(stack: StackSize, iterations: u64, batch: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for units in batches(iterations, batch) {
        let mut handles = Vec::with_capacity(units as usize);
        for _ in 0..units {
            handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(|| ())?);
        }
        for handle in handles {
            handle.join().expect("a thread that does nothing");
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime, iterations: u64, batch: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for units in batches(iterations, batch) {
        let mut handles = Vec::with_capacity(units as usize);
        for _ in 0..units {
            // SAFETY: the coroutine does nothing.
            handles.push(unsafe { runtime.spawn(|| ()) }?);
        }
        for handle in handles {
            handle.join().expect("a coroutine that does nothing");
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(iterations: u64, batch: u64) -> Duration {
    let start = Instant::now();
    for units in batches(iterations, batch) {
        let mut handles = Vec::with_capacity(units as usize);
        for _ in 0..units {
            handles.push(tokio::spawn(async {}));
        }
        for handle in handles {
            handle.await.expect("a task that does nothing");
        }
    }
    start.elapsed()
}
// ANCHOR_END: task

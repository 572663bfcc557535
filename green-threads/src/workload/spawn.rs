//! `spawn`: spawn units that do nothing, and join them.
//!
//! An iteration is one unit. Units are spawned in batches of `n`, and each batch is joined before the next begins.
//! With batches of one, each spawn waits for a switch to the new unit and back. With large batches, most of the
//! time is spawning.
//!
//! It matters where the spawner runs:
//!
//! - `inside`: on a unit of the runtime, so that a new unit goes to the spawner's own worker.
//! - `outside`: on an OS thread that is not a worker. It must hand the new unit to a worker, and wake that worker.
//!   For `may` the main thread is such a thread. For tokio a separate thread spawns and joins, while the main
//!   thread drives the runtime. The main thread itself would be outside the multi-thread runtime, but it is the
//!   one worker of the current-thread runtime, because there `block_on` runs the tasks.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Times, Workload, in_places,
};
use crate::StackSize;
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::{on_a_task, outside};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["inside", "outside"],
    experiments: &[
        Experiment { name: "spawn", n: "batch", settings, shows: Shows::Times(TIMES) },
        Experiment {
            name: "system_calls",
            n: "n",
            settings: traced,
            shows: Shows::Observations(SYSTEM_CALLS),
        },
    ],
    cannot,
    ..Workload::new("spawn", "spawn units that do nothing, and join them", run)
};

const TIMES: Times = Times {
    caption: "Spawn and join units that do nothing, in batches. Shown: time per unit, and the ratio to the fastest. \
              Inside: a unit of the runtime spawns. Outside: an OS thread that is not a worker spawns.",
    columns: &[Parameter::new("batch", "batches of {}"), Parameter::WORKERS],
    split: "variant",
    headline: &[&[("variant", "inside"), ("workers", "1")]],
    ..Times::OF_MODELS
};

const SYSTEM_CALLS: Observations = Observations {
    traced: true,
    ..Observations::new(&[Table {
        variant: Table::EVERY_VARIANT,
        caption: "A unit spawns units that do nothing, in batches of 1,000, and joins them. Shown: the system calls of \
                  one of them, counted by tracing the process.",
        parameters: &[Parameter::WORKERS_COLUMN],
        quantities: &[
            Quantity::count("all", "all").less(),
            Quantity::count("clone3", "clone3").less(),
            Quantity::count("mmap", "mmap").less(),
            Quantity::count("mprotect", "mprotect").less(),
            Quantity::count("munmap", "munmap").less(),
            Quantity::count("madvise", "madvise").less(),
            Quantity::count("futex", "futex").less(),
            Quantity::count("write", "write").less(),
            Quantity::count("epoll_wait", "epoll_wait").less(),
            Quantity::count("sched_yield", "sched_yield").less(),
            Quantity::count("other", "other").less(),
        ],
        facts: &[],
    }])
};

fn settings(depth: Depth) -> Vec<Setting> {
    in_places(
        depth,
        &[("inside", 1), ("inside", 1000), ("outside", 1), ("outside", 1000)],
    )
}

fn traced(_: Depth) -> Vec<Setting> {
    let setting = Setting::new("inside", 1000);
    vec![setting, setting.on_every_core()]
}

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("outside", Model::Thread) => Some("there is no runtime to be outside of"),
        ("outside", Model::Goroutine) => {
            Some("every line of a Go program runs in a goroutine")
        }
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
            // SAFETY: `coroutines` yields only in its joins, and holds nothing of its thread across them. Its
            // frames are small.
            unsafe { runtime.spawn(move || coroutines(runtime, iterations, batch)) }?
                .join()??
        }
        Runtime::Coroutine(runtime) => coroutines(runtime, iterations, batch)?,
        Runtime::Task(runtime) if inside => on_a_task(runtime, tasks(iterations, batch)),
        Runtime::Task(runtime) => outside(runtime, tasks(iterations, batch))?,
    };
    Ok(Answer::time(time))
}

/// Divides `iterations` into batches and returns their sizes. All are `batch`, except that the last may be
/// smaller.
fn batches(iterations: u64, batch: u64) -> impl Iterator<Item = u64> {
    (0..iterations).step_by(batch as usize).map(move |done| batch.min(iterations - done))
}

// ANCHOR: thread
fn threads(stack: StackSize, iterations: u64, batch: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for units in batches(iterations, batch) {
        let mut handles = Vec::with_capacity(units as usize);
        for _ in 0..units {
            let thread = std::thread::Builder::new().stack_size(stack.bytes());
            handles.push(thread.spawn(|| ())?);
        }
        for handle in handles {
            handle.join().expect("a thread that does nothing does not panic");
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    iterations: u64, // how many units in all
    batch: u64,      // how many at a time
) -> io::Result<Duration> {
    let start = Instant::now();
    for units in batches(iterations, batch) {
        let mut handles = Vec::with_capacity(units as usize);
        for _ in 0..units {
            // SAFETY: the coroutine does nothing.
            handles.push(unsafe { runtime.spawn(|| ()) }?);
        }
        for handle in handles {
            handle.join().expect("a coroutine that does nothing does not panic");
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
            handle.await.expect("a task that does nothing does not panic");
        }
    }
    start.elapsed()
}
// ANCHOR_END: task

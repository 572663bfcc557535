//! `compute`: units that only compute (gopl exercise 9.6: how does the time fall with the number of cores?).
//!
//! An iteration is `n` units with the same work each. A unit of the runtime spawns all of them and then joins
//! them. No unit waits, so switching gains nothing: the time is the work divided by the number of cores that the
//! workers get.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use super::{Ask, Experiment, Setting, Shows, Times, Workload, worker_counts};
use crate::StackSize;
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "compute",
        n: "",
        settings: |_| {
            worker_counts()
                .into_iter()
                .map(|workers| Setting { workers, ..Setting::new("", 64) })
                .collect()
        },
        shows: Shows::Times(Times {
            caption: "64 units that only compute, spawned and joined. Shown: time of all of them, and the ratio to the \
                      fastest (gopl exercise 9.6). Threads have no workers: the kernel schedules them on all cores. \
                      The last columns have more workers than cores.",
            ..Times::OF_MODELS
        }),
    }],
    ..Workload::new("compute", "spawn units that only compute, and join them", run)
};

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, units) = (ask.iterations, ask.setup.n);
    let time = match runtime {
        Runtime::Thread { stack } => threads(*stack, iterations, units)?,
        Runtime::Coroutine(runtime) => {
            let runtime = *runtime;
            // SAFETY: `coroutines` yields only in its joins, and holds nothing of its thread across them. Its
            // frames are small.
            unsafe { runtime.spawn(move || coroutines(runtime, iterations, units)) }?
                .join()??
        }
        Runtime::Task(runtime) => on_a_task(runtime, tasks(iterations, units)),
    };
    Ok(Answer::time(time))
}

/// Does a unit's work: a fixed number of steps. Each step starts from the result of the step before, so the
/// compiler can leave none out, and the processor cannot overlap two. A step is the first output of the generator
/// splitmix64, seeded with that result.
///
/// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.
fn work(seed: u64) -> u64 {
    const STEPS: usize = 20_000;
    let mut value = seed;
    for _ in 0..STEPS {
        value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^= value >> 31;
    }
    value
}

// ANCHOR: thread
fn threads(stack: StackSize, iterations: u64, units: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..iterations {
        let mut handles = Vec::with_capacity(units as usize);
        for unit in 0..units {
            let thread = std::thread::Builder::new().stack_size(stack.bytes());
            handles.push(thread.spawn(move || work(black_box(unit)))?);
        }
        for handle in handles {
            black_box(handle.join().expect("a unit does not panic"));
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    iterations: u64,
    units: u64, // in each iteration
) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..iterations {
        let mut handles = Vec::with_capacity(units as usize);
        for unit in 0..units {
            // SAFETY: the coroutine never yields, and its frames are small.
            handles.push(unsafe { runtime.spawn(move || work(black_box(unit))) }?);
        }
        for handle in handles {
            black_box(handle.join().expect("a unit does not panic"));
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(iterations: u64, units: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        let mut handles = Vec::with_capacity(units as usize);
        for unit in 0..units {
            handles.push(tokio::spawn(async move { work(black_box(unit)) }));
        }
        for handle in handles {
            black_box(handle.await.expect("a unit does not panic"));
        }
    }
    start.elapsed()
}
// ANCHOR_END: task

//! `compute`: units that only compute (gopl exercise 9.6: how does the time fall with the number of cores?).
//!
//! An iteration is `n` units, each with the same work, all spawned and then joined from inside. None of them waits, so
//! that nothing is won by switching: the time is the work, divided by the cores that the workers get.

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
        settings: |_| worker_counts().into_iter().map(|workers| Setting { workers, ..Setting::new("", 64) }).collect(),
        shows: Shows::Times(Times {
            caption: "64 units that only compute, spawned and joined. Shown: time of all of them, and the ratio to the \
                      fastest (gopl exercise 9.6). Threads have no workers: the kernel schedules them on all cores. The \
                      last columns have more workers than cores.",
            ..Times::OF_MODELS
        }),
    }],
    ..Workload::new("compute", "units that only compute", run)
};

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, units) = (ask.iterations, ask.setup.n);
    let time = match runtime {
        Runtime::Thread { stack } => threads(*stack, iterations, units)?,
        Runtime::Coroutine(runtime) => {
            let runtime = *runtime;
            // SAFETY: `coroutines` holds nothing of a thread across its joins, where it yields, and its frames are
            // small.
            unsafe { runtime.spawn(move || coroutines(runtime, iterations, units)) }?.join()??
        }
        Runtime::Task(runtime) => on_a_task(runtime, tasks(iterations, units)),
    };
    Ok(Answer::time(time))
}

/// A unit's work: a fixed number of steps, each from the result of the one before, so that none can be left out and no
/// two overlap. A step is the first output of the generator splitmix64, seeded with that result.
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
            black_box(handle.join().expect("it only computes"));
        }
    }
    Ok(start.elapsed())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime, iterations: u64, units: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..iterations {
        let mut handles = Vec::with_capacity(units as usize);
        for unit in 0..units {
            // SAFETY: it never yields, and its frames are small.
            handles.push(unsafe { runtime.spawn(move || work(black_box(unit))) }?);
        }
        for handle in handles {
            black_box(handle.join().expect("it only computes"));
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
            black_box(handle.await.expect("it only computes"));
        }
    }
    start.elapsed()
}
// ANCHOR_END: task

//! `switch`: what it costs to hand the processor to another unit (gopl section 9.8.2).
//!
//! - `yield`: two units share one worker (threads: one core) and do nothing but yield, so that each yield hands
//!   over to the other unit. An iteration is one yield by either unit. The time runs from when the first unit
//!   starts to when the last one ends, and the units read the clock. The quantity `handed` is the share of the
//!   yields after which the other unit had run. It is 1 for threads and `may`, and at least 0.95 for tokio and Go,
//!   which check another queue at every 61st turn. But it is 0.5 on tokio's current-thread runtime: there, tasks
//!   that have yielded wait on a stack, so the last task to yield is the first to continue (tokio 1.54,
//!   `scheduler/defer.rs`).
//! - `yield-alone`: one unit yields, and no other unit exists. An iteration is one yield: the way into the
//!   scheduler and back, with no switch.
//! - `park`: two units wake each other and wait. An iteration is one round trip.
//! - `raw-generator`, `raw-corosensei`: the switch alone, with no scheduler: the main thread resumes a coroutine,
//!   which suspends itself. An iteration is one round trip, timed by the main thread. `may` is built on the crate
//!   generator.
//!
//! `yield` is not measured with two or more workers. Whether two units then share a worker is luck, and the result
//! does not show it. An experiment with two coroutines of `may` and two workers noted the worker's thread after
//! each yield. In most runs both coroutines stayed on one worker to the end: every yield handed over, and the
//! other worker had nothing to do. In some runs the other worker took one coroutine, once. From then on each
//! coroutine had its own worker, neither moved again, and no yield handed over. Threads on two cores behave the
//! same: for long times the kernel keeps them on one core, or on two.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::atomic::{
    AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use super::{
    Ask, Beside, Depth, Experiment, Quantity, Setting, Shows, Times, Unit, Workload,
    in_places,
};
use crate::coroutine::{self, Coroutine};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::placement::{Placement, allowed_cores};
use crate::probe::protocol::{Answer, Model, Setup};
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["yield", "yield-alone", "park", "raw-generator", "raw-corosensei"],
    experiments: &[Experiment {
        name: "switch",
        n: "",
        settings,
        shows: Shows::Times(TIMES),
    }],
    cannot,
    ..Workload::new("switch", "hand the processor to another unit", run)
};

/// The share of the yields after which another unit had run.
const HANDED: Quantity = Quantity::new("handed", Unit::Share, "handed over");

const TIMES: Times = Times {
    caption: "yield: two units share one worker (threads: one core), and each yield hands over to the other. Shown: \
              time of one yield. (On task-current-thread every second yield returns to the same task.) With more \
              workers or cores each unit may have its own, and then a yield hands over to no other unit. The crates \
              generator and corosensei switch stacks without a scheduler: time of a round trip. yield-alone: one unit \
              yields and no other unit exists. Shown: time of one yield, the way into the scheduler and back. park: \
              two units wake each other and wait. Shown: time of a round trip.",
    split: "variant",
    headline: &[
        &[("variant", "yield"), ("workers", "1")],
        &[("variant", "park"), ("workers", "1")],
    ],
    quantities: &[HANDED],
    beside: &[
        Beside {
            name: "generator",
            at: "yield",
            model: Model::Coroutine,
            variant: "raw-generator",
        },
        Beside {
            name: "corosensei",
            at: "yield",
            model: Model::Coroutine,
            variant: "raw-corosensei",
        },
    ],
    ..Times::OF_MODELS
};

fn settings(depth: Depth) -> Vec<Setting> {
    let mut settings = in_places(depth, &[("yield", 2), ("yield-alone", 1), ("park", 2)]);
    // With several workers each unit may have its own, and no yield of any model hands over to another unit.
    settings
        .retain(|setting| setting.variant != "yield" || setting.workers == Workers::ONE);
    settings
}

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("yield", Model::Thread) if setup.placement == Placement::Free && !one_core() => {
            Some(
                "each thread may have a core of its own, and a yield then hands over to no other thread",
            )
        }
        ("yield", model) if model != Model::Thread && setup.workers > 1 => Some(
            "each unit may have a worker of its own, and a yield then hands over to no other unit",
        ),
        ("yield" | "yield-alone", _) | (_, Model::Coroutine) => None,
        ("park", Model::Goroutine) => {
            Some("Go offers no park to programs: goroutines wait on channels and locks")
        }
        ("park", _) => None,
        (_, Model::Thread) => Some("only the kernel resumes a thread"),
        (_, Model::Goroutine) => Some("only Go's scheduler resumes a goroutine"),
        (_, Model::Task | Model::TaskCurrentThread) => {
            Some("a task has no stack of its own to switch to")
        }
    }
}

/// Whether this process may run on one core only.
fn one_core() -> bool {
    allowed_cores().is_ok_and(|cores| cores.len() == 1)
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let iterations = ask.iterations;
    let units = match &*ask.setup.variant {
        "yield" => 2,
        "yield-alone" => 1,
        _ => {
            return Ok(Answer::time(park_or_raw(
                runtime,
                &ask.setup.variant,
                iterations,
            )?));
        }
    };
    let yielded = match runtime {
        Runtime::Thread { stack } => yielding_threads(*stack, units, iterations)?,
        Runtime::Coroutine(runtime) => yielding_coroutines(runtime, units, iterations)?,
        Runtime::Task(runtime) => on_a_task(runtime, yielding_tasks(units, iterations)),
    };
    Ok(answer(&yielded, iterations))
}

fn park_or_raw(
    runtime: &Runtime,
    variant: &str,
    iterations: u64,
) -> io::Result<Duration> {
    Ok(match runtime {
        Runtime::Thread { stack } => parking_threads(*stack, iterations)?,
        Runtime::Coroutine(runtime) => match variant {
            "raw-generator" => raw_generator(runtime.config().stack, iterations),
            "raw-corosensei" => raw_corosensei(runtime.config().stack, iterations)?,
            _ => parking_coroutines(runtime, iterations)?,
        },
        Runtime::Task(runtime) => on_a_task(runtime, parking_tasks(iterations)),
    })
}

/// Divides `iterations` yields among `units` units. Returns each unit's number and how many times it yields.
fn shares(iterations: u64, units: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..units).map(move |unit| (unit as usize, (iterations + unit) / units))
}

/// The number of the unit that ran last. All units that share it run on one worker or core.
struct Turn(AtomicUsize);

impl Turn {
    /// Starts with the number of no unit.
    fn new() -> Arc<Turn> {
        Arc::new(Turn(AtomicUsize::new(usize::MAX)))
    }

    /// Returns whether another unit has run since this `unit` last asked. This is one load and at most one store:
    /// a few nanoseconds, less than any yield takes.
    fn changed(&self, unit: usize) -> bool {
        let changed = self.0.load(Relaxed) != unit;
        if changed {
            self.0.store(unit, Relaxed);
        }
        changed
    }
}

/// What one unit measured.
struct Yielded {
    begun: Instant,
    ended: Instant,
    /// The number of yields after which another unit had run.
    handed: u64,
}

/// Returns the time from when the first unit began to when the last one ended. That is the time of all yields,
/// because all units share one worker, or there is only one unit.
fn answer(yielded: &[Yielded], iterations: u64) -> Answer {
    let begun = yielded.iter().map(|unit| unit.begun).min();
    let ended = yielded.iter().map(|unit| unit.ended).max();
    let answer = Answer::time(
        ended.zip(begun).map_or(Duration::ZERO, |(ended, begun)| ended - begun),
    );
    if yielded.len() == 1 {
        return answer;
    }
    let handed: u64 = yielded.iter().map(|unit| unit.handed).sum();
    answer.quantity(HANDED, handed as f64 / iterations.max(1) as f64)
}

// ANCHOR: thread
fn yielding_threads(
    stack: StackSize,
    units: u64,
    iterations: u64, // the yields of all units together
) -> io::Result<Vec<Yielded>> {
    let (together, turn) = (Arc::new(Barrier::new(units as usize)), Turn::new());
    let mut handles = Vec::new();
    for (unit, yields) in shares(iterations, units) {
        let (together, turn) = (Arc::clone(&together), Arc::clone(&turn));
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(
            move || {
                // Without this barrier, the first unit could yield before the second has
                // started.
                together.wait();
                let begun = Instant::now();
                let mut handed = 0;
                for _ in 0..yields {
                    std::thread::yield_now();
                    handed += u64::from(turn.changed(unit));
                }
                Yielded { begun, ended: Instant::now(), handed }
            },
        )?);
    }
    let seen = handles.into_iter().map(|unit| unit.join().expect("units do not panic"));
    Ok(seen.collect())
}

fn parking_threads(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    // `park` may return without an `unpark`. So the ball decides whose turn it is, and
    // not the wake-up.
    let ball = Arc::new(AtomicBool::new(false));
    let server = Arc::new(OnceLock::new());
    let (their_ball, their_server) = (Arc::clone(&ball), Arc::clone(&server));
    let returning =
        std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
            for _ in 0..iterations {
                while !their_ball.load(Acquire) {
                    std::thread::park();
                }
                their_ball.store(false, Release);
                let server: Option<&std::thread::Thread> = their_server.get();
                server.expect("it is set before the ball is sent").unpark();
            }
        })?;
    let serving =
        std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
            server.set(std::thread::current()).expect("only this unit sets it");
            let start = Instant::now();
            for _ in 0..iterations {
                ball.store(true, Release);
                returning.thread().unpark();
                while ball.load(Acquire) {
                    std::thread::park();
                }
            }
            let time = start.elapsed();
            returning.join().expect("the returner does not panic");
            time
        })?;
    Ok(serving.join().expect("the server does not panic"))
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn yielding_coroutines(
    runtime: &'static coroutine::Runtime,
    units: u64,
    iterations: u64, // the yields of all units together
) -> io::Result<Vec<Yielded>> {
    let together = Arc::new(may::sync::Barrier::new(units as usize));
    let turn = Turn::new();
    let mut handles = Vec::new();
    for (unit, yields) in shares(iterations, units) {
        let (together, turn) = (Arc::clone(&together), Arc::clone(&turn));
        let yielding = move || {
            // The barrier is essential here: a worker looks for new coroutines only when
            // it has no old ones. Without the barrier, the first coroutine would yield to
            // itself until it has finished.
            together.wait();
            let begun = Instant::now();
            let mut handed = 0;
            // ANCHOR: yields
            for _ in 0..yields {
                coroutine::yield_now();
                handed += u64::from(turn.changed(unit));
            }
            // ANCHOR_END: yields
            Yielded { begun, ended: Instant::now(), handed }
        };
        // SAFETY: across its yields the coroutine holds a point in time, counts and an
        // atomic, and nothing of its thread. Its frames are small.
        handles.push(unsafe { runtime.spawn(yielding) }?);
    }
    let yielded = handles.into_iter().map(coroutine::JoinHandle::join);
    Ok(yielded.collect::<Result<_, _>>()?)
}

fn parking_coroutines(
    runtime: &'static coroutine::Runtime,
    iterations: u64, // round trips
) -> io::Result<Duration> {
    let ball = Arc::new(AtomicBool::new(false));
    let server = Arc::new(OnceLock::new());
    let (their_ball, their_server) = (Arc::clone(&ball), Arc::clone(&server));
    // SAFETY: across their yields both coroutines hold atomics and a coroutine's handle,
    // which are `Send`, and nothing of their thread. Their frames are small.
    let returning = unsafe {
        runtime.spawn(move || {
            for _ in 0..iterations {
                while !their_ball.load(Acquire) {
                    coroutine::park();
                }
                their_ball.store(false, Release);
                let server: Option<&Coroutine> = their_server.get();
                server.expect("it is set before the ball is sent").unpark();
            }
            // The documentation of `coroutine::park` explains this yield.
            coroutine::yield_now();
        })
    }?;
    // SAFETY: as above.
    let serving = unsafe {
        runtime.spawn(move || {
            server.set(Coroutine::current()).expect("only this unit sets it");
            let other = returning.coroutine();
            let start = Instant::now();
            for _ in 0..iterations {
                ball.store(true, Release);
                other.unpark();
                while ball.load(Acquire) {
                    coroutine::park();
                }
            }
            let time = start.elapsed();
            returning.join().expect("the returner does not panic");
            // The documentation of `coroutine::park` explains this yield.
            coroutine::yield_now();
            time
        })
    }?;
    Ok(serving.join()?)
}

fn raw_generator(stack: StackSize, iterations: u64) -> Duration {
    // generator takes the stack size in words, as `may` does.
    let words = stack.bytes() / size_of::<usize>();
    let mut generator = generator::Gn::<()>::new_scoped_opt(words, move |mut scope| {
        for _ in 0..iterations {
            scope.yield_with(());
        }
    });
    let start = Instant::now();
    for _ in 0..iterations {
        generator.resume();
    }
    let time = start.elapsed();
    // Resume it once more, so that it returns: a generator that is dropped before it
    // returns must be unwound.
    generator.resume();
    time
}

// ANCHOR: raw
fn raw_corosensei(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    let stack = corosensei::stack::DefaultStack::new(stack.bytes())?;
    let mut coroutine = corosensei::Coroutine::with_stack(stack, move |yielder, ()| {
        for _ in 0..iterations {
            yielder.suspend(());
        }
    });
    let start = Instant::now();
    for _ in 0..iterations {
        coroutine.resume(());
    }
    let time = start.elapsed();
    coroutine.resume(());
    Ok(time)
}
// ANCHOR_END: raw
// ANCHOR_END: coroutine

// ANCHOR: task
async fn yielding_tasks(units: u64, iterations: u64) -> Vec<Yielded> {
    let together = Arc::new(tokio::sync::Barrier::new(units as usize));
    let turn = Turn::new();
    let mut handles = Vec::new();
    for (unit, yields) in shares(iterations, units) {
        let (together, turn) = (Arc::clone(&together), Arc::clone(&turn));
        handles.push(tokio::spawn(async move {
            together.wait().await;
            let begun = Instant::now();
            let mut handed = 0;
            for _ in 0..yields {
                tokio::task::yield_now().await;
                handed += u64::from(turn.changed(unit));
            }
            Yielded { begun, ended: Instant::now(), handed }
        }));
    }
    let mut yielded = Vec::new();
    for handle in handles {
        yielded.push(handle.await.expect("a unit does not panic"));
    }
    yielded
}

async fn parking_tasks(iterations: u64) -> Duration {
    // A `Notify` stores one wake-up for the next waiter, as `park` does. Its waiter never
    // wakes for another reason, so no ball is needed.
    let there = Arc::new(tokio::sync::Notify::new());
    let back = Arc::new(tokio::sync::Notify::new());
    let (their_there, their_back) = (Arc::clone(&there), Arc::clone(&back));
    let returning = tokio::spawn(async move {
        for _ in 0..iterations {
            their_there.notified().await;
            their_back.notify_one();
        }
    });
    let serving = tokio::spawn(async move {
        let start = Instant::now();
        for _ in 0..iterations {
            there.notify_one();
            back.notified().await;
        }
        let time = start.elapsed();
        returning.await.expect("the returner does not panic");
        time
    });
    serving.await.expect("the server does not panic")
}
// ANCHOR_END: task

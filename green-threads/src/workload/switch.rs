//! `switch`: what it costs to hand the processor to another unit (gopl section 9.8.2).
//!
//! - `yield`: two units share one worker (threads: one core) and do nothing but yield, so that each yield hands over to
//!   the other unit. An iteration is one yield of either, from the first start to the last end by their own clocks. The
//!   figure `handed` is the share of the yields after which the other unit had run. It is 1 for threads and `may`, and
//!   0.95 or more for tokio and Go, which look into another queue at every 61st turn. But it is 0.5 on tokio's
//!   current-thread runtime: tasks that have yielded wait on a stack there, so the last one to yield is the first to go
//!   on (tokio 1.54, `scheduler/defer.rs`).
//! - `yield-alone`: one unit yields, and no other unit is there. An iteration is one yield: the way into the scheduler
//!   and back, with no switch.
//! - `park`: two units wake each other and wait. An iteration is one round trip.
//! - `raw-generator`, `raw-corosensei`: the switch alone, with no scheduler: a coroutine is resumed and suspends
//!   itself. An iteration is one round trip, read by the main thread. `may` is built on the first of the two crates.
//!
//! With two workers or more there is no `yield`. Whether two units then share a worker is luck, and nothing says so
//! afterwards. The worker's thread was looked at after each yield of two coroutines of `may`, with two workers. In most
//! runs both stayed on one worker to the end, and every yield handed over, while the other worker had nothing to do. In
//! some runs the other worker took one coroutine, once; from then on each had a worker of its own, neither moved again,
//! and no yield handed over. Threads on two cores do the same: the kernel keeps them on one core or on two for long.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use super::{Ask, Beside, Depth, Experiment, Quantity, Setting, Shows, Times, Unit, Workload, in_places};
use crate::coroutine::{self, Coroutine};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::placement::{Placement, allowed_cores};
use crate::probe::protocol::{Answer, Model, Setup};
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["yield", "yield-alone", "park", "raw-generator", "raw-corosensei"],
    experiments: &[Experiment { name: "switch", n: "", settings, shows: Shows::Times(TIMES) }],
    cannot,
    ..Workload::new("switch", "hand the processor to another unit", run)
};

/// The share of the yields after which another unit had run.
const HANDED: Quantity = Quantity::new("handed", Unit::Share, "handed over");

const TIMES: Times = Times {
    caption: "yield: two units share one worker (threads: one core), and each yield hands over to the other. Shown: time \
              of one yield. (On task-current-thread every second yield returns to the same task.) With more workers or \
              cores each unit may have its own, and then a yield hands over to no other unit. The crates generator and \
              corosensei switch stacks without a scheduler: time of a round trip. yield-alone: one unit yields and no \
              other unit exists. Shown: time of one yield, the way into the scheduler and back. park: two units wake each \
              other and wait. Shown: time of a round trip.",
    split: "variant",
    headline: &[&[("variant", "yield"), ("workers", "1")], &[("variant", "park"), ("workers", "1")]],
    quantities: &[HANDED],
    beside: &[
        Beside { name: "generator", at: "yield", model: Model::Coroutine, variant: "raw-generator" },
        Beside { name: "corosensei", at: "yield", model: Model::Coroutine, variant: "raw-corosensei" },
    ],
    ..Times::OF_MODELS
};

fn settings(depth: Depth) -> Vec<Setting> {
    let mut settings = in_places(depth, &[("yield", 2), ("yield-alone", 1), ("park", 2)]);
    // With several workers each unit may have its own, and no yield of any model hands over to another unit.
    settings.retain(|setting| setting.variant != "yield" || setting.workers == Workers::ONE);
    settings
}

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("yield", Model::Thread) if setup.placement == Placement::Free && !one_core() => {
            Some("each thread may have a core of its own, and a yield then hands over to nobody")
        }
        ("yield", model) if model != Model::Thread && setup.workers > 1 => {
            Some("each unit may have a worker of its own, and a yield then hands over to nobody")
        }
        ("yield" | "yield-alone", _) | (_, Model::Coroutine) => None,
        ("park", Model::Goroutine) => Some("Go has no park for programs: goroutines wait on channels and locks"),
        ("park", _) => None,
        (_, Model::Thread) => Some("only the kernel resumes a thread"),
        (_, Model::Goroutine) => Some("only Go's scheduler resumes a goroutine"),
        (_, Model::Task | Model::TaskCurrentThread) => Some("a task has no stack of its own to switch to"),
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
        _ => return Ok(Answer::time(park_or_raw(runtime, &ask.setup.variant, iterations)?)),
    };
    let yielded = match runtime {
        Runtime::Thread { stack } => yielding_threads(*stack, units, iterations)?,
        Runtime::Coroutine(runtime) => yielding_coroutines(runtime, units, iterations)?,
        Runtime::Task(runtime) => on_a_task(runtime, yielding_tasks(units, iterations)),
    };
    Ok(answer(&yielded, iterations))
}

fn park_or_raw(runtime: &Runtime, variant: &str, iterations: u64) -> io::Result<Duration> {
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

/// How often each of so many units yields, and its number.
fn shares(iterations: u64, units: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..units).map(move |unit| (unit as usize, (iterations + unit) / units))
}

/// Which unit ran last. One worker or core runs the units that share this.
struct Turn(AtomicUsize);

impl Turn {
    /// Nobody's so far.
    fn new() -> Arc<Turn> {
        Arc::new(Turn(AtomicUsize::new(usize::MAX)))
    }

    /// Whether another unit has run since this `unit` last asked. It is a load and at most a store, some nanoseconds
    /// less than any yield takes.
    fn changed(&self, unit: usize) -> bool {
        let changed = self.0.load(Relaxed) != unit;
        if changed {
            self.0.store(unit, Relaxed);
        }
        changed
    }
}

/// What one unit saw.
struct Yielded {
    begun: Instant,
    ended: Instant,
    /// Yields after which another unit had run.
    handed: u64,
}

/// From when the first of them began to when the last had ended; all share one worker, or there is only one of them.
fn answer(yielded: &[Yielded], iterations: u64) -> Answer {
    let begun = yielded.iter().map(|unit| unit.begun).min();
    let ended = yielded.iter().map(|unit| unit.ended).max();
    let answer = Answer::time(ended.zip(begun).map_or(Duration::ZERO, |(ended, begun)| ended - begun));
    if yielded.len() == 1 {
        return answer;
    }
    let handed: u64 = yielded.iter().map(|unit| unit.handed).sum();
    answer.quantity(HANDED, handed as f64 / iterations.max(1) as f64)
}

// ANCHOR: thread
fn yielding_threads(stack: StackSize, units: u64, iterations: u64) -> io::Result<Vec<Yielded>> {
    let (together, turn) = (Arc::new(Barrier::new(units as usize)), Turn::new());
    let mut handles = Vec::new();
    for (unit, yields) in shares(iterations, units) {
        let (together, turn) = (Arc::clone(&together), Arc::clone(&turn));
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
            // A unit that yields before the other is there yields to nobody.
            together.wait();
            let begun = Instant::now();
            let mut handed = 0;
            for _ in 0..yields {
                std::thread::yield_now();
                handed += u64::from(turn.changed(unit));
            }
            Yielded { begun, ended: Instant::now(), handed }
        })?);
    }
    Ok(handles.into_iter().map(|handle| handle.join().expect("it only yields")).collect())
}

fn parking_threads(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    // A park may return without an unpark, so that the ball says whose turn it is, and not the wake-up.
    let ball = Arc::new(AtomicBool::new(false));
    let server = Arc::new(OnceLock::new());
    let (their_ball, their_server) = (Arc::clone(&ball), Arc::clone(&server));
    let returning = std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
        for _ in 0..iterations {
            while !their_ball.load(Acquire) {
                std::thread::park();
            }
            their_ball.store(false, Release);
            let server: &std::thread::Thread = their_server.get().expect("it is set before the ball comes");
            server.unpark();
        }
    })?;
    let serving = std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
        server.set(std::thread::current()).expect("nobody else sets it");
        let start = Instant::now();
        for _ in 0..iterations {
            ball.store(true, Release);
            returning.thread().unpark();
            while ball.load(Acquire) {
                std::thread::park();
            }
        }
        let time = start.elapsed();
        returning.join().expect("the other only returns the ball");
        time
    })?;
    Ok(serving.join().expect("the server does not panic"))
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn yielding_coroutines(runtime: &'static coroutine::Runtime, units: u64, iterations: u64) -> io::Result<Vec<Yielded>> {
    let (together, turn) = (Arc::new(may::sync::Barrier::new(units as usize)), Turn::new());
    let mut handles = Vec::new();
    for (unit, yields) in shares(iterations, units) {
        let (together, turn) = (Arc::clone(&together), Arc::clone(&turn));
        let yielding = move || {
            // Not only to be fair: a worker looks for new coroutines when it has no old one, so that the first to yield
            // would yield to itself until it has done.
            together.wait();
            let begun = Instant::now();
            let mut handed = 0;
            for _ in 0..yields {
                coroutine::yield_now();
                handed += u64::from(turn.changed(unit));
            }
            Yielded { begun, ended: Instant::now(), handed }
        };
        // SAFETY: across its yields it holds a point in time, counts and an atomic, and nothing of a thread; its frames
        // are small.
        handles.push(unsafe { runtime.spawn(yielding) }?);
    }
    Ok(handles.into_iter().map(coroutine::JoinHandle::join).collect::<Result<_, _>>()?)
}

fn parking_coroutines(runtime: &'static coroutine::Runtime, iterations: u64) -> io::Result<Duration> {
    let ball = Arc::new(AtomicBool::new(false));
    let server = Arc::new(OnceLock::new());
    let (their_ball, their_server) = (Arc::clone(&ball), Arc::clone(&server));
    // SAFETY: both hold atomics and a coroutine's handle across their yields, which are `Send`, and nothing of a
    // thread; their frames are small.
    let returning = unsafe {
        runtime.spawn(move || {
            for _ in 0..iterations {
                while !their_ball.load(Acquire) {
                    coroutine::park();
                }
                their_ball.store(false, Release);
                let server: &Coroutine = their_server.get().expect("it is set before the ball comes");
                server.unpark();
            }
            // `coroutine::park` says why.
            coroutine::yield_now();
        })
    }?;
    // SAFETY: as above.
    let serving = unsafe {
        runtime.spawn(move || {
            server.set(Coroutine::current()).expect("nobody else sets it");
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
            returning.join().expect("the other only returns the ball");
            // `coroutine::park` says why.
            coroutine::yield_now();
            time
        })
    }?;
    Ok(serving.join()?)
}

fn raw_generator(stack: StackSize, iterations: u64) -> Duration {
    // Its stacks are in words, as those of `may`.
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
    // Once more, so that it returns: what is dropped before must be unwound.
    generator.resume();
    time
}

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
// ANCHOR_END: coroutine

// ANCHOR: task
async fn yielding_tasks(units: u64, iterations: u64) -> Vec<Yielded> {
    let (together, turn) = (Arc::new(tokio::sync::Barrier::new(units as usize)), Turn::new());
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
        yielded.push(handle.await.expect("it only yields"));
    }
    yielded
}

async fn parking_tasks(iterations: u64) -> Duration {
    // A `Notify` keeps one wake-up for whoever waits next, as a park does, and returns for nothing else: no ball is
    // needed.
    let (there, back) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
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
        returning.await.expect("the other only returns the ball");
        time
    });
    serving.await.expect("the server does not panic")
}
// ANCHOR_END: task

//! `switch`: what it costs to hand the processor to another unit (gopl section 9.8.2).
//!
//! - `yield`: two units do nothing but yield. An iteration is one yield of either. With two workers (or cores) each has
//!   one for itself, and a yield finds nobody to hand over to: what is left is the way into the scheduler and back.
//! - `park`: two units wake each other and wait. An iteration is one round trip.
//! - `raw-generator`, `raw-corosensei`: the switch alone, with no scheduler: a coroutine is resumed and suspends
//!   itself. An iteration is one round trip, read by the main thread. `may` is built on the first of the two crates.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use super::{Ask, MOST_UNITS, Workload};
use crate::StackSize;
use crate::coroutine::{self, Coroutine};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::{Answer, Model, Setup};

pub(super) const WORKLOAD: Workload = Workload {
    name: "switch",
    what: "hand the processor to another unit",
    variants: &["yield", "park", "raw-generator", "raw-corosensei"],
    most: MOST_UNITS,
    lean: false,
    sockets: false,
    run,
    cannot,
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("yield", _) | (_, Model::Coroutine) => None,
        ("park", Model::Goroutine) => Some("Go has no park for programs: goroutines wait on channels and locks"),
        ("park", _) => None,
        (_, Model::Thread) => Some("only the kernel resumes a thread"),
        (_, Model::Goroutine) => Some("only Go's scheduler resumes a goroutine"),
        (_, Model::Task | Model::TaskCurrentThread) => Some("a task has no stack of its own to switch to"),
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, park) = (ask.iterations, ask.setup.variant == "park");
    let time = match runtime {
        Runtime::Thread { stack } if park => parking_threads(*stack, iterations)?,
        Runtime::Thread { stack } => yielding_threads(*stack, iterations)?,
        Runtime::Coroutine(runtime) => match &*ask.setup.variant {
            "raw-generator" => raw_generator(runtime.config().stack, iterations),
            "raw-corosensei" => raw_corosensei(runtime.config().stack, iterations)?,
            "park" => parking_coroutines(runtime, iterations)?,
            _ => yielding_coroutines(runtime, iterations)?,
        },
        Runtime::Task(runtime) if park => on_a_task(runtime, parking_tasks(iterations)),
        Runtime::Task(runtime) => on_a_task(runtime, yielding_tasks(iterations)),
    };
    Ok(Answer::time(time))
}

/// How often each of the two yields.
fn halves(iterations: u64) -> [u64; 2] {
    [iterations / 2, iterations - iterations / 2]
}

/// From when the first of them began to when the last had ended.
fn overall(spans: &[(Instant, Instant)]) -> Duration {
    let begun = spans.iter().map(|span| span.0).min();
    let ended = spans.iter().map(|span| span.1).max();
    ended.zip(begun).map_or(Duration::ZERO, |(ended, begun)| ended - begun)
}

// ANCHOR: thread
fn yielding_threads(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    let together = Arc::new(Barrier::new(2));
    let mut handles = Vec::new();
    for yields in halves(iterations) {
        let together = Arc::clone(&together);
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
            // Whoever yields before the other is there yields to nobody.
            together.wait();
            let begun = Instant::now();
            for _ in 0..yields {
                std::thread::yield_now();
            }
            (begun, Instant::now())
        })?);
    }
    let spans: Vec<_> = handles.into_iter().map(|handle| handle.join().expect("it only yields")).collect();
    Ok(overall(&spans))
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
fn yielding_coroutines(runtime: &'static coroutine::Runtime, iterations: u64) -> io::Result<Duration> {
    let together = Arc::new(may::sync::Barrier::new(2));
    let mut handles = Vec::new();
    for yields in halves(iterations) {
        let together = Arc::clone(&together);
        let unit = move || {
            // Not only to be fair: a worker looks for new coroutines when it has no old one, so that the first to yield
            // would yield to itself until it has done.
            together.wait();
            let begun = Instant::now();
            for _ in 0..yields {
                coroutine::yield_now();
            }
            (begun, Instant::now())
        };
        // SAFETY: across its yields it holds two points in time and a count, and nothing of a thread; its frames are
        // small.
        handles.push(unsafe { runtime.spawn(unit) }?);
    }
    let spans = handles.into_iter().map(coroutine::JoinHandle::join).collect::<Result<Vec<_>, _>>()?;
    Ok(overall(&spans))
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
async fn yielding_tasks(iterations: u64) -> Duration {
    let together = Arc::new(tokio::sync::Barrier::new(2));
    let mut handles = Vec::new();
    for yields in halves(iterations) {
        let together = Arc::clone(&together);
        handles.push(tokio::spawn(async move {
            together.wait().await;
            let begun = Instant::now();
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            (begun, Instant::now())
        }));
    }
    let mut spans = Vec::new();
    for handle in handles {
        spans.push(handle.await.expect("it only yields"));
    }
    overall(&spans)
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

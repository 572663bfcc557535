//! `hog`: one unit computes and never yields; when do others start? (gopl section 9.8.2: who takes the processor away?)
//!
//! The kernel takes a core away from a thread that has had it long enough, and Go interrupts a goroutine after ten
//! milliseconds or so. `may` and tokio take a worker away from nobody: what is queued behind the hog waits until it
//! ends, and whether an idle worker helps depends on whether it looks into the queue of another.
//!
//! An iteration is one hog, which spins 200 ms by the clock. As soon as it spins, a thread outside the runtime spawns
//! `n` short units, each of which notes when it starts. Times count from when the hog began; that of the iteration ends
//! when the main thread has joined all.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Ask, MOST_UNITS, Workload, can, repeat};
use crate::StackSize;
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::protocol::Answer;

pub(super) const WORKLOAD: Workload = Workload {
    name: "hog",
    what: "short units beside one that never yields",
    variants: &[""],
    most: MOST_UNITS,
    lean: false,
    sockets: false,
    run,
    cannot: can,
};

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let units = ask.setup.n;
    repeat(ask, || {
        let times = match runtime {
            Runtime::Thread { stack } => threads(*stack, units)?,
            Runtime::Coroutine(runtime) => coroutines(runtime, units)?,
            Runtime::Task(runtime) => tasks(runtime, units)?,
        };
        Ok(times.answer())
    })
}

/// All from the moment when the hog began.
struct Times {
    hog: Duration,
    starts: Vec<Duration>,
    whole: Duration,
}

impl Times {
    fn answer(&self) -> Answer {
        let before = self.starts.iter().filter(|start| **start < self.hog).count();
        let nanoseconds = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_nanos() as f64);
        Answer::time(self.whole)
            .figure("before", before as f64)
            .figure("first", nanoseconds(self.starts.iter().min()))
            .figure("last", nanoseconds(self.starts.iter().max()))
            .figure("hog", nanoseconds(Some(&self.hog)))
    }
}

/// The hog: says when it begins, and how long it took.
fn spin(began: &OnceLock<Instant>) -> Duration {
    const LONG: Duration = Duration::from_millis(200);
    let start = *began.get_or_init(Instant::now);
    loop {
        let spun = start.elapsed();
        if spun >= LONG {
            return spun;
        }
    }
}

// ANCHOR: thread
fn threads(stack: StackSize, units: u64) -> io::Result<Times> {
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    let hog = thread().spawn(move || spin(&its))?;
    let start: Instant = *began.wait();
    let mut shorts = Vec::new();
    for _ in 0..units {
        shorts.push(thread().spawn(move || start.elapsed())?);
    }
    let hog = hog.join().expect("it only spins");
    let starts = shorts.into_iter().map(|short| short.join().expect("it only looks at the clock")).collect();
    Ok(Times { hog, starts, whole: start.elapsed() })
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime, units: u64) -> io::Result<Times> {
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    // SAFETY: it never yields, which is the point, and its frames are small.
    let hog = unsafe { runtime.spawn(move || spin(&its)) }?;
    // The main thread waits for a coroutine on a lock of std, which is right for a thread that is no worker.
    let start: Instant = *began.wait();
    let mut shorts = Vec::new();
    for _ in 0..units {
        // SAFETY: it does not yield, and its frames are small.
        shorts.push(unsafe { runtime.spawn(move || start.elapsed()) }?);
    }
    let hog = hog.join()?;
    let starts = shorts.into_iter().map(coroutine::JoinHandle::join).collect::<Result<_, _>>()?;
    Ok(Times { hog, starts, whole: start.elapsed() })
}
// ANCHOR_END: coroutine

// ANCHOR: task
fn tasks(runtime: &tokio::runtime::Runtime, units: u64) -> io::Result<Times> {
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    let (hand_over, handed_over) = tokio::sync::oneshot::channel();
    // Not the main thread, which may be the runtime's only worker: then the hog spins on it.
    let outside = runtime.handle().clone();
    std::thread::Builder::new().spawn(move || {
        let start: Instant = *began.wait();
        let mut shorts = Vec::new();
        for _ in 0..units {
            shorts.push(outside.spawn(async move { start.elapsed() }));
        }
        hand_over.send((start, shorts)).expect("the main thread waits for them");
    })?;
    runtime.block_on(async {
        let hog = tokio::spawn(async move { spin(&its) });
        let (start, shorts) = handed_over.await.expect("the thread outside spawns them");
        let hog = hog.await.expect("it only spins");
        let mut starts = Vec::new();
        for short in shorts {
            starts.push(short.await.expect("it only looks at the clock"));
        }
        Ok(Times { hog, starts, whole: start.elapsed() })
    })
}
// ANCHOR_END: task

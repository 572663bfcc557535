//! `hog`: one unit computes and never yields; when do other units start? (gopl section 9.8.2: who takes the
//! processor away?)
//!
//! The kernel takes a core away from a thread that has had it long enough, and Go interrupts a goroutine after
//! about ten milliseconds. `may` and tokio never take a worker away from a unit. The units that are queued behind
//! the hog wait until it ends, unless an idle worker takes units from the queue of another worker.
//!
//! An iteration is one hog, which computes for about 200 ms. As soon as it runs, a thread outside the runtime
//! spawns `n` short units, each of which notes when it starts. All times count from when the hog began. The time
//! of the iteration ends when the main thread has joined all units. The variants differ in the hog's loop:
//!
//! - `calls`: the loop calls functions, because it reads the clock until 200 ms have passed.
//! - `no-calls`: the loop is arithmetic alone, and calls nothing. The workload measures beforehand how many steps
//!   take 200 ms.
//!
//! The difference matters to Go. Since Go 1.2 a goroutine may be preempted at a function call. Only asynchronous
//! preemption, by a signal, interrupts a loop without calls. Go has it since 1.14, and `GODEBUG=asyncpreemptoff=1`
//! switches it off ([`Preemption`](crate::probe::protocol::Preemption)).
//!
//! On several cores a short thread runs beside the hog, on a core of its own. Only on one core do the results show
//! whether something takes the processor away.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::hint::black_box;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Workload, observed, repeat,
};
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::placement::Placement;
use crate::probe::protocol::{Answer, Preemption};
use crate::probe::trace::Recorder;
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["calls", "no-calls"],
    experiments: &[Experiment {
        name: "hog",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    recorded: Some(|| Setting { workers: Workers::TWO, ..Setting::new("calls", 12) }),
    ..Workload::new("hog", "spawn short units beside one that never yields", run)
};

const BEFORE: Quantity = Quantity::count("before", "ran before\nits end").more();
const FIRST: Quantity = Quantity::time("first", "first");
const LAST: Quantity = Quantity::time("last", "last");
const HOG: Quantity = Quantity::time("hog", "the hog\ntook").neither();

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "One unit computes for about 200 ms and never yields; meanwhile 100 short units are spawned. Shown: how \
              many of them ran before it ended, when the first and the last of them ran, and how long the hog took. \
              Its loop calls functions (calls), or none (no-calls). Go preempts at calls, and since 1.14 anywhere, by \
              a signal; with asyncpreemptoff it preempts at calls only. On one core alone something must take the \
              processor away from the hog.",
    parameters: &[
        Parameter::new("variant", "the hog's\nloop"),
        Parameter::WORKERS_COLUMN,
        Parameter::PLACEMENT_COLUMN,
        Parameter::new("preemption", "preemption"),
    ],
    quantities: &[BEFORE, FIRST, LAST, HOG],
    facts: &[],
};

fn settings(depth: Depth) -> Vec<Setting> {
    let mut settings = Vec::new();
    for variant in ["calls", "no-calls"] {
        let hog = Setting { times: 3, ..Setting::new(variant, 100) };
        let mut placed = observed(depth, hog);
        // On several cores a thread or a worker may have its own. On one core, something must take it from the
        // hog.
        if Placement::POSSIBLE.contains(&Placement::OneCore) {
            placed.push(Setting { placement: Placement::OneCore, ..hog });
        }
        let preemptions = [Preemption::Default, Preemption::AsyncPreemptOff];
        let each = |setting: &Setting| {
            preemptions
                .map(|preemption| Setting { preemption: Some(preemption), ..*setting })
        };
        settings.extend(placed.iter().flat_map(each));
    }
    settings
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let units = ask.setup.n;
    let work = if ask.setup.variant == "calls" {
        Work::Clock
    } else {
        Work::Steps(steps_in(LONG))
    };
    repeat(ask, || {
        let times = match runtime {
            Runtime::Thread { stack } => threads(*stack, units, work, ask.trace)?,
            Runtime::Coroutine(runtime) => coroutines(runtime, units, work, ask.trace)?,
            Runtime::Task(runtime) => tasks(runtime, units, work, ask.trace.clone())?,
        };
        Ok(times.answer())
    })
}

/// The times of one iteration. All count from the moment when the hog began.
struct Seen {
    /// When the hog ended.
    hog: Duration,
    /// When each short unit started.
    starts: Vec<Duration>,
    /// When the main thread had joined all units.
    whole: Duration,
}

impl Seen {
    fn answer(&self) -> Answer {
        let before = self.starts.iter().filter(|start| **start < self.hog).count();
        let nanoseconds =
            |time: Option<&Duration>| time.map_or(0.0, |time| time.as_nanos() as f64);
        Answer::time(self.whole)
            .quantity(BEFORE, before as f64)
            .quantity(FIRST, nanoseconds(self.starts.iter().min()))
            .quantity(LAST, nanoseconds(self.starts.iter().max()))
            .quantity(HOG, nanoseconds(Some(&self.hog)))
    }
}

/// How long the hog computes.
const LONG: Duration = Duration::from_millis(200);

/// What the hog does.
#[derive(Clone, Copy)]
enum Work {
    /// It reads the clock, which is a call, until [`LONG`] has passed.
    Clock,
    /// It makes this many steps of arithmetic, and calls nothing.
    Steps(u64),
}

impl Work {
    /// Does the hog's work. Sets `began` when it begins, and returns how long it took.
    fn hog(self, began: &OnceLock<Instant>) -> Duration {
        let start = *began.get_or_init(Instant::now);
        // ANCHOR: loops
        match self {
            Work::Clock => while start.elapsed() < LONG {},
            Work::Steps(steps) => _ = black_box(compute(steps)),
        }
        // ANCHOR_END: loops
        start.elapsed()
    }
}

/// Makes `steps` steps of arithmetic. Each starts from the result of the step before, so the compiler can leave
/// none out.
fn compute(steps: u64) -> u64 {
    let (mut value, mut left) = (black_box(steps), steps);
    while left > 0 {
        // Knuth's linear congruential generator.
        value = value
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        left -= 1;
    }
    value
}

/// Measures about how many steps of [`compute`] take this time.
fn steps_in(time: Duration) -> u64 {
    const TRIED: u64 = 1 << 20;
    let try_them = |_| {
        let start = Instant::now();
        black_box(compute(TRIED));
        start.elapsed()
    };
    // Other work of the machine can only make a try longer, so the shortest try is the most accurate.
    let shortest =
        (0..5).map(try_them).min().unwrap_or(LONG).max(Duration::from_nanos(1));
    (TRIED as f64 * time.as_secs_f64() / shortest.as_secs_f64()) as u64
}

// ANCHOR: thread
fn threads(
    stack: StackSize,
    units: u64, // short ones
    work: Work, // of the hog
    trace: &Recorder,
) -> io::Result<Seen> {
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    let actor = trace.actor("hog");
    let hog = thread().spawn(move || {
        let _span = actor.holds("computes");
        work.hog(&its)
    })?;
    let start: Instant = *began.wait();
    let mut shorts = Vec::new();
    for number in 0..units {
        let actor = trace.one_of("short", number);
        shorts.push(thread().spawn(move || {
            actor.did("ran");
            start.elapsed()
        })?);
    }
    let hog = hog.join().expect("the hog does not panic");
    let starts = shorts.into_iter().map(|unit| unit.join().expect("units do not panic"));
    let starts = starts.collect();
    Ok(Seen { hog, starts, whole: start.elapsed() })
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    units: u64, // short ones
    work: Work, // of the hog
    trace: &Recorder,
) -> io::Result<Seen> {
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    let actor = trace.actor("hog");
    // SAFETY: the hog never yields, which is the point of it, and its frames are small.
    let hog = unsafe {
        runtime.spawn(move || {
            let _span = actor.holds("computes");
            work.hog(&its)
        })
    }?;
    // The main thread waits here on a lock of std. It may, because it is not a worker:
    // only a worker that blocks would keep coroutines from running.
    let start: Instant = *began.wait();
    let mut shorts = Vec::new();
    // ANCHOR: shorts
    for number in 0..units {
        let actor = trace.one_of("short", number);
        // SAFETY: the short unit does not yield, and its frames are small.
        let short = unsafe {
            runtime.spawn(move || {
                actor.did("ran");
                start.elapsed()
            })
        }?;
        shorts.push(short);
    }
    // ANCHOR_END: shorts
    let hog = hog.join()?;
    let starts = shorts.into_iter().map(coroutine::JoinHandle::join);
    let starts = starts.collect::<Result<_, _>>()?;
    Ok(Seen { hog, starts, whole: start.elapsed() })
}
// ANCHOR_END: coroutine

// ANCHOR: task
fn tasks(
    runtime: &tokio::runtime::Runtime,
    units: u64, // short ones
    work: Work, // of the hog
    trace: Recorder,
) -> io::Result<Seen> {
    let hog = trace.actor("hog");
    let began = Arc::new(OnceLock::new());
    let its = Arc::clone(&began);
    let (hand_over, handed_over) = tokio::sync::oneshot::channel();
    // A new thread spawns the short units. The main thread cannot: it may be the
    // runtime's only worker, and then the hog computes on it.
    let outside = runtime.handle().clone();
    std::thread::Builder::new().spawn(move || {
        let start: Instant = *began.wait();
        let mut shorts = Vec::new();
        for number in 0..units {
            let actor = trace.one_of("short", number);
            shorts.push(outside.spawn(async move {
                actor.did("ran");
                start.elapsed()
            }));
        }
        hand_over.send((start, shorts)).expect("the main thread waits for the handles");
    })?;
    runtime.block_on(async {
        let hog = tokio::spawn(async move {
            let _span = hog.holds("computes");
            work.hog(&its)
        });
        let (start, shorts) = handed_over.await.expect("the thread outside sends them");
        let hog = hog.await.expect("the hog does not panic");
        let mut starts = Vec::new();
        for short in shorts {
            starts.push(short.await.expect("units do not panic"));
        }
        Ok(Seen { hog, starts, whole: start.elapsed() })
    })
}
// ANCHOR_END: task

//! `zero_one`: when does a newly spawned unit run? (gopl section 9.8.3, GOMAXPROCS.)
//!
//! One unit loops `n` times: it spawns a unit that writes a 0, and writes a 1 itself. All units write into one
//! line, one digit after the other. An iteration is one line. The result is the line's runs of equal digits. With
//! one worker, which no preemption takes away, all ones are written before all zeros: 2 runs. The more the
//! spawning unit and the spawned units run at the same time, or take turns, the more runs there are, and the
//! shorter they are. `longest`, `median` and `p99` are lengths of runs. If a trace is asked for, it is the line: a span
//! for each run, whose steps are the digits.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::percentile::nearest_rank;
use super::{
    Ask, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload,
    observed, repeat,
};
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;
use crate::probe::trace::{Event, Trace};
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "zero_one",
        n: "n",
        settings: |depth| {
            observed(depth, Setting { times: 3, ..Setting::new("", 10_000) })
        },
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    // A trace holds the runs of so many prints, even if each run is one digit long.
    recorded: Some(|| Setting { workers: Workers::TWO, ..Setting::new("", 400) }),
    ..Workload::new(
        "zero_one",
        "spawn units that write a 0, and write a 1 after each spawn",
        run,
    )
};

const RUNS: Quantity = Quantity::count("runs", "runs");
const MEDIAN: Quantity = Quantity::count("median", "median\nlength");
const P99: Quantity = Quantity::count("p99", "p99");
const LONGEST: Quantity = Quantity::count("longest", "longest");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "A unit spawns units that write a 0, and writes a 1 after each spawn. Shown: the runs of equal digits. \
              With one worker they show when the spawning unit lets go of it, with several how the units interleave.",
    parameters: &[Parameter::WORKERS_COLUMN],
    quantities: &[RUNS, MEDIAN, P99, LONGEST],
    facts: &[],
};

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let prints = ask.setup.n;
    repeat(ask, || {
        let line = Arc::new(Line::new(prints));
        let time = match runtime {
            Runtime::Thread { stack } => threads(*stack, prints, Arc::clone(&line))?,
            Runtime::Coroutine(runtime) => {
                coroutines(runtime, prints, Arc::clone(&line))?
            }
            Runtime::Task(runtime) => {
                on_a_task(runtime, tasks(prints, Arc::clone(&line)))
            }
        };
        let mut runs = line.runs();
        let trace = ask.setup.trace.then(|| line.trace(&runs));
        runs.sort_unstable();
        Ok(Answer { trace, ..Answer::time(time) }
            .quantity(RUNS, runs.len() as f64)
            .quantity(LONGEST, nearest_rank(&runs, 100))
            .quantity(MEDIAN, nearest_rank(&runs, 50))
            .quantity(P99, nearest_rank(&runs, 99)))
    })
}

/// The digits that the units write: a zero and a one for each of the `n` turns.
struct Line {
    digits: Vec<AtomicU8>,
    next: AtomicUsize,
}

impl Line {
    fn new(prints: u64) -> Line {
        Line {
            digits: (0..2 * prints).map(|_| AtomicU8::new(u8::MAX)).collect(),
            next: AtomicUsize::new(0),
        }
    }

    fn write(&self, digit: u8) {
        // Relaxed is enough: the reader has joined all writers.
        let place = self.next.fetch_add(1, Relaxed);
        self.digits[place].store(digit, Relaxed);
    }

    /// Returns the runs, one after the other, as a trace whose steps are the digits.
    fn trace(&self, runs: &[u64]) -> Trace {
        let first_is_one =
            self.digits.first().is_some_and(|digit| digit.load(Relaxed) == 1);
        let mut at = 0;
        Trace::of_steps(runs.iter().enumerate().map(|(number, run)| {
            let actor = if (number % 2 == 0) == first_is_one { "ones" } else { "zeros" };
            let (actor, did) = (actor.to_string(), "are written".to_string());
            let event = Event { actor, did, thread: None, at, until: Some(at + run) };
            at += run;
            event
        }))
    }

    /// Returns the lengths of the runs of equal digits.
    fn runs(&self) -> Vec<u64> {
        let digits: Vec<u8> =
            self.digits.iter().map(|digit| digit.load(Relaxed)).collect();
        digits.chunk_by(|left, right| left == right).map(|run| run.len() as u64).collect()
    }
}

// ANCHOR: thread
fn threads(stack: StackSize, prints: u64, line: Arc<Line>) -> io::Result<Duration> {
    let thread = move || std::thread::Builder::new().stack_size(stack.bytes());
    let ones = thread().spawn(move || {
        let start = Instant::now();
        let mut zeros = Vec::new();
        for _ in 0..prints {
            let its = Arc::clone(&line);
            zeros.push(thread().spawn(move || its.write(0))?);
            line.write(1);
        }
        for zero in zeros {
            zero.join().expect("a unit does not panic");
        }
        Ok(start.elapsed())
    })?;
    ones.join().expect("a unit does not panic")
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    prints: u64, // how many ones, and how many zeros
    line: Arc<Line>,
) -> io::Result<Duration> {
    let ones = move || {
        let start = Instant::now();
        let mut zeros = Vec::new();
        for _ in 0..prints {
            let its = Arc::clone(&line);
            // SAFETY: the coroutine never yields, and its frames are small.
            zeros.push(unsafe { runtime.spawn(move || its.write(0)) }?);
            line.write(1);
        }
        for zero in zeros {
            zero.join()?;
        }
        Ok(start.elapsed())
    };
    // SAFETY: the coroutine yields only in its joins. Across them it holds handles, the
    // line and a point in time, which are `Send`, and nothing of its thread. Its frames
    // are small.
    unsafe { runtime.spawn(ones) }?.join()?
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(prints: u64, line: Arc<Line>) -> Duration {
    let ones = tokio::spawn(async move {
        let start = Instant::now();
        let mut zeros = Vec::new();
        for _ in 0..prints {
            let its = Arc::clone(&line);
            zeros.push(tokio::spawn(async move { its.write(0) }));
            line.write(1);
        }
        for zero in zeros {
            zero.await.expect("a unit does not panic");
        }
        start.elapsed()
    });
    ones.await.expect("a unit does not panic")
}
// ANCHOR_END: task

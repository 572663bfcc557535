//! The workloads: what section 9.8 is measured by, a file for each.
//!
//! In each file the same program stands three times, one under the other: for OS threads, for coroutines (`may`), for
//! tasks (tokio). They are not hidden behind one trait, since they cannot be: what waits in a task is an `async fn`,
//! what waits in a coroutine is a plain function that must be spawned by `unsafe`, and that difference is the lesson.
//! The Go twin of each has the same name in `bench-suite/go/`.
//!
//! A *unit* is one OS thread, coroutine, task or goroutine. Times are read by units, on the runtime, unless a workload
//! says otherwise.

use std::io;

use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Preemption, Setup};
use crate::{StackSize, Workers};

#[allow(unsafe_code, reason = "it spawns coroutines")]
mod blocking;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod compute;
mod default_workers;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod facade;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod hog;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod identity;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod lock_across_yield;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod parked;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod ping_pong;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod pipeline;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod ring;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod skynet;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod spawn;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod stack;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod switch;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod wakeup;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod zero_one;

mod experiment;
pub mod percentile;
mod setting;
mod slot;

pub use crate::probe::quantity::{Fact, Quantity, Unit};
pub use experiment::{Beside, Compared, Experiment, Observations, Parameter, Remark, Shows, Table, Times};
pub use setting::{Depth, Setting, in_places, observed, places, worker_counts};

/// Every workload, in the order in which tables show them.
pub const ALL: &[Workload] = &[
    spawn::WORKLOAD,
    parked::WORKLOAD,
    stack::WORKLOAD,
    switch::WORKLOAD,
    ping_pong::WORKLOAD,
    ring::WORKLOAD,
    pipeline::WORKLOAD,
    compute::WORKLOAD,
    zero_one::WORKLOAD,
    hog::WORKLOAD,
    blocking::WORKLOAD,
    wakeup::WORKLOAD,
    identity::WORKLOAD,
    lock_across_yield::WORKLOAD,
    skynet::WORKLOAD,
    default_workers::WORKLOAD,
    facade::WORKLOAD,
];

/// Something that runtimes are compared by.
///
/// A workload describes itself: its file has its programs, and what is measured of them. The suite measures what is
/// described, and knows no workload by name.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// What it asks of a runtime, in a few words.
    pub what: &'static str,
    /// Its variants; one with an empty name, if there is nothing to vary.
    pub variants: &'static [&'static str],
    /// The largest `n` that can be asked for. A larger one would exhaust the machine before it answered a question.
    pub most: u64,
    /// Whether it measures the memory of a unit as a difference. Stacks that exist before would hide it.
    pub lean: bool,
    /// Whether its units use sockets. A runtime that watches sockets puts its workers to sleep in another way, so it
    /// watches them for these workloads only.
    pub sockets: bool,
    /// The stack of a coroutine in bytes, where a setting does not vary it.
    pub coroutine_stack: usize,
    /// The models that it is measured on.
    pub models: &'static [Model],
    /// What is measured of it.
    pub experiments: &'static [Experiment],
    /// Runs it: see [`run`](Workload::run).
    pub run: Program,
    /// Why it is impossible: see [`cannot`](Workload::cannot).
    pub cannot: fn(&Setup) -> Option<&'static str>,
}

/// What a workload runs.
pub type Program = fn(&Runtime, &Ask<'_>) -> io::Result<Answer>;

/// The largest `n` where that counts units, or what is done with each: ten times what any setting asks for.
const MOST_UNITS: u64 = 10_000_000;

/// What is asked of a workload.
pub struct Ask<'a> {
    /// How many iterations.
    pub iterations: u64,
    /// Of what.
    pub setup: &'a Setup,
}

impl Workload {
    /// A workload of up to [`MOST_UNITS`] units with nothing to vary, possible on every model.
    pub const fn new(name: &'static str, what: &'static str, run: Program) -> Self {
        Workload {
            name,
            what,
            variants: &[""],
            most: MOST_UNITS,
            lean: false,
            sockets: false,
            coroutine_stack: StackSize::MAY_DEFAULT.bytes(),
            models: Model::ALL,
            experiments: &[],
            run,
            cannot: |_| None,
        }
    }

    /// What a child is told to measure: this workload on `model`, in `setting`.
    #[must_use]
    pub fn setup(&self, model: Model, setting: &Setting) -> Setup {
        let default_stack = match model {
            Model::Coroutine => self.coroutine_stack,
            _ => StackSize::STD_DEFAULT.bytes(),
        };
        Setup {
            workload: self.name.to_string(),
            variant: setting.variant.to_string(),
            model,
            workers: if model == Model::Thread { 0 } else { setting.workers.number() },
            stack: setting.stack.unwrap_or(default_stack),
            placement: setting.placement,
            n: setting.n,
            preemption: setting.preemption.unwrap_or_default(),
        }
    }

    /// The models that run it in `setting`. A current-thread runtime has one worker. Only Go preempts its goroutines, so
    /// a setting in which preemption is off is for Go alone.
    pub fn models_in(&self, setting: &Setting) -> impl Iterator<Item = Model> {
        let Setting { workers, preemption, .. } = *setting;
        let takes_part = move |model: &Model| match model {
            Model::Goroutine => true,
            _ if preemption.unwrap_or_default() != Preemption::Default => false,
            Model::TaskCurrentThread => workers == Workers::ONE,
            _ => true,
        };
        self.models.iter().copied().filter(takes_part)
    }

    /// Why this workload is impossible in `setup`, if it is: its model may have no such variant, or nothing to measure
    /// with that number of workers in that placement.
    #[must_use]
    pub fn cannot(&self, setup: &Setup) -> Option<&'static str> {
        (self.cannot)(setup)
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// If something that it needs fails. What it is meant to find out by failing is in the answer instead.
    pub fn run(&self, runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
        (self.run)(runtime, ask)
    }
}

/// For workloads that count and time what happens once: the time is that of all iterations, the figures are the last's.
fn repeat(ask: &Ask<'_>, once: impl Fn() -> io::Result<Answer>) -> io::Result<Answer> {
    let mut all = Answer::default();
    for _ in 0..ask.iterations {
        let answer = once()?;
        all = Answer { nanoseconds: all.nanoseconds + answer.nanoseconds, ..answer };
    }
    Ok(all)
}

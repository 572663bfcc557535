//! The workloads that measure the statements of gopl section 9.8, one file each.
//!
//! Each file contains the same program three times, one below the other: for OS threads, for coroutines (`may`)
//! and for tasks (tokio). One trait cannot hide the three: code that waits in a task is an `async fn`, and code
//! that waits in a coroutine is a plain function that must be spawned with `unsafe`. That difference is the
//! lesson. The Go twin of each file has the same name in `bench-suite/go/`.
//!
//! A *unit* is one OS thread, coroutine, task or goroutine. Units read the times, on the runtime, unless a
//! workload says otherwise.

use std::io;

use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Preemption, Setup};
use crate::probe::trace::Recorder;
use crate::{StackSize, Workers};

mod blocking;
mod compute;
mod default_workers;
mod facade;
mod hog;
mod identity;
mod lock_across_yield;
mod parked;
mod ping_pong;
mod pipeline;
mod ring;
mod skynet;
mod spawn;
mod stack;
mod switch;
mod wakeup;
mod zero_one;

mod experiment;
pub mod percentile;
mod setting;
mod slot;

pub use crate::probe::quantity::{Better, Fact, Quantity, Unit};
pub use experiment::{
    Beside, Compared, Experiment, Observations, Parameter, Remark, Shows, Table, Times,
};
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

/// A program that compares runtimes, and what is measured of it.
///
/// A workload describes itself: its file contains its programs and its experiments. The suite measures whatever a
/// workload describes, and knows none by name.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name, which is also the name of its file.
    pub name: &'static str,
    /// What it makes a runtime do, in a few words.
    pub what: &'static str,
    /// Its variants; a single one with an empty name if nothing varies.
    pub variants: &'static [&'static str],
    /// The largest `n` that a setup may ask for. A larger one would exhaust the machine before it gave an answer.
    pub most: u64,
    /// Whether it measures a unit's memory as a difference of two readings. Then the runtime starts without
    /// ready-made stacks, which would hide that memory.
    pub lean: bool,
    /// Whether its units use sockets. A runtime that watches sockets puts its workers to sleep in another way, so
    /// it watches sockets for these workloads only.
    pub sockets: bool,
    /// The size of a coroutine's stack in bytes, for settings that do not vary it.
    pub coroutine_stack: usize,
    /// The models that it is measured on.
    pub models: &'static [Model],
    /// Its experiments: what is measured of it, and in which settings.
    pub experiments: &'static [Experiment],
    /// The setting in which `cargo lab trace` shows what its units do; `None` if it records no trace.
    pub recorded: Option<fn() -> Setting>,
    /// The function that runs it: see [`run`](Workload::run).
    pub run: Program,
    /// The function that says why a setup is impossible: see [`cannot`](Workload::cannot).
    pub cannot: fn(&Setup) -> Option<&'static str>,
}

/// The function that runs a workload and returns what it measured.
pub type Program = fn(&Runtime, &Ask<'_>) -> io::Result<Answer>;

/// The largest `n` of workloads in which `n` counts units, or what each unit does: ten times as many as any
/// setting asks for.
const MOST_UNITS: u64 = 10_000_000;

/// A request to run a workload.
pub struct Ask<'a> {
    /// How many iterations to run.
    pub iterations: u64,
    /// The variant, the size and the other settings to run it with.
    pub setup: &'a Setup,
    /// Where the units record what they do. It is off unless the setup asks for a trace.
    pub trace: &'a Recorder,
}

impl Workload {
    /// Creates a workload of up to ten million units that has one variant, possible on every model, and no
    /// experiments yet.
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
            recorded: None,
            run,
            cannot: |_| None,
        }
    }

    /// Returns the setup that tells a child to measure this workload on `model`, in `setting`.
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
            trace: false,
        }
    }

    /// Lists the models that run it in `setting`. A current-thread runtime takes part only in settings with one
    /// worker. Only Go preempts its goroutines, so a setting with preemption switched off is for Go alone.
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

    /// Returns why this workload is impossible in `setup`, or `None` if it is possible. For example, a model may
    /// lack the variant, or there may be nothing to measure with that number of workers in that placement.
    #[must_use]
    pub fn cannot(&self, setup: &Setup) -> Option<&'static str> {
        (self.cannot)(setup)
    }

    /// Runs the workload on `runtime`.
    ///
    /// # Errors
    ///
    /// If something that it needs fails. A failure that it is meant to provoke, such as a limit, is reported in
    /// the answer instead ([`Answer::failure`]).
    pub fn run(&self, runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
        (self.run)(runtime, ask)
    }
}

/// Runs `once` for each iteration. The time of the answer is the sum of all iterations; its other results are
/// those of the last one.
fn repeat(ask: &Ask<'_>, once: impl Fn() -> io::Result<Answer>) -> io::Result<Answer> {
    let mut all = Answer::default();
    for _ in 0..ask.iterations {
        let answer = once()?;
        all = Answer { nanoseconds: all.nanoseconds + answer.nanoseconds, ..answer };
    }
    Ok(all)
}

//! The experiments of the runtimes: what [`green_threads::workload`] and [`crate::workload`] do, measured
//! in children.
//!
//! `plan.rs` says in which settings, `timed.rs` measures what is time, in rounds like those of the memos, and
//! `observed.rs` the rest.

mod observed;
mod plan;
mod timed;

use std::rc::Rc;

use green_threads::probe::protocol::Model;
use green_threads::{StackSize, Workers};

use super::Experiment;
use crate::pages;
use crate::probe::Programs;
use crate::store::Depth;
use crate::workload::{self, Workload};

pub use observed::Observations;

/// The workloads whose result is time.
const TIMED: &[&str] = &[
    "spawn",
    "switch",
    "ping_pong",
    "ring",
    "pipeline",
    "compute",
    "wakeup",
    "skynet",
    "runtime_hit",
    "monitor_round_trip",
];

/// The observation for which children are traced.
const SYSTEM_CALLS: &str = "system_calls";

/// What is observed, and of which workload: its own, or that of a timed one that also has something to observe.
const OBSERVED: &[(&str, &str)] = &[
    (SYSTEM_CALLS, "spawn"),
    ("parked", "parked"),
    ("stack", "stack"),
    ("pipeline_most", "pipeline"),
    ("zero_one", "zero_one"),
    ("hog", "hog"),
    ("blocking", "blocking"),
    ("identity", "identity"),
    ("lock_across_yield", "lock_across_yield"),
    ("default_workers", "default_workers"),
    ("facade", "facade"),
    ("memo_fill", "memo_fill"),
    ("runtime_herd", "runtime_herd"),
    ("runtime_http", "runtime_http"),
];

/// Every timed experiment of the runtimes, at this depth, in the order in which they run.
#[must_use]
pub fn timed(depth: Depth, programs: &Rc<Programs>) -> Vec<Box<dyn Experiment>> {
    let one =
        |name: &&'static str| -> Box<dyn Experiment> { Box::new(timed::Timed::new(name, depth, Rc::clone(programs))) };
    TIMED.iter().map(one).collect()
}

/// Everything to observe, at this depth, in the order in which it runs.
#[must_use]
pub fn observations(depth: Depth) -> Vec<Observations> {
    OBSERVED.iter().map(|(name, workload)| Observations::new(name, workload, depth)).collect()
}

/// The stack of a unit, or of tokio's workers, in bytes, where a setting does not vary it: what each takes when nobody
/// says. But an HTTP client is too much for the stack that coroutines have by default.
fn default_stack(model: Model, workload: &str) -> usize {
    match (model, workload) {
        (Model::Coroutine, "runtime_http") => pages::coroutine::STACK_BYTES,
        (Model::Coroutine, _) => StackSize::MAY_DEFAULT.bytes(),
        _ => StackSize::STD_DEFAULT.bytes(),
    }
}

/// The workers of `model` where a setting has `workers`: OS threads have none, whatever it says.
fn workers_of(model: Model, workers: Workers) -> usize {
    match model {
        Model::Thread => 0,
        _ => workers.number(),
    }
}

/// The models that `workload` is run on, with so many workers.
fn models(workload: &str, workers: Workers) -> impl Iterator<Item = Model> {
    let with_twin = !workload::MEMOS.iter().any(|known| known.name == workload);
    let one_thread = workload == "memo_fill";
    let is = move |model: &Model| match model {
        Model::Thread => true,
        _ if one_thread => false,
        Model::TaskCurrentThread => workers == Workers::ONE,
        Model::Goroutine => with_twin,
        _ => true,
    };
    Model::ALL.iter().copied().filter(is)
}

/// The workload of this name.
fn workload(name: &str) -> &'static Workload {
    workload::all().find(|known| known.name == name).expect("every experiment here has a workload")
}

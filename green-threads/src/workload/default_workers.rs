//! `default_workers`: how many workers a runtime starts if no number is set (gopl section 9.8.3, `GOMAXPROCS`).
//!
//! A probe always sets the number of workers of its runtime. So this workload asks for the default in another way:
//! `may` was asked before the number was set, and tokio can start a second runtime.

use std::io;
use std::time::Instant;

use super::{Ask, Experiment, Observations, Quantity, Setting, Shows, Table, Workload};
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Setup};

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "default_workers",
        n: "n",
        settings: |_| vec![Setting::new("", 1)],
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    cannot,
    ..Workload::new(
        "default_workers",
        "start a runtime with its default number of workers",
        run,
    )
};

const DEFAULT_WORKERS: Quantity = Quantity::count("default_workers", "workers");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "The number of workers that a runtime takes by default on this machine (GOMAXPROCS in gopl).",
    parameters: &[],
    quantities: &[DEFAULT_WORKERS],
    facts: &[],
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    match setup.model {
        Model::Thread => Some("OS threads have no workers: the kernel schedules them"),
        Model::TaskCurrentThread => {
            Some("a current-thread runtime has one worker on every machine")
        }
        _ => None,
    }
}

fn run(runtime: &Runtime, _: &Ask<'_>) -> io::Result<Answer> {
    let start = Instant::now();
    let workers = match runtime {
        Runtime::Thread { .. } => 0,
        Runtime::Coroutine(runtime) => coroutines(runtime),
        Runtime::Task(_) => tasks()?,
    };
    Ok(Answer::time(start.elapsed()).quantity(DEFAULT_WORKERS, workers as f64))
}

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime) -> usize {
    runtime.default_workers()
}
// ANCHOR_END: coroutine

// ANCHOR: task
fn tasks() -> io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    Ok(runtime.metrics().num_workers())
}
// ANCHOR_END: task

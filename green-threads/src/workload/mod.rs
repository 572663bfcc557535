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
use crate::probe::protocol::{Answer, Setup};

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

pub mod percentile;
mod slot;

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
pub struct Workload {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// What it asks of a runtime, in a few words.
    pub what: &'static str,
    /// Its variants; one with an empty name, if there is nothing to vary.
    pub variants: &'static [&'static str],
    /// The largest `n` that can be asked for: beyond it the machine would be at its end before the question.
    pub most: u64,
    /// Whether it reads off what a unit takes, as a difference: stacks that are there before would hide it.
    pub lean: bool,
    /// Whether its units use sockets. A runtime that watches sockets puts its workers to rest in another way, so it
    /// does that for these only.
    pub sockets: bool,
    /// Runs it: see [`run`](Workload::run).
    pub run: fn(&Runtime, &Ask<'_>) -> io::Result<Answer>,
    /// Why it cannot be: see [`cannot`](Workload::cannot).
    pub cannot: fn(&Setup) -> Option<&'static str>,
}

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
    /// Why this workload cannot be in `setup`, if it cannot: its model may have no such variant, or nothing to measure
    /// with so many workers, so placed.
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

/// For workloads that can be on everything.
fn can(_: &Setup) -> Option<&'static str> {
    None
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

//! `facade`: what our façade over `may` costs, compared with `may` itself.
//!
//! The façade and `may` do the same work in one process, in turns. Two processes would lay out their memory
//! differently, and their times would differ by ten percent for that reason alone, far more than the difference
//! that this workload looks for. Each pair of turns gives a ratio. An iteration is [`PAIRS`] pairs, and `overhead`
//! is the median of their ratios. `spawn`: a turn spawns `n` coroutines and joins them. `yield`: a turn yields `n`
//! times.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Unit, Workload, repeat,
};
use crate::coroutine;
use crate::probe::Runtime;
use crate::probe::protocol::{Answer, Model, Setup};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["spawn", "yield"],
    experiments: &[Experiment {
        name: "facade",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    cannot,
    ..Workload::new(
        "facade",
        "spawn and yield through our façade over may, and through may itself",
        run,
    )
};

const OVERHEAD: Quantity = Quantity::new("overhead", Unit::Ratio, "façade\nover may");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "The same work through our façade over may and by may itself, in turns in one process. Shown: the \
              façade's time divided by may's.",
    parameters: &[
        Parameter::new("variant", "what"),
        Parameter::new("n", "in a turn"),
        Parameter::WORKERS_COLUMN,
    ],
    quantities: &[OVERHEAD],
    facts: &[],
};

fn settings(_: Depth) -> Vec<Setting> {
    let (spawn, one_by_one, yields) = (
        Setting::new("spawn", 1000),
        Setting::new("spawn", 1),
        Setting::new("yield", 10_000),
    );
    vec![
        spawn,
        one_by_one,
        spawn.on_every_core(),
        one_by_one.on_every_core(),
        yields,
        yields.on_every_core(),
    ]
}

const PAIRS: usize = 301;

fn cannot(setup: &Setup) -> Option<&'static str> {
    (setup.model != Model::Coroutine).then_some("only coroutines have a façade here")
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let Runtime::Coroutine(runtime) = runtime else {
        return Err(io::Error::other("only coroutines have a façade here"));
    };
    let (runtime, n, spawns) = (*runtime, ask.setup.n, ask.setup.variant == "spawn");
    repeat(ask, || {
        let turns = move || {
            let (mut total, mut ratios) = (Duration::ZERO, Vec::new());
            for pair in 0..PAIRS {
                // The two take turns at going first, so that neither always finds the memory and caches that the
                // other left.
                let (through, raw) = match (spawns, pair % 2 == 0) {
                    (true, true) => (through_facade(runtime, n)?, raw(n)?),
                    (true, false) => swapped(raw(n)?, through_facade(runtime, n)?),
                    (false, true) => (yields_through_facade(n), raw_yields(n)),
                    (false, false) => swapped(raw_yields(n), yields_through_facade(n)),
                };
                total += through;
                ratios.push(through.as_secs_f64() / raw.as_secs_f64());
            }
            ratios.sort_by(f64::total_cmp);
            Ok(Answer::time(total).quantity(OVERHEAD, ratios[PAIRS / 2]))
        };
        // SAFETY: across its joins and yields the coroutine holds times and numbers, and nothing of its thread.
        // Its frames are small.
        unsafe { runtime.spawn(turns) }?.join()?
    })
}

fn swapped<T>(first: T, second: T) -> (T, T) {
    (second, first)
}

fn through_facade(runtime: &'static coroutine::Runtime, n: u64) -> io::Result<Duration> {
    let start = Instant::now();
    let mut handles = Vec::with_capacity(n as usize);
    for _ in 0..n {
        // SAFETY: the coroutine does nothing.
        handles.push(unsafe { runtime.spawn(|| ()) }?);
    }
    for handle in handles {
        handle.join().expect("a coroutine that does nothing does not panic");
    }
    Ok(start.elapsed())
}

fn raw(n: u64) -> io::Result<Duration> {
    let start = Instant::now();
    let mut handles = Vec::with_capacity(n as usize);
    for _ in 0..n {
        // SAFETY: the coroutine does nothing.
        handles.push(unsafe { may::coroutine::Builder::new().spawn(|| ()) }?);
    }
    for handle in handles {
        handle.join().expect("a coroutine that does nothing does not panic");
    }
    Ok(start.elapsed())
}

fn yields_through_facade(n: u64) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|_| coroutine::yield_now());
    start.elapsed()
}

fn raw_yields(n: u64) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|_| may::coroutine::yield_now());
    start.elapsed()
}

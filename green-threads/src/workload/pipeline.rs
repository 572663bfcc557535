//! `pipeline`: a chain of units, the stages, each of which passes on the values that it receives (gopl exercise
//! 9.4: how long can the pipeline be, and how long does a value take to cross it?).
//!
//! - `cross`: a pipeline of `n` stages, built beforehand. An iteration is one value. It is sent in at one end and
//!   received at the other before the next value is sent. One unit does both and reads the clock.
//! - `most`: builds stages until there are `n`, or no more can be created, or memory runs short. Then three values
//!   cross, and the fastest counts. Each request builds one pipeline, whatever its number of iterations.
//!
//! In both variants one more value crosses first, and is not counted. It meets stages that have not begun to run,
//! and takes many times as long.
//!
//! A pipeline is built from its far end. We keep our own copy of the sender that the next stage gets until that
//! stage exists. So if its spawn fails, the pipeline built so far is still complete.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use tokio::sync::mpsc as tokio_mpsc;

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Times, Workload, in_places,
};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::protocol::Answer;
use crate::probe::{memory, on_a_task, progress};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["cross", "most"],
    experiments: &[
        Experiment {
            name: "pipeline",
            n: "stages",
            settings,
            shows: Shows::Times(TIMES),
        },
        Experiment {
            name: "pipeline_most",
            n: "n",
            settings: |_| vec![Setting::new("most", 1_000_000).on_every_core()],
            shows: Shows::Observations(Observations::new(&[MOST])),
        },
    ],
    ..Workload::new("pipeline", "send a value through a chain of units", run)
};

const STAGES: Quantity = Quantity::count("stages", "stages").more().reported();
const CROSS: Quantity = Quantity::time("cross", "one\ncrossing");

const TIMES: Times = Times {
    caption: "A value goes through a chain of units that have all begun. Shown: time of one crossing, and the ratio to \
              the fastest (gopl exercise 9.4).",
    columns: &[Parameter::new("stages", "{} stage{s}"), Parameter::WORKERS],
    headline: &[&[("stages", "100")]],
    ..Times::OF_MODELS
};

const MOST: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "The longest chain of units that can be built, up to a million stages. Shown: its length, and the time of \
              one value through it (gopl exercise 9.4). A process that crashed had at least as many stages as it reported \
              last.",
    parameters: &[Parameter::WORKERS_COLUMN],
    quantities: &[STAGES, CROSS],
    facts: &[],
};

fn settings(depth: Depth) -> Vec<Setting> {
    match depth {
        Depth::Full => {
            in_places(depth, &[("cross", 100), ("cross", 1000), ("cross", 10_000)])
        }
        Depth::Quick | Depth::Trial => in_places(depth, &[("cross", 100)]),
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let most = ask.setup.variant == "most";
    let plan =
        Plan { stages: ask.setup.n, most, values: if most { 3 } else { ask.iterations } };
    let (stages, crossings, failure) = match runtime {
        Runtime::Thread { stack } => threads(*stack, plan)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, plan)?,
        Runtime::Task(runtime) => on_a_task(runtime, tasks(plan)),
    };
    match failure {
        Some(error) if !most => return Err(error),
        _ => {}
    }
    let mut answer = Answer::time(crossings.all);
    if most {
        answer = answer
            .quantity(STAGES, stages as f64)
            .quantity(CROSS, crossings.fastest.as_nanos() as f64);
        answer.failure = failure.map(|error| error.to_string());
    }
    Ok(answer)
}

#[derive(Clone, Copy)]
struct Plan {
    stages: u64,
    /// Whether to build as many stages as possible, up to `stages`.
    most: bool,
    /// How many values are counted.
    values: u64,
}

impl Plan {
    /// If as many stages as possible are wanted, reports their number and checks at every 1024th stage that the
    /// machine has memory for more.
    fn room_beside(&self, stages: usize) -> io::Result<()> {
        if self.most && stages > 0 && stages.is_multiple_of(1024) {
            progress(stages as u64);
            memory::room_for_others()?;
        }
        Ok(())
    }
}

/// The times of the values that crossed. The first value meets stages that have not begun to run, and is not
/// counted.
#[derive(Default)]
struct Crossings {
    /// How many values have crossed, the first included.
    values: u64,
    /// The time of all counted values together.
    all: Duration,
    /// The time of the fastest counted value.
    fastest: Duration,
}

impl Crossings {
    fn add(&mut self, time: Duration) {
        match self.values {
            0 => {}
            1 => (self.all, self.fastest) = (time, time),
            _ => (self.all, self.fastest) = (self.all + time, self.fastest.min(time)),
        }
        self.values += 1;
    }
}

/// How many stages were built, the times of the values, and the error that stopped the building, if any.
type Crossed = (u64, Crossings, Option<io::Error>);

// ANCHOR: thread
fn threads(stack: StackSize, plan: Plan) -> io::Result<Crossed> {
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let (mut first, last) = bounded::<()>(1);
    let (hand_over, built) = bounded(1);
    // This unit is spawned before the stages: once no more stages can be spawned, this
    // unit could not be spawned either.
    let crossing = thread().spawn(move || {
        let mut crossings = Crossings::default();
        let built: Result<crossbeam::channel::Sender<()>, _> = built.recv();
        let first = built.expect("a pipeline is handed over");
        for _ in 0..=plan.values {
            let start = Instant::now();
            first.send(()).expect("the first stage waits for a value");
            last.recv().expect("the stages pass the value on");
            crossings.add(start.elapsed());
        }
        crossings
        // Here `first` is dropped. That ends the first stage, which ends the second, and
        // so on.
    })?;
    let mut stages = Vec::new();
    let mut failure = None;
    while failure.is_none() && (stages.len() as u64) < plan.stages {
        let next = first.clone();
        let (to_me, received) = bounded(1);
        let stage = move || {
            while received.recv().is_ok() {
                next.send(()).expect("the next stage waits for a value");
            }
        };
        match plan.room_beside(stages.len()).and_then(|()| thread().spawn(stage)) {
            Ok(stage) => {
                stages.push(stage);
                first = to_me;
            }
            Err(error) => failure = Some(error),
        }
    }
    hand_over.send(first).expect("the crossing unit waits for the pipeline");
    let crossings = crossing.join().expect("the crossing unit does not panic");
    let built = stages.len() as u64;
    for stage in stages {
        stage.join().expect("a stage does not panic");
    }
    Ok((built, crossings, failure))
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime, plan: Plan) -> io::Result<Crossed> {
    let (mut first, last) = mpsc::channel::<()>();
    let (hand_over, built) = mpsc::channel();
    // SAFETY: across its yields the coroutine holds channels, which are `Send`, and
    // times, and nothing of its thread. Its frames are small.
    let crossing = unsafe {
        runtime.spawn(move || {
            let mut crossings = Crossings::default();
            let built: Result<mpsc::Sender<()>, _> = built.recv();
            let first = built.expect("a pipeline is handed over");
            // ANCHOR: crossing
            for _ in 0..=plan.values {
                let start = Instant::now();
                first.send(()).expect("the first stage waits for a value");
                last.recv().expect("the stages pass the value on");
                crossings.add(start.elapsed());
            }
            // ANCHOR_END: crossing
            crossings
        })
    }?;
    let mut stages = Vec::new();
    let mut failure = None;
    while failure.is_none() && (stages.len() as u64) < plan.stages {
        let next = first.clone();
        // ANCHOR: stage
        let (to_me, received) = mpsc::channel();
        let stage = move || {
            while received.recv().is_ok() {
                next.send(()).expect("the next stage waits for a value");
            }
        };
        // ANCHOR_END: stage
        let room = plan.room_beside(stages.len());
        // SAFETY: across its yields a stage holds two ends of channels, which are `Send`,
        // and nothing of its thread. Its frames are small.
        match room.and_then(|()| unsafe { runtime.spawn(stage) }) {
            Ok(stage) => {
                stages.push(stage);
                first = to_me;
            }
            Err(error) => failure = Some(error),
        }
    }
    hand_over.send(first).expect("the crossing unit waits for the pipeline");
    let crossings = crossing.join()?;
    let built = stages.len() as u64;
    for stage in stages {
        stage.join()?;
    }
    Ok((built, crossings, failure))
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(plan: Plan) -> Crossed {
    let (mut first, mut last) = tokio_mpsc::channel::<()>(1);
    let (hand_over, built) = tokio::sync::oneshot::channel();
    let crossing = tokio::spawn(async move {
        let mut crossings = Crossings::default();
        let built: Result<tokio_mpsc::Sender<()>, _> = built.await;
        let first = built.expect("a pipeline is handed over");
        for _ in 0..=plan.values {
            let start = Instant::now();
            first.send(()).await.expect("the first stage waits for a value");
            last.recv().await.expect("the stages pass the value on");
            crossings.add(start.elapsed());
        }
        crossings
    });
    let mut stages = Vec::new();
    let mut failure = None;
    while failure.is_none() && (stages.len() as u64) < plan.stages {
        let next = first.clone();
        let (to_me, mut received) = tokio_mpsc::channel(1);
        let stage = async move {
            while received.recv().await.is_some() {
                next.send(()).await.expect("the next stage waits for a value");
            }
        };
        match plan.room_beside(stages.len()) {
            Ok(()) => {
                stages.push(tokio::spawn(stage));
                first = to_me;
            }
            Err(error) => failure = Some(error),
        }
    }
    hand_over.send(first).expect("the crossing unit waits for the pipeline");
    let crossings = crossing.await.expect("the crossing unit does not panic");
    let built = stages.len() as u64;
    for stage in stages {
        stage.await.expect("a stage does not panic");
    }
    (built, crossings, failure)
}
// ANCHOR_END: task

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_not_counted() {
        let mut crossings = Crossings::default();
        for milliseconds in [90, 3, 2, 4] {
            crossings.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(
            (crossings.all, crossings.fastest),
            (Duration::from_millis(9), Duration::from_millis(2))
        );
    }
}

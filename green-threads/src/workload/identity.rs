//! `identity`: on which OS thread does a unit run, and where can it keep its own data? (gopl section 9.8.4: why
//! goroutines have no identity.)
//!
//! 16 units yield `n` times each. Each keeps its number in three places: in a thread-local, in its model's own
//! kind of local (`coroutine_local!`, `task_local!`; for a thread, the thread-local), and in an argument. They
//! begin to yield together, when all have written their numbers. After each yield a unit reads the three places.
//! `..._right` counts the units that always found their own number there. `threads_seen` is the largest number of
//! OS threads that one unit ran on, and `moved` counts the units that ran on more than one.
//!
//! An iteration is all of this, timed by the main thread.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::io;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use super::{
    Ask, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload,
    observed, repeat,
};
use crate::coroutine::{self, coroutine_local};
use crate::probe::protocol::Answer;
use crate::probe::threads::this as this_thread;
use crate::probe::trace::{Actor, Recorder};
use crate::probe::{Runtime, on_a_task};
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "identity",
        n: "n",
        settings: |depth| observed(depth, Setting { times: 3, ..Setting::new("", 100) }),
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    recorded: Some(|| Setting { workers: Workers::TWO, ..Setting::new("", 20) }),
    ..Workload::new("identity", "yield, and look for what the unit has stored", run)
};

const MOVED: Quantity = Quantity::count("moved", "moved");
const THREADS_SEEN: Quantity = Quantity::count("threads_seen", "threads\nseen");
const THREAD_LOCAL_RIGHT: Quantity =
    Quantity::count("thread_local_right", "in a\nthread_local").more();
const OWN_LOCAL_RIGHT: Quantity =
    Quantity::count("own_local_right", "in the\nruntime's local").more();
const ARGUMENT_RIGHT: Quantity =
    Quantity::count("argument_right", "in an\nargument").more();

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "16 units that yield 100 times each. Shown: how many ran on more than one OS thread, on how many threads \
              one unit ran at most, and how many of the 16 always found their own number where they had put it.",
    parameters: &[Parameter::WORKERS_COLUMN],
    quantities: &[
        MOVED,
        THREADS_SEEN,
        THREAD_LOCAL_RIGHT,
        OWN_LOCAL_RIGHT,
        ARGUMENT_RIGHT,
    ],
    facts: &[],
};

const UNITS: usize = 16;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let yields = ask.setup.n;
    repeat(ask, || {
        let start = Instant::now();
        let units = match runtime {
            Runtime::Thread { stack } => threads(*stack, yields, ask.trace)?,
            Runtime::Coroutine(runtime) => coroutines(runtime, yields, ask.trace)?,
            Runtime::Task(runtime) => {
                on_a_task(runtime, tasks(yields, ask.trace.clone()))
            }
        };
        let time = start.elapsed();
        let count =
            |is: fn(&Unit) -> bool| units.iter().filter(|unit| is(unit)).count() as f64;
        Ok(Answer::time(time)
            .quantity(
                THREADS_SEEN,
                units.iter().map(|unit| unit.ran_on.len()).max().unwrap_or(0) as f64,
            )
            .quantity(MOVED, count(|unit| unit.ran_on.len() > 1))
            .quantity(THREAD_LOCAL_RIGHT, count(|unit| unit.thread_local_right))
            .quantity(OWN_LOCAL_RIGHT, count(|unit| unit.own_local_right))
            .quantity(ARGUMENT_RIGHT, count(|unit| unit.argument_right)))
    })
}

/// What one unit has seen so far.
struct Unit {
    number: usize,
    actor: Actor,
    ran_on: BTreeSet<u32>,
    thread_local_right: bool,
    own_local_right: bool,
    argument_right: bool,
}

impl Unit {
    fn new(number: usize, actor: Actor) -> Unit {
        let ran_on = BTreeSet::from([this_thread()]);
        Unit {
            number,
            actor,
            ran_on,
            thread_local_right: true,
            own_local_right: true,
            argument_right: true,
        }
    }

    /// Notes the OS thread on which the unit runs now, and whether each of the three places holds its number. Records
    /// the first of them: `right` or `wrong` is what the thread-local says.
    fn look(&mut self, thread_local: usize, own_local: usize, argument: usize) {
        self.ran_on.insert(this_thread());
        let is_right = thread_local == self.number;
        self.actor.did(if is_right { "right" } else { "wrong" });
        self.thread_local_right &= is_right;
        self.own_local_right &= own_local == self.number;
        self.argument_right &= argument == self.number;
    }
}

thread_local! {
    static THREAD_LOCAL: Cell<usize> = const { Cell::new(usize::MAX) };
}
coroutine_local!(static COROUTINE_LOCAL: Cell<usize> = Cell::new(usize::MAX));
tokio::task_local! {
    static TASK_LOCAL: usize;
}

// These four functions are never inlined. In a function that yields, the compiler might compute the address of the
// thread-local once, before the yield, and use it again after the yield, when the coroutine runs on another
// thread.

#[inline(never)]
fn write_thread_local(number: usize) {
    THREAD_LOCAL.set(number);
}

#[inline(never)]
fn read_thread_local() -> usize {
    THREAD_LOCAL.get()
}

#[inline(never)]
fn write_coroutine_local(number: usize) {
    COROUTINE_LOCAL.with(|local| local.set(number));
}

#[inline(never)]
fn read_coroutine_local() -> usize {
    COROUTINE_LOCAL.with(Cell::get)
}

// ANCHOR: thread
fn threads(
    stack: StackSize,
    yields: u64, // of each unit
    trace: &Recorder,
) -> io::Result<Vec<Unit>> {
    let together = Arc::new(Barrier::new(UNITS));
    let mut handles = Vec::new();
    for number in 0..UNITS {
        let together = Arc::clone(&together);
        let actor = trace.one_of("unit", number as u64);
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(
            move || {
                write_thread_local(number);
                let mut unit = Unit::new(number, actor);
                together.wait();
                for _ in 0..yields {
                    std::thread::yield_now();
                    unit.look(
                        read_thread_local(),
                        read_thread_local(),
                        black_box(number),
                    );
                }
                unit
            },
        )?);
    }
    let units = handles.into_iter().map(|unit| unit.join().expect("units do not panic"));
    Ok(units.collect())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    yields: u64, // of each unit
    trace: &Recorder,
) -> io::Result<Vec<Unit>> {
    let together = Arc::new(may::sync::Barrier::new(UNITS));
    let mut handles = Vec::new();
    for number in 0..UNITS {
        let together = Arc::clone(&together);
        let actor = trace.one_of("unit", number as u64);
        // SAFETY: the coroutine reads and writes a thread-local, but only in functions
        // that do not yield, are not inlined, and copy the number. So it never holds a
        // reference into a thread-local. Only numbers, a set of numbers, the barrier and
        // its actor in the trace live across its yields, all `Send`. Its frames are
        // small.
        // ANCHOR: coroutine_unit
        let handle = unsafe {
            runtime.spawn(move || {
                write_thread_local(number);
                write_coroutine_local(number);
                let mut unit = Unit::new(number, actor);
                together.wait();
                for _ in 0..yields {
                    coroutine::yield_now();
                    let thread_local = read_thread_local();
                    let own_local = read_coroutine_local();
                    unit.look(thread_local, own_local, black_box(number));
                }
                unit
            })
        }?;
        // ANCHOR_END: coroutine_unit
        handles.push(handle);
    }
    Ok(handles.into_iter().map(coroutine::JoinHandle::join).collect::<Result<_, _>>()?)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(yields: u64, trace: Recorder) -> Vec<Unit> {
    let together = Arc::new(tokio::sync::Barrier::new(UNITS));
    let mut handles = Vec::new();
    for number in 0..UNITS {
        let together = Arc::clone(&together);
        let actor = trace.one_of("unit", number as u64);
        // ANCHOR: task_unit
        handles.push(tokio::spawn(TASK_LOCAL.scope(number, async move {
            write_thread_local(number);
            let mut unit = Unit::new(number, actor);
            together.wait().await;
            for _ in 0..yields {
                tokio::task::yield_now().await;
                unit.look(read_thread_local(), TASK_LOCAL.get(), black_box(number));
            }
            unit
        })));
        // ANCHOR_END: task_unit
    }
    let mut units = Vec::new();
    for handle in handles {
        units.push(handle.await.expect("units do not panic"));
    }
    units
}
// ANCHOR_END: task

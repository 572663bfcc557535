//! `blocking`: `n` units, each of which makes one call that takes 50 ms (gopl section 9.8.3: what else holds a
//! thread?).
//!
//! - `sleep`: the runtime's own sleep. The unit waits, and its worker runs other units.
//! - `syscall`: a system call that blocks; the OS thread's sleep is used as an example of all such calls. The
//!   kernel stops the OS thread, and the worker with it, so with one worker the calls run one after the other. Go
//!   starts another thread that takes over the worker's work.
//! - `offload`: the remedy. A separate OS thread makes the same call, while the unit waits.
//!
//! An iteration is all units together, timed by the main thread. `total` is that time. The quantities
//! `threads_...` are the number of OS threads in the process: before, at most (each unit counts them just before
//! its call), and after.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Workload, repeat,
};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::trace::{Actor, Recorder, Span};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["sleep", "syscall", "offload"],
    experiments: &[Experiment {
        name: "blocking",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    recorded: Some(|| Setting::new("syscall", 8)),
    cannot,
    ..Workload::new("blocking", "make calls that block", run)
};

const TOTAL: Quantity = Quantity::time("total", "all done\nafter");
const THREADS_BEFORE: Quantity = Quantity::count("threads_before", "threads\nbefore");
const THREADS_MOST: Quantity = Quantity::count("threads_most", "most\nthreads").less();
const THREADS_AFTER: Quantity = Quantity::count("threads_after", "threads\nafter");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "64 units that each wait 50 ms: by the runtime's own sleep, by a system call that blocks the thread, or \
              by a system call on another thread (offload).",
    parameters: &[Parameter::new("variant", "wait"), Parameter::WORKERS_COLUMN],
    quantities: &[TOTAL, THREADS_BEFORE, THREADS_MOST, THREADS_AFTER],
    facts: &[],
};

fn settings(depth: Depth) -> Vec<Setting> {
    let waits = ["sleep", "syscall", "offload"].map(|variant| Setting::new(variant, 64));
    match depth {
        Depth::Full => {
            waits.iter().flat_map(|wait| [*wait, wait.on_every_core()]).collect()
        }
        Depth::Quick | Depth::Trial => waits.into(),
    }
}

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("offload", Model::Thread | Model::Goroutine) => {
            Some("it makes its system calls itself")
        }
        _ => None,
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let units = ask.setup.n;
    let call = match &*ask.setup.variant {
        "sleep" => Call::Sleep,
        "syscall" => Call::Syscall,
        _ => Call::Offload,
    };
    repeat(ask, || {
        let before = count_threads()?;
        let start = Instant::now();
        let seen = match runtime {
            Runtime::Thread { stack } => threads(*stack, units, call, ask.trace)?,
            Runtime::Coroutine(runtime) => coroutines(runtime, units, call, ask.trace)?,
            Runtime::Task(runtime) => {
                on_a_task(runtime, tasks(units, call, ask.trace.clone()))?
            }
        };
        let total = start.elapsed();
        let after = count_threads()?;
        Ok(Answer::time(total)
            .quantity(TOTAL, total.as_nanos() as f64)
            .quantity(THREADS_BEFORE, before as f64)
            .quantity(THREADS_MOST, seen.max(after) as f64)
            .quantity(THREADS_AFTER, after as f64))
    })
}

#[derive(Clone, Copy)]
enum Call {
    Sleep,
    Syscall,
    Offload,
}

const LONG: Duration = Duration::from_millis(50);

/// Blocks the OS thread, like a system call that waits for a disk or for another process.
fn block() {
    std::thread::sleep(LONG);
}

impl Call {
    /// Records the call of a unit that has a worker: it keeps its worker only if it blocks the OS thread.
    fn record(self, unit: &Actor) -> Span {
        match self {
            Call::Syscall => unit.holds("blocks"),
            Call::Sleep | Call::Offload => unit.waits("waits"),
        }
    }
}

/// Counts the OS threads of this process.
fn count_threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

// ANCHOR: thread
fn threads(
    stack: StackSize,
    units: u64,
    call: Call, // of each unit
    trace: &Recorder,
) -> io::Result<usize> {
    let mut handles = Vec::new();
    for number in 0..units {
        let unit = trace.one_of("unit", number);
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(
            move || {
                let seen = count_threads();
                let _span = unit.holds("blocks");
                match call {
                    Call::Sleep => std::thread::sleep(LONG),
                    Call::Syscall | Call::Offload => block(),
                }
                seen
            },
        )?);
    }
    let mut most = 0;
    for handle in handles {
        most = most.max(handle.join().expect("units do not panic")?);
    }
    Ok(most)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    units: u64,
    call: Call, // of each unit
    trace: &Recorder,
) -> io::Result<usize> {
    // ANCHOR: coroutine_offload
    /// Makes the call on a new OS thread, and waits until that thread reports that it is
    /// done.
    fn offload() -> io::Result<()> {
        let (done, word) = mpsc::channel();
        std::thread::Builder::new().spawn(move || {
            block();
            done.send(()).expect("the coroutine waits for the thread");
        })?;
        word.recv().expect("the thread reports that it is done");
        Ok(())
    }
    // ANCHOR_END: coroutine_offload
    let mut handles = Vec::new();
    for number in 0..units {
        let unit = trace.one_of("unit", number);
        // SAFETY: across its yields the coroutine holds a number, a channel and its span
        // of the trace, which are `Send`. Spawning a thread uses thread-locals of std,
        // but it has finished before the only yield. The deepest calls, into std and
        // libc, have frames smaller than a page, so that on a stack which is too small
        // for them the overflow hits the guard page.
        let handle = unsafe {
            runtime.spawn(move || {
                let seen = count_threads()?;
                let _span = call.record(&unit);
                match call {
                    Call::Sleep => coroutine::sleep(LONG),
                    Call::Syscall => block(),
                    Call::Offload => offload()?,
                }
                Ok::<_, io::Error>(seen)
            })
        }?;
        handles.push(handle);
    }
    let mut most = 0;
    for handle in handles {
        most = most.max(handle.join()??);
    }
    Ok(most)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(units: u64, call: Call, trace: Recorder) -> io::Result<usize> {
    let mut handles = Vec::new();
    for number in 0..units {
        let unit = trace.one_of("unit", number);
        handles.push(tokio::spawn(async move {
            let seen = count_threads();
            let _span = call.record(&unit);
            match call {
                Call::Sleep => tokio::time::sleep(LONG).await,
                Call::Syscall => block(),
                Call::Offload => {
                    let call = tokio::task::spawn_blocking(block);
                    call.await.expect("a call that only sleeps does not panic");
                }
            }
            seen
        }));
    }
    let mut most = 0;
    for handle in handles {
        most = most.max(handle.await.expect("units do not panic")?);
    }
    Ok(most)
}
// ANCHOR_END: task

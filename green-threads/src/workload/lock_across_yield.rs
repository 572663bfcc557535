//! `lock_across_yield`: a unit holds a lock while it yields (gopl section 9.8.2: what is the owner of a lock?).
//!
//! Unit A takes the lock, spawns unit B, and waits for a message from B while it holds the lock. B sends the
//! message and then takes the lock. A continues and unlocks. An iteration is this once, timed by the main thread,
//! and `done` is then 1.
//!
//! - `own`: with a lock of the runtime. B waits for it as for any event, and its worker runs A in the meantime.
//! - `os`: with a lock of the operating system, which knows threads but not units. B blocks its worker's thread
//!   until A unlocks. With one worker, A then has no thread to continue on. Both hang forever, and the suite gets
//!   no answer.
//!
//! A waits for a message, and does not just yield. So B has certainly begun, and is about to take the lock, when A
//! continues.
//!
//! A trace shows which unit holds the lock, which waits for it, and which keeps the worker. Coroutines that hang are
//! recorded for a fifth of a second.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    Ask, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload,
    repeat,
};
use crate::StackSize;
use crate::Workers;
use crate::coroutine::{self, mpsc};
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::trace::Recorder;
use crate::probe::{Runtime, on_a_task};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["os", "own"],
    experiments: &[Experiment {
        name: "lock_across_yield",
        n: "n",
        settings: |_| vec![Setting::new("os", 2), Setting::new("own", 2)],
        // This workload is meant to hang. Units that do not hang end in a thousandth of this time.
        shows: Shows::Observations(Observations {
            patience: Duration::from_secs(2),
            ..Observations::new(&[TABLE])
        }),
    }],
    recorded: Some(|| Setting::new("os", 2)),
    cannot,
    ..Workload::new("lock_across_yield", "hold a lock across a yield", run)
};

const DONE: Quantity = Quantity::count("done", "done").more();

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "One worker. A unit takes a lock and yields; another unit wants the lock. The operating system's mutex \
              blocks the worker, so that the first unit never runs again to unlock it. The runtime's own mutex lets \
              the worker run other units.",
    parameters: &[Parameter::new("variant", "mutex")],
    quantities: &[DONE],
    facts: &[],
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("own", Model::Thread) => Some("a thread's own mutex is the OS mutex"),
        ("os", Model::Task) => {
            Some("the compiler rejects it: the guard of an OS mutex is not Send")
        }
        ("os", Model::Goroutine) => Some("Go has no OS mutex"),
        ("os", Model::TaskCurrentThread) if setup.trace => {
            Some("it hangs, and its thread is the one that would return the trace")
        }
        _ => None,
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let os = ask.setup.variant == "os";
    repeat(ask, || {
        let start = Instant::now();
        let trace = ask.trace;
        let end = match runtime {
            Runtime::Thread { stack } => threads(*stack, trace),
            Runtime::Coroutine(runtime) if ask.setup.trace => {
                return recorded(runtime, os, trace);
            }
            Runtime::Coroutine(runtime) => coroutines(runtime, os, trace),
            Runtime::Task(runtime) if os => {
                tasks_os(runtime);
                Ok(())
            }
            Runtime::Task(runtime) => {
                on_a_task(runtime, tasks_own(trace.clone()));
                Ok(())
            }
        };
        end.map(|()| Answer::time(start.elapsed()).quantity(DONE, 1.0))
    })
}

/// Runs the coroutines beside this thread. If they hang, the recording ends after a while, and they are left behind.
/// The process does not wait for them when it ends.
fn recorded(
    runtime: &'static coroutine::Runtime,
    os: bool,
    trace: &Recorder,
) -> io::Result<Answer> {
    const RECORDED: Duration = Duration::from_millis(200);
    let start = Instant::now();
    let (end, ended) = channel();
    let theirs = trace.clone();
    thread::spawn(move || {
        // An error would mean that the recording has ended.
        let _ = end.send(coroutines(runtime, os, &theirs));
    });
    match ended.recv_timeout(RECORDED) {
        Ok(end) => end.map(|()| Answer::time(start.elapsed()).quantity(DONE, 1.0)),
        Err(_) => Ok(Answer {
            failure: Some("the recording ended before the units did".to_string()),
            ..Answer::time(start.elapsed()).quantity(DONE, 0.0)
        }),
    }
}

fn coroutines(
    runtime: &'static coroutine::Runtime,
    os: bool,
    trace: &Recorder,
) -> io::Result<()> {
    if os { coroutines_os(runtime, trace) } else { coroutines_own(runtime, trace) }
}

// ANCHOR: thread
fn threads(stack: StackSize, trace: &Recorder) -> io::Result<()> {
    let thread = move || std::thread::Builder::new().stack_size(stack.bytes());
    let (unit_a, unit_b) = (trace.actor("A"), trace.actor("B"));
    let lock = Arc::new(Mutex::new(()));
    let a = thread().spawn(move || {
        let guard = lock.lock().expect("no unit panics while it holds the lock");
        unit_a.did("locks");
        let (word, given) = crossbeam::channel::bounded(1);
        let its = Arc::clone(&lock);
        let b = thread().spawn(move || {
            word.send(()).expect("A waits for the message");
            let blocks = unit_b.holds("blocks in lock");
            let guard = its.lock().expect("no unit panics while it holds the lock");
            drop((blocks, guard));
            unit_b.did("has had the lock");
        })?;
        let waits = unit_a.waits("waits, and holds the lock");
        given.recv().expect("B sends the message");
        drop(waits);
        unit_a.did("unlocks");
        drop(guard);
        b.join().expect("B does not panic");
        Ok(())
    })?;
    a.join().expect("A does not panic")
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines_os(
    runtime: &'static coroutine::Runtime,
    trace: &Recorder,
) -> io::Result<()> {
    let workers = runtime.config().workers;
    if workers != Workers::ONE {
        return Err(io::Error::other(format!(
            "with {workers} workers, A might unlock on another thread than it locked on, \
             which an OS mutex does not allow"
        )));
    }
    let (unit_a, unit_b) = (trace.actor("A"), trace.actor("B"));
    // ANCHOR: hang
    let lock = Arc::new(Mutex::new(()));
    let a = move || {
        let guard = lock.lock().expect("no unit panics while it holds the lock");
        unit_a.did("locks");
        let (word, given) = mpsc::channel();
        let its = Arc::clone(&lock);
        // SAFETY: B holds nothing across a yield, because it does not yield: it blocks.
        // Its frames are small.
        let b = unsafe {
            runtime.spawn(move || {
                word.send(()).expect("A waits for the message");
                let blocks = unit_b.holds("blocks in lock");
                let guard = its.lock().expect("no unit panics while it holds the lock");
                drop((blocks, guard));
                unit_b.did("has had the lock");
            })
        }?;
        let waits = unit_a.waits("waits, and holds the lock");
        given.recv().expect("B sends the message");
        drop(waits);
        unit_a.did("unlocks");
        drop(guard);
        b.join()?;
        Ok(())
    };
    // ANCHOR_END: hang
    // SAFETY: across a yield A holds the guard of an OS mutex, which is not `Send`. That
    // would be unsound if A could continue on another thread. It cannot: there is one
    // worker, and only workers run coroutines. (The timer thread runs coroutines, too,
    // but only those that wait with a time limit, and neither A nor B does.) A holds
    // nothing else of its thread, and its frames are small.
    unsafe { runtime.spawn(a) }?.join()?
}

fn coroutines_own(
    runtime: &'static coroutine::Runtime,
    trace: &Recorder,
) -> io::Result<()> {
    let (unit_a, unit_b) = (trace.actor("A"), trace.actor("B"));
    let lock = Arc::new(coroutine::Mutex::new(()));
    let a = move || {
        let guard = lock.lock().expect("no unit panics while it holds the lock");
        unit_a.did("locks");
        let (word, given) = mpsc::channel();
        let its = Arc::clone(&lock);
        // SAFETY: across its yields B holds channels and locks of `may`, its actor in the
        // trace, and nothing of its thread. Its frames are small.
        let b = unsafe {
            runtime.spawn(move || {
                word.send(()).expect("A waits for the message");
                let waits = unit_b.waits("waits for the lock");
                let guard = its.lock().expect("no unit panics while it holds the lock");
                drop((waits, guard));
                unit_b.did("has had the lock");
            })
        }?;
        let waits = unit_a.waits("waits, and holds the lock");
        given.recv().expect("B sends the message");
        drop(waits);
        unit_a.did("unlocks");
        drop(guard);
        b.join()?;
        Ok(())
    };
    // SAFETY: across a yield A holds the guard of a lock of `may`, which is `Send`: the
    // owner of such a lock is the coroutine that took it, on whichever thread it runs.
    // All else that A holds is `Send`, too, and nothing is of its thread. Its frames are
    // small.
    unsafe { runtime.spawn(a) }?.join()?
}
// ANCHOR_END: coroutine

// ANCHOR: task
/// Runs both tasks in a `LocalSet`, which keeps its tasks on this thread, and so accepts
/// tasks that are not `Send`. Without a `LocalSet` the compiler rejects this program.
#[expect(clippy::await_holding_lock, reason = "this workload shows what happens then")]
fn tasks_os(runtime: &tokio::runtime::Runtime) {
    let lock = Arc::new(Mutex::new(()));
    tokio::task::LocalSet::new().block_on(runtime, async move {
        let guard = lock.lock().expect("no unit panics while it holds the lock");
        let (word, given) = tokio::sync::oneshot::channel();
        let its = Arc::clone(&lock);
        let b = tokio::task::spawn_local(async move {
            word.send(()).expect("A waits for the message");
            drop(its.lock().expect("no unit panics while it holds the lock"));
        });
        given.await.expect("B sends the message");
        drop(guard);
        b.await.expect("B does not panic");
    });
}

async fn tasks_own(trace: Recorder) {
    let (unit_a, unit_b) = (trace.actor("A"), trace.actor("B"));
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let a = tokio::spawn(async move {
        let guard = lock.lock().await;
        unit_a.did("locks");
        let (word, given) = tokio::sync::oneshot::channel();
        let its = Arc::clone(&lock);
        let b = tokio::spawn(async move {
            word.send(()).expect("A waits for the message");
            let waits = unit_b.waits("waits for the lock");
            let guard = its.lock().await;
            drop((waits, guard));
            unit_b.did("has had the lock");
        });
        let waits = unit_a.waits("waits, and holds the lock");
        given.await.expect("B sends the message");
        drop(waits);
        unit_a.did("unlocks");
        drop(guard);
        b.await.expect("B does not panic");
    });
    a.await.expect("A does not panic");
}
// ANCHOR_END: task

//! `lock_across_yield`: a unit holds a lock while it yields (gopl section 9.8.2: what is a lock's owner?).
//!
//! Unit A locks, spawns unit B, and waits for B's word with the lock held; B gives its word and locks; A goes on and
//! unlocks. An iteration is that, once, read by the main thread, and `done` is 1.
//!
//! - `own`: with a lock of the runtime. B waits for it, as it would for anything, and its worker goes on with A.
//! - `os`: with one of the operating system, which knows threads and no units. B stops its worker's thread until A
//!   unlocks, and with one worker A has no thread to go on on: they hang for ever, and whoever asked sees no answer.
//!
//! That A waits for a word, and does not just yield, makes it sure that B is between the two when A goes on.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Ask, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload, repeat};
use crate::StackSize;
use crate::Workers;
use crate::coroutine::{self, mpsc};
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::{Runtime, on_a_task};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["os", "own"],
    experiments: &[Experiment {
        name: "lock_across_yield",
        n: "n",
        settings: |_| vec![Setting::new("os", 2), Setting::new("own", 2)],
        // A hang is what there is to see. A unit that does not hang ends in a thousandth of this time.
        shows: Shows::Observations(Observations { patience: Duration::from_secs(2), ..Observations::new(&[TABLE]) }),
    }],
    cannot,
    ..Workload::new("lock_across_yield", "a lock that is held across a yield", run)
};

const DONE: Quantity = Quantity::count("done", "done");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "One worker. A unit takes a lock and yields; another unit wants the lock. The operating system's mutex blocks \
              the worker, so that the first unit never runs again to unlock it. The runtime's own mutex lets the worker \
              run other units.",
    parameters: &[Parameter::new("variant", "mutex")],
    quantities: &[DONE],
    facts: &[],
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        ("own", Model::Thread) => Some("the OS mutex is its own"),
        ("os", Model::Task) => Some("the compiler refuses it: the guard of an OS mutex is not Send"),
        ("os", Model::Goroutine) => Some("Go has no OS mutex"),
        _ => None,
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let os = ask.setup.variant == "os";
    repeat(ask, || {
        let start = Instant::now();
        match runtime {
            Runtime::Thread { stack } => threads(*stack)?,
            Runtime::Coroutine(runtime) if os => coroutines_os(runtime)?,
            Runtime::Coroutine(runtime) => coroutines_own(runtime)?,
            Runtime::Task(runtime) if os => tasks_os(runtime),
            Runtime::Task(runtime) => on_a_task(runtime, tasks_own()),
        }
        Ok(Answer::time(start.elapsed()).quantity(DONE, 1.0))
    })
}

// ANCHOR: thread
fn threads(stack: StackSize) -> io::Result<()> {
    let thread = move || std::thread::Builder::new().stack_size(stack.bytes());
    let lock = Arc::new(Mutex::new(()));
    let a = thread().spawn(move || {
        let guard = lock.lock().expect("nobody panics with it");
        let (word, given) = crossbeam::channel::bounded(1);
        let its = Arc::clone(&lock);
        let b = thread().spawn(move || {
            word.send(()).expect("A waits for it");
            drop(its.lock().expect("nobody panics with it"));
        })?;
        given.recv().expect("B gives it");
        drop(guard);
        b.join().expect("B only locks");
        Ok(())
    })?;
    a.join().expect("A only locks")
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines_os(runtime: &'static coroutine::Runtime) -> io::Result<()> {
    let workers = runtime.config().workers;
    if workers != Workers::ONE {
        return Err(io::Error::other(format!(
            "with {workers} workers, A might unlock on another thread than it locked on, which no OS mutex allows"
        )));
    }
    let lock = Arc::new(Mutex::new(()));
    let a = move || {
        let guard = lock.lock().expect("nobody panics with it");
        let (word, given) = mpsc::channel();
        let its = Arc::clone(&lock);
        // SAFETY: B holds nothing across a yield, for it does not yield: it blocks. Its frames are small.
        let b = unsafe {
            runtime.spawn(move || {
                word.send(()).expect("A waits for it");
                drop(its.lock().expect("nobody panics with it"));
            })
        }?;
        given.recv().expect("B gives it");
        drop(guard);
        b.join()?;
        Ok(())
    };
    // SAFETY: A holds the guard of an OS mutex across a yield, which is not `Send`, and would be unsound if A could
    // continue on another thread. It cannot: there is one worker, and only workers run coroutines (the timer thread
    // also does, but only those that wait with a time limit, and neither does). Nothing else of a thread is held, and
    // the frames are small.
    unsafe { runtime.spawn(a) }?.join()?
}

fn coroutines_own(runtime: &'static coroutine::Runtime) -> io::Result<()> {
    let lock = Arc::new(coroutine::Mutex::new(()));
    let a = move || {
        let guard = lock.lock().expect("nobody panics with it");
        let (word, given) = mpsc::channel();
        let its = Arc::clone(&lock);
        // SAFETY: B holds channels and locks of `may` across its yields, and nothing of a thread. Its frames are small.
        let b = unsafe {
            runtime.spawn(move || {
                word.send(()).expect("A waits for it");
                drop(its.lock().expect("nobody panics with it"));
            })
        }?;
        given.recv().expect("B gives it");
        drop(guard);
        b.join()?;
        Ok(())
    };
    // SAFETY: A holds the guard of a lock of `may` across a yield, which is `Send`: such a lock is held by the
    // coroutine that took it, on whatever thread. All else is `Send` too, nothing is of a thread, and the frames are
    // small.
    unsafe { runtime.spawn(a) }?.join()?
}
// ANCHOR_END: coroutine

// ANCHOR: task
/// In a `LocalSet`, which keeps tasks on this thread, and so takes those that are not `Send`. The compiler lets nobody
/// write this otherwise.
#[expect(clippy::await_holding_lock, reason = "that is what is tried here")]
fn tasks_os(runtime: &tokio::runtime::Runtime) {
    let lock = Arc::new(Mutex::new(()));
    tokio::task::LocalSet::new().block_on(runtime, async move {
        let guard = lock.lock().expect("nobody panics with it");
        let (word, given) = tokio::sync::oneshot::channel();
        let its = Arc::clone(&lock);
        let b = tokio::task::spawn_local(async move {
            word.send(()).expect("A waits for it");
            drop(its.lock().expect("nobody panics with it"));
        });
        given.await.expect("B gives it");
        drop(guard);
        b.await.expect("B only locks");
    });
}

async fn tasks_own() {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let a = tokio::spawn(async move {
        let guard = lock.lock().await;
        let (word, given) = tokio::sync::oneshot::channel();
        let its = Arc::clone(&lock);
        let b = tokio::spawn(async move {
            word.send(()).expect("A waits for it");
            drop(its.lock().await);
        });
        given.await.expect("B gives it");
        drop(guard);
        b.await.expect("B only locks");
    });
    a.await.expect("A only locks");
}
// ANCHOR_END: task

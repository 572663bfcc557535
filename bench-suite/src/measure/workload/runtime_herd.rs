//! `runtime_herd`: `n` callers of one cold key. How much memory does each take while it waits, and how soon does
//! each have the value once it exists?
//!
//! The call of `f` is held back until all callers have asked and the process has come to rest, so that each of
//! them waits. Then the workload reads the memory and starts the clock. The memory of a caller is all that its
//! unit takes, and all that the memo and the runtime keep for it.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use futures_util::FutureExt;
use green_threads::StackSize;
use green_threads::coroutine::{self, SyncFlag};
use green_threads::probe::Runtime;
use green_threads::probe::memory::Memory;
use green_threads::probe::protocol::Answer;
use green_threads::probe::rest::come_to_rest;
use green_threads::workload::percentile::nearest_rank;
use green_threads::workload::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload,
};
use tokio::sync::Semaphore;

use super::{ALGORITHMS, crowds, of_both_memos};
use crate::subject::{
    AsyncMemo, AsyncSubject, Memo, Memo2, Memo2Coroutine, Memo2Task, Memo3, Memo3Coroutine, Memo3Task, Subject,
};

pub(super) const WORKLOAD: Workload = Workload {
    lean: true,
    experiments: &[Experiment {
        name: "runtime_herd",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    ..of_both_memos("runtime_herd", "ask memo2 or memo3 for one cold key from many callers", run)
};

const CALLS: Quantity = Quantity::count("calls", "calls\nof f").less();
const RESIDENT: Quantity = Quantity::bytes("resident", "each\ntakes");
const HALF: Quantity = Quantity::time("half", "half");
const MOST: Quantity = Quantity::time("most", "99%");
const LAST: Quantity = Quantity::time("last", "the last");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "Many callers of one cold key, each a unit of its own. The value arrives when all of them wait. Shown: \
              the memory of each waiting caller, its unit included, and the time after which half of the callers, \
              99 percent of them, and the last one have the value.",
    parameters: &[
        Parameter::new("variant", "memo"),
        Parameter::new("n", "callers"),
        Parameter::WORKERS_COLUMN,
        Parameter::PLACEMENT_COLUMN,
    ],
    quantities: &[CALLS, RESIDENT, HALF, MOST, LAST],
    facts: &[],
};

fn settings(depth: Depth) -> Vec<Setting> {
    let sizes: &[u64] = if depth == Depth::Full { &[1, 10, 100, 1000, 10_000] } else { &[1, 100, 10_000] };
    crowds(depth, sizes)
}

/// The key that all callers ask for.
const KEY: u64 = 7;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (callers, first) = (ask.setup.n, ask.setup.variant == ALGORITHMS[0]);
    let mut all = Answer::default();
    for _ in 0..ask.iterations {
        let served = match runtime {
            Runtime::Thread { stack } if first => threads::<Memo2>(*stack, callers)?,
            Runtime::Thread { stack } => threads::<Memo3>(*stack, callers)?,
            Runtime::Coroutine(runtime) if first => coroutines::<Memo2Coroutine>(runtime, callers)?,
            Runtime::Coroutine(runtime) => coroutines::<Memo3Coroutine>(runtime, callers)?,
            Runtime::Task(runtime) if first => tasks::<Memo2Task>(runtime, callers)?,
            Runtime::Task(runtime) => tasks::<Memo3Task>(runtime, callers)?,
        };
        all = served.answer(all.nanoseconds);
    }
    Ok(all)
}

/// How a herd was served.
struct Served {
    /// How often `f` was called.
    calls: u64,
    /// The memory of all callers together while they waited, in bytes.
    resident: f64,
    /// When `f` was allowed to return the value.
    there: Instant,
    /// When each caller had the value.
    had: Vec<Instant>,
}

impl Served {
    /// Creates the answer. Its time is `before`, which is that of the earlier herds in nanoseconds, plus the time
    /// until the last caller of this one had the value.
    fn answer(self, before: f64) -> Answer {
        let mut waits: Vec<u64> = self.had.iter().map(|had| (*had - self.there).as_nanos() as u64).collect();
        waits.sort_unstable();
        let last = waits.last().map_or(0.0, |last| *last as f64);
        let answer = Answer { nanoseconds: before + last, ..Answer::default() }.quantity(CALLS, self.calls as f64);
        // With fewer than 1,000 callers, their memory is too small to tell from what the runtime keeps for all.
        let answer = match waits.len() {
            0..1000 => answer,
            callers => answer.quantity(RESIDENT, self.resident / callers as f64),
        };
        answer.quantity(HALF, nearest_rank(&waits, 50)).quantity(MOST, nearest_rank(&waits, 99)).quantity(LAST, last)
    }
}

/// Waits until all callers wait, and returns how many bytes of memory more than `before` are in use then. Each
/// caller drops its sender of the channel `coming` just before it asks the memo. From there to its wait are only a
/// few steps, and the kernel shows when the whole process has come to rest.
fn all_wait(coming: &mpsc::Receiver<()>, before: &Memory) -> io::Result<f64> {
    // No caller sends anything: `recv` returns when the last caller has dropped its sender.
    let _ = coming.recv();
    come_to_rest()?;
    Ok(Memory::at_rest()?.resident as f64 - before.resident as f64)
}

// ANCHOR: thread
fn threads<S: Subject>(stack: StackSize, callers: u64) -> io::Result<Served> {
    let (coming, all_come) = mpsc::channel::<()>();
    let calls = Arc::new(AtomicU64::new(0));
    let (hold, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let memo = Arc::new(S::memo::<u64, u64>({
        let calls = calls.clone();
        Box::new(move |key| {
            calls.fetch_add(1, Relaxed);
            // Nothing is sent: `recv` returns when the sender `hold` is dropped.
            let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
            *key
        })
    }));
    let before = Memory::at_rest()?;
    let mut handles = Vec::new();
    for _ in 0..callers {
        let (memo, coming) = (memo.clone(), coming.clone());
        let asks = move || {
            drop(coming);
            assert_eq!(memo.get(&KEY), KEY);
            Instant::now()
        };
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(asks)?);
    }
    drop(coming);
    let resident = all_wait(&all_come, &before)?;
    let there = Instant::now();
    drop(hold);
    let mut had = Vec::new();
    for caller in handles {
        had.push(caller.join().expect("a caller does not panic"));
    }
    Ok(Served { calls: calls.load(Relaxed), resident, there, had })
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines<S: Subject>(
    runtime: &'static coroutine::Runtime,
    callers: u64, // of the one key
) -> io::Result<Served> {
    let (coming, all_come) = mpsc::channel::<()>();
    let calls = Arc::new(AtomicU64::new(0));
    let held = Arc::new(SyncFlag::new());
    let memo = Arc::new(S::memo::<u64, u64>({
        let (calls, held) = (calls.clone(), held.clone());
        Box::new(move |key| {
            calls.fetch_add(1, Relaxed);
            held.wait();
            *key
        })
    }));
    let before = Memory::at_rest()?;
    let mut handles = Vec::new();
    for _ in 0..callers {
        let (memo, coming) = (memo.clone(), coming.clone());
        let asks = move || {
            drop(coming);
            assert_eq!(memo.get(&KEY), KEY);
            Instant::now()
        };
        // SAFETY: across its wait the coroutine holds the memo, and nothing of its
        // thread. Its frames are small.
        handles.push(unsafe { runtime.spawn(asks) }?);
    }
    drop(coming);
    let resident = all_wait(&all_come, &before)?;
    let there = Instant::now();
    held.fire();
    let mut had = Vec::new();
    for caller in handles {
        had.push(caller.join()?);
    }
    Ok(Served { calls: calls.load(Relaxed), resident, there, had })
}
// ANCHOR_END: coroutine

// ANCHOR: task
fn tasks<S: AsyncSubject>(
    runtime: &tokio::runtime::Runtime,
    callers: u64, // of the one key
) -> io::Result<Served> {
    let _inside = runtime.enter();
    let (coming, all_come) = mpsc::channel::<()>();
    let calls = Arc::new(AtomicU64::new(0));
    let held = Arc::new(Semaphore::new(0));
    let memo = Arc::new(S::memo::<u64, u64>({
        let (calls, held) = (calls.clone(), held.clone());
        Box::new(move |key: &u64| {
            let (key, held) = (*key, held.clone());
            calls.fetch_add(1, Relaxed);
            async move {
                // No permit is ever added: `acquire` returns when the semaphore is
                // closed.
                let _ = held.acquire().await;
                key
            }
            .boxed()
        })
    }));
    let before = Memory::at_rest()?;
    let mut handles = Vec::new();
    for _ in 0..callers {
        let (memo, coming) = (memo.clone(), coming.clone());
        handles.push(runtime.spawn(async move {
            drop(coming);
            assert_eq!(memo.get(&KEY).await, KEY);
            Instant::now()
        }));
    }
    drop(coming);
    // The watcher needs a thread of its own: a current-thread runtime runs on this
    // thread, and only while this thread is in `block_on`.
    let watcher = std::thread::spawn(move || {
        let resident = all_wait(&all_come, &before)?;
        let there = Instant::now();
        held.close();
        Ok::<_, io::Error>((resident, there))
    });
    let mut had = Vec::new();
    runtime.block_on(async {
        for caller in handles {
            had.push(caller.await.expect("a caller does not panic"));
        }
    });
    let (resident, there) = watcher.join().expect("the watcher does not panic")?;
    Ok(Served { calls: calls.load(Relaxed), resident, there, had })
}
// ANCHOR_END: task

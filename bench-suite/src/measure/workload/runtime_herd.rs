//! `runtime_herd`: `n` callers of one cold key. What does each of them take while it waits, and how soon has each the
//! value when it is there?
//!
//! The call of `f` is held back until all callers have asked and the process has come to rest, so that each of them is
//! a waiter. Then memory is read, and the clock starts. What a caller takes is what its unit takes and what the memo
//! and the runtime keep for it, all together.

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
    ..of_both_memos("runtime_herd", "memo2 and memo3, many callers of one cold key", run)
};

const CALLS: Quantity = Quantity::count("calls", "calls\nof f");
const RESIDENT: Quantity = Quantity::bytes("resident", "each\ntakes");
const HALF: Quantity = Quantity::time("half", "half");
const MOST: Quantity = Quantity::time("most", "99%");
const LAST: Quantity = Quantity::time("last", "the last");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "Many callers of one cold key, each a unit of its own. The value arrives when all of them wait. Shown: the memory \
              of each waiting caller, its unit included, and the time after which half of the callers, 99 in a hundred, \
              and the last have the value.",
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

/// The key that all ask for.
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
    /// What all callers together took while they waited, in bytes.
    resident: f64,
    /// When the value was there.
    there: Instant,
    /// When each caller had it.
    had: Vec<Instant>,
}

impl Served {
    /// With the time of the herds before.
    fn answer(self, before: f64) -> Answer {
        let mut waits: Vec<u64> = self.had.iter().map(|had| (*had - self.there).as_nanos() as u64).collect();
        waits.sort_unstable();
        let last = waits.last().map_or(0.0, |last| *last as f64);
        let answer = Answer { nanoseconds: before + last, ..Answer::default() }.quantity(CALLS, self.calls as f64);
        // What a few take is lost in what the runtime keeps for all.
        let answer = match waits.len() {
            0..1000 => answer,
            callers => answer.quantity(RESIDENT, self.resident / callers as f64),
        };
        answer.quantity(HALF, nearest_rank(&waits, 50)).quantity(MOST, nearest_rank(&waits, 99)).quantity(LAST, last)
    }
}

/// Waits until all callers wait, and says how much more memory is in use then than `before`. Each of them drops its
/// `coming` as it asks; from there to its wait is not far, and the kernel tells when all have come to rest.
fn all_wait(coming: &mpsc::Receiver<()>, before: &Memory) -> io::Result<f64> {
    // Nobody sends anything: the wait ends when the last caller has dropped its end.
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
            // Nobody sends anything: the wait ends when the other end is dropped.
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
    let had = handles.into_iter().map(|caller| caller.join().expect("a caller does not panic")).collect();
    Ok(Served { calls: calls.load(Relaxed), resident, there, had })
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines<S: Subject>(runtime: &'static coroutine::Runtime, callers: u64) -> io::Result<Served> {
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
        // SAFETY: across its wait it holds the memo, and nothing of a thread; its frames are small.
        handles.push(unsafe { runtime.spawn(asks) }?);
    }
    drop(coming);
    let resident = all_wait(&all_come, &before)?;
    let there = Instant::now();
    held.fire();
    let had = handles.into_iter().map(|caller| Ok(caller.join()?)).collect::<io::Result<_>>()?;
    Ok(Served { calls: calls.load(Relaxed), resident, there, had })
}
// ANCHOR_END: coroutine

// ANCHOR: task
fn tasks<S: AsyncSubject>(runtime: &tokio::runtime::Runtime, callers: u64) -> io::Result<Served> {
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
                // Nobody gives a permit: the wait ends when the semaphore is closed.
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
    // Beside the runtime: where that is of one thread, it runs on this one, and only while this waits for it.
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

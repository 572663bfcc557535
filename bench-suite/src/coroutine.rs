//! Runs coroutines for the suite, and contains all `unsafe` code for that.
//!
//! Only the programs of [`conformance`](crate::spec) are spawned here or called by the memo of [`memo3`],
//! whichever caller they come from. For all of them this module promises what
//! [`Runtime::spawn`](green_threads::coroutine::Runtime::spawn) requires:
//!
//! 1. They have no `thread_local!` of their own, and what they call (locks, counters, random numbers from a seed)
//!    keeps none across a yield. The thread memos that are tried on coroutines block their worker instead of
//!    yielding.
//! 2. No guard of an OS lock lives across a yield: they wait in [`Gate`](crate::spec)s, flags and joins,
//!    and hold nothing meanwhile.
//! 3. [`STACK`] is larger than the deepest of them needs, a recursion of 1,000 calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use green_threads::coroutine::{self, Config, Coroutine, JoinHandle, Runtime};
use green_threads::{StackSize, Workers};

use crate::subject::{Function, Key, Value};

/// The size of every coroutine's stack, in bytes. The kernel provides a page only when it is touched.
const STACK: usize = 4 << 20;

/// How many stacks are made at the start and kept for reuse.
const POOL: usize = 64;

/// How many workers the runtime will have.
static WORKERS: AtomicUsize = AtomicUsize::new(1);

/// Sets how many workers the runtime of this process will have. Has no effect once the runtime has started.
pub(crate) fn workers(number: usize) {
    WORKERS.store(number, Relaxed);
}

/// The coroutine runtime of this process. By default it has one worker, for two reasons: a coroutine that keeps
/// the worker while it waits stops everything, and a program that draws its steps from a seed repeats the same
/// steps.
///
/// # Panics
///
/// If the runtime cannot be started.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<&Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let stack = StackSize::new(STACK).expect("a whole number of pages");
        let workers = Workers::new(WORKERS.load(Relaxed)).expect("a few workers");
        coroutine::start(Config { pool: POOL, ..Config::new(workers, stack) }).expect("the coroutine runtime starts")
    })
}

/// Runs `body` on a coroutine.
pub(crate) fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // Boxed, as in `scoped`, so that the runtime is compiled once for each `T` and not for each program and memo.
    let body: Box<dyn FnOnce() -> T + Send> = Box::new(body);
    // SAFETY: `body` is a program of the conformance suite; the head of this file makes the promises for them.
    unsafe { runtime().spawn(body) }.expect("there is room for another stack")
}

/// Runs `body` on `count` coroutines at once. Each receives its number, from 0. Returns their results in that
/// order.
pub(crate) fn scoped<T: Send>(count: usize, body: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    runtime();
    may::coroutine::scope(|scope| {
        // SAFETY: as in `spawn`. The scope joins all of them before what `body` borrows can end.
        let spawn = |number| unsafe { scope.spawn(move || body(number)) };
        let all: Vec<_> = (0..count).map(spawn).collect();
        let mut brought = Vec::new();
        for one in all {
            brought.push(one.join());
        }
        brought
    })
}

/// Cancels a coroutine: it unwinds out of the yield where it waits now, or out of its next yield.
pub(crate) fn cancel(coroutine: &Coroutine) {
    // SAFETY: the programs of the conformance suite own only what may be dropped by unwinding, and pass on any
    // payload that they catch and do not know.
    unsafe { coroutine.cancel() }
}

/// `memo3`'s memo, whose monitor and calls are coroutines of the runtime of this process.
pub(crate) fn memo3<K: Key, V: Value>(f: Function<K, V>) -> memo3::coroutine::Memo<K, V> {
    // SAFETY: `f` is fit for coroutines, as `Subject::memo` asks. The head of this file promises that for the
    // specification, and each workload and the demo for their own. Keys and values are numbers, strings, items, and
    // bodies behind an `Arc`: their `Hash`, `Eq` and `Drop` do not yield, and are not deep.
    unsafe { memo3::coroutine::Memo::new(f) }
}

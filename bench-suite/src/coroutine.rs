//! The coroutines of the specification, and all that is `unsafe` about them.
//!
//! The programs of [`spec`](crate::spec) are spawned here, and the memo of `memo3` calls their `f`. For them this
//! module promises what [`Runtime::spawn`](green_threads::coroutine::Runtime::spawn) asks:
//!
//! 1. They have no `thread_local!` of their own, and what they call (locks, counters, random numbers from a seed) keeps
//!    none across a yield. Nor do they hold anything across a yield that must stay on its thread. The thread memos that
//!    are tried on coroutines block their worker instead of yielding.
//! 2. No guard of an OS lock lives across a yield: they wait in gates, flags and joins, and hold nothing meanwhile.
//! 3. [`STACK`] is larger than the deepest of them needs, a recursion of 1,000 calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use green_threads::coroutine::{self, Config, Coroutine, JoinHandle, Runtime};
use green_threads::{StackSize, Workers};

/// The size of every coroutine's stack, in bytes. The kernel provides a page only when it is touched.
const STACK: usize = 4 << 20;

/// How many stacks are made at the start and kept for reuse.
const POOL: usize = 64;

/// How many workers the runtime will have.
static WORKERS: AtomicUsize = AtomicUsize::new(1);

/// Makes the runtime of this process start with `number` workers, if it has not started.
pub(crate) fn workers(number: usize) {
    WORKERS.store(number, Relaxed);
}

/// The coroutine runtime of this process. It has one worker unless more were asked for. So a caller that keeps it
/// while waiting stops everything, and a program that draws its steps from a seed takes the same steps again.
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
    // Boxed, so the runtime is compiled once for each `T`, and not for each program.
    let body: Box<dyn FnOnce() -> T + Send> = Box::new(body);
    // SAFETY: `body` is a program of the specification; the head of this file promises for them.
    unsafe { runtime().spawn(body) }.expect("there is room for another stack")
}

/// Cancels a coroutine: it unwinds out of its next yield, or out of the one in which it is.
pub(crate) fn cancel(coroutine: &Coroutine) {
    // SAFETY: the programs of the specification own only what may be dropped by unwinding, and pass on each panic that
    // they catch and that is not of `f`.
    unsafe { coroutine.cancel() }
}

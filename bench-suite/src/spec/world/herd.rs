//! Herds: callers that start together, and a way to know that they wait.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use green_threads::coroutine::{JoinError, yield_now};

use super::{Gate, callers, now, turns};
use crate::coroutine;
use crate::subject::Callers;

/// How many callers the current herd has. (A child process has one herd at a time.)
static CALLERS: AtomicUsize = AtomicUsize::new(0);

/// How many callers of the current herd have started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// The kernel's numbers of the callers that are threads and have started. Threads that still sleep at the start gate
/// are not in it.
static STARTED_THREADS: parking_lot::Mutex<Vec<u32>> = parking_lot::Mutex::new(Vec::new());

/// Runs `ask` in `callers` threads, coroutines or tasks at once, with the number of each, and returns their results.
pub(crate) async fn herd<T, A>(callers: usize, ask: impl Fn(usize) -> A) -> Vec<T>
where
    T: Send + 'static,
    A: Future<Output = T> + Send + 'static,
{
    herd_of((0..callers).map(|caller| ask(caller).boxed()).collect()).await
}

/// [`herd`], compiled once for each `T` and not once for each program.
async fn herd_of<T: Send + 'static>(asks: Vec<BoxFuture<'static, T>>) -> Vec<T> {
    let count = asks.len();
    begin(count);
    let start = Gate::default();
    let starts = asks.into_iter().map(|ask| {
        let start = start.clone();
        async move {
            start.meet(count).await;
            STARTED.fetch_add(1, SeqCst);
            STARTED_THREADS.lock().extend(this_thread());
            ask.await
        }
        .boxed()
    });
    match callers() {
        Callers::Threads => thread::scope(|scope| {
            let all: Vec<_> = starts.map(|caller| scope.spawn(|| now(caller))).collect();
            all.into_iter().map(|caller| caller.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        }),
        Callers::Coroutines => {
            let all: Vec<_> = starts.map(|caller| coroutine::spawn(|| now(caller))).collect();
            let value = |ended| match ended {
                Ok(value) => value,
                Err(JoinError::Panicked(panic)) => resume_unwind(panic),
                Err(error) => panic!("{error}"),
            };
            all.into_iter().map(|caller| value(caller.join())).collect()
        }
        Callers::Tasks => {
            let all: Vec<_> = starts.map(tokio::spawn).collect();
            let mut values = Vec::new();
            for caller in all {
                values.push(caller.await.unwrap_or_else(|error| resume_unwind(error.into_panic())));
            }
            values
        }
    }
}

/// Runs `ask` on `count` threads at once, in every world.
pub(crate) fn thread_herd(count: usize, ask: impl Fn(usize) + Sync) {
    begin(count);
    let (start, ask) = (Gate::default(), &ask);
    thread::scope(|scope| {
        for caller in 0..count {
            let start = start.clone();
            scope.spawn(move || {
                start.arrive();
                start.block_until(count);
                ask(caller);
            });
        }
    });
}

fn begin(count: usize) {
    CALLERS.store(count, SeqCst);
    STARTED.store(0, SeqCst);
    STARTED_THREADS.lock().clear();
}

/// Waits until at least `count` callers of the herd wait, or `patience` is over, and says whether they do.
///
/// In this way a leader knows, inside `f`, that its waiters wait. The kernel says which threads sleep. No verdict
/// depends on how long that takes: patience is for memos whose callers never sleep, and for systems on which the kernel
/// does not say so.
///
/// The kernel does not know which coroutines and tasks wait. But each of them keeps its worker until it waits or
/// yields. So once all have started and each has had some turns, a caller that does not wait yet never will.
pub(crate) async fn all_wait(count: usize, patience: Duration) -> bool {
    let start = Instant::now();
    if callers() == Callers::Threads {
        while sleepers().len() < count {
            if start.elapsed() > patience {
                return false;
            }
            yield_now();
        }
        return true;
    }
    while STARTED.load(SeqCst) < CALLERS.load(SeqCst) {
        if start.elapsed() > patience {
            return false;
        }
        turns().await;
    }
    turns().await;
    true
}

/// A caller that is asleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sleeper {
    /// The kernel's number of the thread.
    id: u32,
    /// How many times it has gone to sleep so far.
    times: u64,
}

/// The threads of the herd that are asleep.
#[cfg(target_os = "linux")]
pub(crate) fn sleepers() -> Vec<Sleeper> {
    let started = STARTED_THREADS.lock().clone();
    let threads = green_threads::probe::threads::all().unwrap_or_default();
    let callers = threads.into_iter().filter(|thread| thread.asleep && started.contains(&thread.id));
    callers.map(|thread| Sleeper { id: thread.id, times: thread.voluntary_switches }).collect()
}

#[cfg(target_os = "linux")]
fn this_thread() -> Option<u32> {
    Some(green_threads::probe::threads::this())
}

/// Empty: only Linux says which threads sleep.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sleepers() -> Vec<Sleeper> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn this_thread() -> Option<u32> {
    None
}

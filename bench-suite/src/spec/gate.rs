//! What the situations are made with: callers that come together, and a way to know that they wait.
//!
//! The same program serves threads and coroutines: a herd is of the kind that calls it, and what they wait in suspends
//! a coroutine and puts a thread to sleep.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use green_threads::coroutine::{Condvar, Mutex, yield_now};
use may::coroutine::is_coroutine;

use crate::coroutine;

/// A counter that threads and coroutines can wait for. Clones are the same gate.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    /// One more has come.
    pub(super) fn arrive(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.1.notify_all();
    }

    /// Sleeps until `count` have come.
    pub(super) fn wait_for(&self, count: usize) {
        let mut arrived = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *arrived < count {
            arrived = self.0.1.wait(arrived).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Comes, and sleeps until `count` have.
    pub(super) fn meet(&self, count: usize) {
        self.arrive();
        self.wait_for(count);
    }
}

/// The threads of the herd that is under way, by the kernel's numbers: those who have been let off, and not those who
/// still sleep at the start. (There is one herd at a time in a child process.)
static LET_OFF: parking_lot::Mutex<Vec<u32>> = parking_lot::Mutex::new(Vec::new());

/// Of how many coroutines the herd under way is; 0 if it is of threads.
static COROUTINES: AtomicUsize = AtomicUsize::new(0);

/// How many of them have been let off.
static COROUTINES_LET_OFF: AtomicUsize = AtomicUsize::new(0);

/// Runs `ask` on `callers` threads at once, or on coroutines if a coroutine calls this, with the number of each, and
/// returns what each brought back.
pub(super) fn herd<T: Send>(callers: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    herd_of(callers, &ask)
}

/// [`herd`], compiled once for each `T`, and not for each program and memo.
fn herd_of<T: Send>(callers: usize, ask: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let start = Gate::default();
    LET_OFF.lock().clear();
    COROUTINES_LET_OFF.store(0, SeqCst);
    if is_coroutine() {
        COROUTINES.store(callers, SeqCst);
        return coroutine::scoped(callers, &|caller| {
            start.meet(callers);
            COROUTINES_LET_OFF.fetch_add(1, SeqCst);
            ask(caller)
        });
    }
    COROUTINES.store(0, SeqCst);
    thread::scope(|scope| {
        let start = &start;
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                scope.spawn(move || {
                    start.meet(callers);
                    LET_OFF.lock().extend(this_thread());
                    ask(caller)
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Waits until at least `count` callers wait, or `patience` is over, and says whether they do.
///
/// This is how a leader knows, inside `f`, that its waiters wait: of threads the kernel says so. Nothing is right or
/// wrong by how long it takes; patience is for memos whose callers never come to rest, and for systems that do not
/// tell.
///
/// Of coroutines nobody says so. But they share one worker, which they keep until they wait or yield: when all have
/// been let off, and then each has had its turn some times, who is not waiting by then never will.
pub(super) fn asleep(count: usize, patience: Duration) -> bool {
    let start = Instant::now();
    let coroutines = COROUTINES.load(SeqCst);
    let come = || match coroutines {
        0 => sleepers().len() >= count,
        _ => COROUTINES_LET_OFF.load(SeqCst) == coroutines,
    };
    while !come() {
        if start.elapsed() > patience {
            return false;
        }
        yield_now();
    }
    if coroutines > 0 {
        turns();
    }
    true
}

/// Lets every other coroutine that can run take some steps.
pub(super) fn turns() {
    (0..16).for_each(|_| yield_now());
}

/// Runs `body`, which needs a deep stack, on one. A coroutine has one already.
pub(super) fn deep<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    if is_coroutine() {
        return body();
    }
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, body);
        let deep = deep.expect("the operating system has a thread with a stack of 256 MiB");
        deep.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A caller that is asleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sleeper {
    /// The kernel's number for it.
    pub(super) id: u32,
    /// How often it has gone to sleep so far.
    pub(super) times: u64,
}

/// The threads of the herd that are asleep.
#[cfg(target_os = "linux")]
pub(super) fn sleepers() -> Vec<Sleeper> {
    let let_off = LET_OFF.lock().clone();
    let threads = green_threads::probe::threads::all().unwrap_or_default();
    let callers = threads.into_iter().filter(|thread| thread.asleep && let_off.contains(&thread.id));
    callers.map(|thread| Sleeper { id: thread.id, times: thread.voluntary_switches }).collect()
}

#[cfg(target_os = "linux")]
fn this_thread() -> Option<u32> {
    Some(green_threads::probe::threads::this())
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn sleepers() -> Vec<Sleeper> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn this_thread() -> Option<u32> {
    None
}

//! What the situations are made with: threads that come together, and a way to know that they sleep.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// A counter that threads can wait for. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    /// One more has come.
    pub(super) fn arrive(&self) {
        *self.0.0.lock() += 1;
        self.0.1.notify_all();
    }

    /// Sleeps until `count` have come.
    pub(super) fn wait_for(&self, count: usize) {
        let mut arrived = self.0.0.lock();
        while *arrived < count {
            self.0.1.wait(&mut arrived);
        }
    }

    /// Comes, and sleeps until `count` have.
    pub(super) fn meet(&self, count: usize) {
        self.arrive();
        self.wait_for(count);
    }
}

/// Who is in the herd that is under way, by the kernel's numbers: those who have been let off, and not those who still
/// sleep at the start. (There is one herd at a time in a child process.)
static LET_OFF: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Runs `ask` on `callers` threads at once, with the number of each, and returns what each brought back.
pub(super) fn herd<T: Send>(callers: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    LET_OFF.lock().clear();
    let start = Gate::default();
    thread::scope(|scope| {
        let (start, ask) = (&start, &ask);
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

/// Waits until at least `count` callers are asleep, or `patience` is over, and says whether they are.
///
/// This is how a leader knows, inside `f`, that its waiters wait: the kernel says so. Nothing is right or wrong by how
/// long it takes; patience is for memos whose callers never come to rest, and for systems that do not tell.
pub(super) fn asleep(count: usize, patience: Duration) -> bool {
    let start = Instant::now();
    while sleepers().len() < count {
        if start.elapsed() > patience {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// A caller that is asleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sleeper {
    /// The kernel's number for it.
    pub(super) id: u32,
    /// How often it has gone to sleep so far.
    pub(super) times: u64,
}

/// The callers of the herd that are asleep.
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

//! What the situations are made with: threads that come together, and a way to know that they sleep.

use std::sync::Arc;
use std::thread::{self, Builder};
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

/// How the threads of [`herd`] are named, for [`asleep`] to find them.
const CALLER: &str = "caller";

/// Runs `ask` on `callers` threads at once, with the number of each, and returns what each brought back.
pub(super) fn herd<T: Send>(callers: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Gate::default();
    thread::scope(|scope| {
        let (start, ask) = (&start, &ask);
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let ask = move || {
                    start.meet(callers);
                    ask(caller)
                };
                Builder::new().name(CALLER.into()).spawn_scoped(scope, ask).expect("a thread for each caller")
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
    loop {
        if callers().iter().filter(|caller| caller.asleep).count() >= count {
            return true;
        }
        if start.elapsed() > patience {
            return false;
        }
        thread::yield_now();
    }
}

/// One caller, as the kernel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) id: u32,
    pub(super) asleep: bool,
    pub(super) voluntary_switches: u64,
}

/// The callers of the herd that is under way.
#[cfg(target_os = "linux")]
pub(super) fn callers() -> Vec<Caller> {
    let threads = green_threads::probe::threads::all().unwrap_or_default();
    threads
        .into_iter()
        .filter(|thread| thread.name == CALLER)
        .map(|thread| Caller { id: thread.id, asleep: thread.asleep, voluntary_switches: thread.voluntary_switches })
        .collect()
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn callers() -> Vec<Caller> {
    Vec::new()
}

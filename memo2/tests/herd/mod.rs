//! Callers that ask at once, and a leader that waits until they do.

use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

/// The size of a herd.
pub(crate) const CALLERS: usize = 8;

/// How many callers of the current herd have begun to ask. There is one herd at a time, because each test has a
/// process of its own.
static ASKING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// Calls `ask` from [`CALLERS`] threads at once, with the number of each, and returns what each got.
pub(crate) fn herd<T: Send>(ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    *ASKING.0.lock().unwrap() = 0;
    let start = Barrier::new(CALLERS);
    thread::scope(|scope| {
        let (start, ask) = (&start, &ask);
        let callers = (0..CALLERS).map(|caller| {
            scope.spawn(move || {
                start.wait();
                *ASKING.0.lock().unwrap() += 1;
                ASKING.1.notify_all();
                ask(caller)
            })
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// What a leader does in `f`: it sleeps until all callers of its herd ask, and then lets them run first, so that
/// most of them wait in the memo. On a busy machine a yield can take long, so there are few. A caller that is later
/// still does no harm.
pub(crate) fn dawdle() {
    let mut asking = ASKING.0.lock().unwrap();
    while *asking < CALLERS {
        asking = ASKING.1.wait(asking).unwrap();
    }
    drop(asking);
    (0..2).for_each(|_| thread::yield_now());
}

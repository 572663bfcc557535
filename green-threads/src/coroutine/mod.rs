//! Coroutines: a thin façade over [`may`] that closes its traps.
//!
//! `may` runs stackful coroutines on a few worker threads, as Go runs goroutines: a coroutine that waits on one of
//! `may`'s own primitives gives its worker to another coroutine. The rules for using `may` correctly are scattered
//! over many places. Here the types enforce them:
//!
//! | `may` 0.3.51 by itself | here |
//! |---|---|
//! | stack sizes are in words; an odd number commits every page; a size that is not a whole number of pages is never reused | [`StackSize`](crate::StackSize), in bytes, checked |
//! | a setting made after the first spawn changes nothing, but reads back as if it had | [`start`] takes all settings once and checks what `may` really runs with; a second call is an error |
//! | 0 workers mean one per core; a pool of 0 means 1000 | [`Workers`](crate::Workers) and [`Config::pool`] say what they mean |
//! | workers are pinned to cores; those of tokio and Go are not | not pinned, unless [`Config::pinned`] |
//! | at the limit of mappings a spawn panics; with `RUST_BACKTRACE=1` the process hangs | [`Runtime::spawn`] returns an [`io::Error`](std::io::Error) |
//! | after a sleep a coroutine runs on the timer thread, beside the workers | [`sleep`] returns on a worker |
//! | `join` returns a panic, an overflow and a cancellation as one `Box<dyn Any>` | [`JoinError`] tells them apart |
//! | a coroutine that ends right after a park may lose its worker forever | not closed: [`park`] says how to avoid it |
//! | a coroutine that is cancelled in `mpsc`'s `recv`, just when it is woken, spins forever on its worker | not closed: a coroutine that may be cancelled should wait in [`mpmc`], in a [`SyncFlag`] or on a [`Mutex`] |
//! | `mpmc`'s `recv` may report that all senders are gone just after the last of them has sent a value and left | not closed: a second `recv` returns the value |
//! | `go!` hides that spawning is unsafe | [`Runtime::spawn`] is an `unsafe fn` |
//!
//! No façade can close the rest. A coroutine that does not yield keeps its worker: there is no preemption, and a
//! call that blocks the OS thread blocks the worker. With one worker, a coroutine that waits by spinning, even on
//! [`yield_now`], may wait forever. A thread outside the runtime should wait for a coroutine by
//! [`JoinHandle::join`] or by a channel of std or crossbeam, never in `may::sync::spsc`, which loses wake-ups
//! there (may's issue 126).

#[allow(unsafe_code, reason = "it spawns to see where a coroutine runs")]
mod found;
#[allow(unsafe_code, reason = "it asks the kernel for mappings")]
mod room;
#[allow(
    unsafe_code,
    reason = "a coroutine runs on a stack and on threads that the compiler does not see"
)]
mod spawn;
mod start;

pub use may::coroutine::yield_now;
pub use may::coroutine_local;
/// Primitives on which a coroutine waits without holding its worker. The single-producer queue `spsc` is left out:
/// it has a data race that safe code can reach (may's issue 128).
pub use may::sync::{Condvar, Mutex, SyncFlag, mpmc, mpsc};
pub use spawn::{Coroutine, JoinError, JoinHandle};
pub use start::{Config, Runtime, StartError, start};

use std::time::Duration;

/// Waits until [`Coroutine::unpark`] is called. Returns at once if it was called before. May also return without a
/// reason, as a thread's park may.
///
/// Between its last park and its end, a coroutine must [`yield_now`] once. If the unpark arrives while `may`
/// 0.3.51 is still parking the coroutine, `may` resumes it inside the code that parks it. If the coroutine ends
/// there, it waits for the parking to finish, the parking waits for the coroutine, and the worker is lost: it
/// spins. A yield leaves the parking code. (A yield in this function, after every park, would close the trap, but
/// it would double the cost of a park.)
pub fn park() {
    may::coroutine::park();
}

/// Waits for at least `time` and lets other coroutines run meanwhile.
///
/// `may` wakes a sleeper on its timer thread, where the sleeper would run beside the workers until its next yield.
/// So this function yields once more, which moves the coroutine back to a worker. That costs one more system call
/// (a write that tells the worker).
#[allow(clippy::disallowed_methods, reason = "the code that closes the trap may use it")]
pub fn sleep(time: Duration) {
    may::coroutine::sleep(time);
    yield_now();
}

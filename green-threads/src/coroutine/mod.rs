//! Coroutines: a thin façade over [`may`] that closes its traps.
//!
//! `may` runs stackful coroutines on a few worker threads, as Go runs goroutines: a coroutine that waits on one of
//! `may`'s own primitives gives its worker to another. What one has to know to use it rightly is in many places; here
//! the types know it:
//!
//! | `may` 0.3.51 by itself | here |
//! |---|---|
//! | stack sizes are in words; an odd number commits every page, and one that is no whole number of pages is never reused | [`StackSize`](crate::StackSize), in bytes, checked |
//! | a setting made after the first spawn changes nothing, and reads back as if it had | [`start`] takes them all, once, and looks what `may` really runs with; a second call is an error |
//! | 0 workers mean one a core, a pool of 0 means 1000 | [`Workers`](crate::Workers) and [`Config::pool`] say what they mean |
//! | workers are pinned to cores, those of tokio and Go are not | not pinned, unless [`Config::pinned`] |
//! | at the limit of mappings a spawn panics, and with `RUST_BACKTRACE=1` the process hangs | [`Runtime::spawn`] returns an [`io::Error`](std::io::Error) |
//! | after a sleep a coroutine runs on the timer thread, beside the workers | [`sleep`] comes back on a worker |
//! | `join` gives a panic, an overflow and a cancellation as one `Box<dyn Any>` | [`JoinError`] tells them apart |
//! | a coroutine that ends right after a park may lose its worker for ever | said at [`park`], which shows the way round |
//! | a coroutine that is cancelled in `mpsc`'s `recv`, just when it is woken, spins for ever on its worker | said here: whoever may be cancelled should wait in [`mpmc`], in a [`SyncFlag`] or on a [`Mutex`] |
//! | `mpmc`'s `recv` may say that all senders are gone just when the last of them has sent a value and gone | said here: there is a value at a second look |
//! | `go!` hides that spawning is unsafe | [`Runtime::spawn`] is an `unsafe fn` |
//!
//! What no façade can close stays true. A coroutine that does not yield keeps its worker: there is no preemption, and a
//! call that blocks the OS thread blocks the worker. With one worker, a coroutine that waits by spinning, even on
//! [`yield_now`], may wait for ever. A thread outside the runtime should wait for a coroutine by
//! [`JoinHandle::join`] or by a channel of std or crossbeam, never in `may::sync::spsc`, which loses wake-ups there
//! (may's issue 126).

#[allow(unsafe_code, reason = "it spawns to see where a coroutine runs")]
mod found;
#[allow(unsafe_code, reason = "it asks the kernel for mappings")]
mod room;
#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
mod spawn;
mod start;

pub use may::coroutine::yield_now;
pub use may::coroutine_local;
/// What coroutines wait on without holding their worker. The single-producer queue `spsc` is left out: it has a data
/// race that safe code reaches (may's issue 128).
pub use may::sync::{Condvar, Mutex, SyncFlag, mpmc, mpsc};
pub use spawn::{Coroutine, JoinError, JoinHandle};
pub use start::{Config, Runtime, StartError, start};

use std::time::Duration;

/// Waits until [`Coroutine::unpark`] is called, or was called before; or returns for no reason, as a thread's may.
///
/// Between its last park and its end, a coroutine must [`yield_now`] once. Where the unpark comes while `may` still
/// puts the coroutine to rest, `may` 0.3.51 runs it on within its own parking: if it ends there, it waits for the
/// parking to be over, which waits for it, and its worker is lost, spinning. To yield gets it out. (To yield here,
/// after every park, would close the trap, and double what a park costs.)
pub fn park() {
    may::coroutine::park();
}

/// Waits for at least `time` and lets others run meanwhile.
///
/// `may` wakes a sleeper on its timer thread, where it would go on running beside the workers until it next yields. So
/// this yields once more, which puts it back on a worker, for one more system call (a write that tells the worker).
#[allow(clippy::disallowed_methods, reason = "what closes the trap may pass by it")]
pub fn sleep(time: Duration) {
    may::coroutine::sleep(time);
    yield_now();
}

//! Spawning and joining coroutines.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use generator::Error as Ended;
use may::coroutine::Builder;
use thiserror::Error;

use super::Runtime;

impl Runtime {
    /// Runs `f` on a coroutine.
    ///
    /// # Errors
    ///
    /// If its stack has no room, as at the limit of mappings (`vm.max_map_count`), which some 32,000 coroutines reach.
    ///
    /// # Safety
    ///
    /// `f` runs on a stack of its own, which does not grow, and after each yield it may go on on another OS thread. A
    /// *yield* is whatever suspends the coroutine: [`yield_now`](super::yield_now), [`sleep`](super::sleep),
    /// [`park`](super::park), a wait on anything of [`may::sync`], a join. The compiler knows neither, so the caller
    /// must see to it, line by line:
    ///
    /// 1. **Nothing of a thread is held across a yield.** No reference into a `thread_local!` (it would point into
    ///    another thread's storage afterwards), and no function that yields may read a `thread_local!` both before and
    ///    after (the compiler may keep the address that it computed first). In practice: read them in functions of
    ///    their own that do not yield and are not inlined.
    /// 2. **Nothing that is not `Send` lives across a yield**: no `Rc` that somebody else holds too, no guard of an OS
    ///    mutex, which belongs to the thread that locked it. (For a thread or a task the compiler checks this; here it
    ///    only sees what `f` captures, and not what `f` makes.)
    /// 3. **The stack is large enough for the deepest call**, that of a panic's printing included. An overflow into the
    ///    guard page ends the coroutine without running destructors ([`JoinError::Overflowed`]), or the process. A
    ///    frame larger than a page is safe only since Rust probes every page of it, which foreign code may not do.
    pub unsafe fn spawn<F, T>(&'static self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let place = self.room.enter()?;
        let body = move || {
            let _place = place;
            f()
        };
        // Where there is no memory for a stack, `may` panics, though it promises an error.
        let spawned = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: what `may` asks is what our own caller promises; the place adds no thread-local, and two words
            // to the stack.
            unsafe { Builder::new().spawn(body) }
        }));
        let refused = |_| io::Error::new(io::ErrorKind::OutOfMemory, "the operating system refused a stack");
        Ok(JoinHandle(spawned.map_err(refused)??))
    }
}

/// A coroutine, to be joined. If it is dropped, the coroutine goes on alone.
pub struct JoinHandle<T>(may::coroutine::JoinHandle<T>);

/// A handle to a coroutine that runs or has run.
#[derive(Clone, Debug)]
pub struct Coroutine(may::coroutine::Coroutine);

/// Why a coroutine has no result.
#[derive(Error)]
pub enum JoinError {
    /// It panicked with this.
    #[error("the coroutine panicked: {}", text(&**.0))]
    Panicked(Box<dyn Any + Send>),
    /// It ran over the end of its stack. Its destructors did not run, and what it held is lost: memory leaks, and what
    /// it had locked stays locked. It is luck to get this: where the last frames also wrote the lowest 64 bytes of the
    /// stack, `may` takes that for an overflow that nobody noticed, and ends the process with status 1.
    #[error("the coroutine overflowed its stack, and its destructors did not run")]
    Overflowed,
    /// It was cancelled.
    #[error("the coroutine was cancelled")]
    Cancelled,
}

impl<T> JoinHandle<T> {
    /// Waits for its result; from a coroutine or from any thread.
    ///
    /// # Errors
    ///
    /// If it panicked, overflowed its stack, or was cancelled.
    pub fn join(self) -> Result<T, JoinError> {
        self.0.join().map_err(|end| match end.downcast_ref::<Ended>() {
            Some(Ended::StackErr) => JoinError::Overflowed,
            Some(Ended::Cancel) => JoinError::Cancelled,
            _ => JoinError::Panicked(end),
        })
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// The coroutine, to be woken or cancelled by.
    #[must_use]
    pub fn coroutine(&self) -> Coroutine {
        Coroutine(self.0.coroutine().clone())
    }
}

impl Coroutine {
    /// The coroutine that calls this.
    ///
    /// # Panics
    ///
    /// If a thread calls it that runs no coroutine.
    #[must_use]
    pub fn current() -> Self {
        Coroutine(may::coroutine::current())
    }

    /// Lets its [`park`](super::park) return: the one in which it is, or else its next.
    pub fn unpark(&self) {
        self.0.unpark();
    }

    /// Has it end at its next yield, or in the one in which it is, by unwinding.
    ///
    /// # Safety
    ///
    /// Every frame of the coroutine must bear to be unwound from whatever it yields in: `unsafe` code that has broken
    /// an invariant and repairs it after the yield does not. A `catch_unwind` in it must pass the unwinding on.
    pub unsafe fn cancel(&self) {
        // SAFETY: our caller promises what `may` asks.
        unsafe { self.0.cancel() }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JoinHandle").field("done", &self.is_done()).finish()
    }
}

/// What a panic said, if it said text.
fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no text")
}

impl fmt::Debug for JoinError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        io::Error::other(error.to_string())
    }
}

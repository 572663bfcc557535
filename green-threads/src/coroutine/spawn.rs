//! Spawning and joining coroutines.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use generator::Error as Ended;
use may::coroutine::Builder;
use thiserror::Error;

use super::start::Runtime;

impl Runtime {
    /// Runs `f` on a coroutine.
    ///
    /// # Errors
    ///
    /// If there is no room for its stack, as at the limit of mappings (`vm.max_map_count`), which about 32,000
    /// coroutines reach.
    ///
    /// # Safety
    ///
    /// `f` runs on a stack of its own, which does not grow, and after each yield it may continue on another OS
    /// thread. A *yield* is anything that suspends the coroutine: [`yield_now`](super::yield_now),
    /// [`sleep`](super::sleep), [`park`](super::park), a wait on anything of [`may::sync`], a join. The compiler
    /// knows neither, so the caller must make sure of three things, line by line:
    ///
    /// 1. **Nothing of a thread is held across a yield.** No reference into a `thread_local!` is held (after the
    ///    yield it would point into another thread's storage), and no function that yields reads a `thread_local!`
    ///    both before and after (the compiler may keep the address that it computed first). In practice: read
    ///    thread-locals in functions of their own that do not yield and are not inlined.
    /// 2. **Nothing that is not `Send` lives across a yield**: no `Rc` that is also held elsewhere, no guard of an
    ///    OS mutex, which belongs to the thread that locked it. (For a thread or a task the compiler checks this;
    ///    here it only sees what `f` captures, and not what `f` creates.)
    /// 3. **The stack is large enough for the deepest call**, including the printing of a panic. An overflow into
    ///    the guard page ends the coroutine without running destructors ([`JoinError::Overflowed`]), or it ends
    ///    the process. A frame larger than a page is safe only because Rust probes every page of it, which foreign
    ///    code may not do.
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
        // If there is no memory for a stack, `may` panics, though its signature promises an error.
        let spawned = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: our own caller promises what `may` requires. The place adds no thread-local, and two words
            // to the stack.
            unsafe { Builder::new().spawn(body) }
        }));
        let refused = |_| {
            io::Error::new(
                io::ErrorKind::OutOfMemory,
                "the operating system refused a stack",
            )
        };
        Ok(JoinHandle(spawned.map_err(refused)??))
    }
}

/// A handle that waits for a coroutine's result. If it is dropped, the coroutine continues on its own.
pub struct JoinHandle<T>(may::coroutine::JoinHandle<T>);

/// A handle that wakes or cancels a coroutine. The coroutine may have ended.
#[derive(Clone, Debug)]
pub struct Coroutine(may::coroutine::Coroutine);

/// Why a coroutine has no result.
#[derive(Error)]
pub enum JoinError {
    /// The coroutine panicked with this payload.
    #[error("the coroutine panicked: {}", text(&**.0))]
    Panicked(Box<dyn Any + Send>),
    /// The coroutine ran over the end of its stack. Its destructors did not run, and what it held is lost: memory
    /// leaks, and what it had locked stays locked. It takes luck to receive this error: if the last frames also
    /// wrote the lowest word of the stack, `may` assumes an overflow that went unnoticed, and ends the process with
    /// status 1.
    #[error("the coroutine overflowed its stack, and its destructors did not run")]
    Overflowed,
    /// [`Coroutine::cancel`] ended the coroutine.
    #[error("the coroutine was cancelled")]
    Cancelled,
}

impl<T> JoinHandle<T> {
    /// Waits for the coroutine's result. May be called from a coroutine or from any thread.
    ///
    /// # Errors
    ///
    /// If the coroutine panicked, overflowed its stack, or was cancelled.
    pub fn join(self) -> Result<T, JoinError> {
        self.0.join().map_err(|end| match end.downcast_ref::<Ended>() {
            Some(Ended::StackErr) => JoinError::Overflowed,
            Some(Ended::Cancel) => JoinError::Cancelled,
            _ => JoinError::Panicked(end),
        })
    }

    /// Returns whether the coroutine has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// Returns the handle that wakes or cancels the coroutine.
    #[must_use]
    pub fn coroutine(&self) -> Coroutine {
        Coroutine(self.0.coroutine().clone())
    }
}

impl Coroutine {
    /// Returns the coroutine that calls this.
    ///
    /// # Panics
    ///
    /// If the calling thread runs no coroutine.
    #[must_use]
    pub fn current() -> Self {
        Coroutine(may::coroutine::current())
    }

    /// Makes the coroutine's current [`park`](super::park) return, or its next one if it is not parked.
    pub fn unpark(&self) {
        self.0.unpark();
    }

    /// Ends the coroutine by unwinding: in the yield where it waits now, or at its next yield.
    ///
    /// # Safety
    ///
    /// Every frame of the coroutine must allow unwinding out of any yield it makes. `unsafe` code that breaks an
    /// invariant before a yield and repairs it afterwards does not allow that. A `catch_unwind` in the coroutine
    /// must pass the unwinding on.
    pub unsafe fn cancel(&self) {
        // SAFETY: our caller promises what `may` requires.
        unsafe { self.0.cancel() }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JoinHandle").field("done", &self.is_done()).finish()
    }
}

/// Returns the panic's message, if its payload is text.
fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with no text")
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

//! Runs the users' code on the monitor. That code may panic, and the panic must not end the monitor.
//!
//! If the monitor ends, every caller fails. So a key's `Hash`, `Eq` and `Drop`, a value's `Drop`, and the `Drop` of
//! a panic's payload run through these functions, each of them separately: two panics at once would end the
//! process.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `code`. If it panics, returns the payload of the panic.
pub(crate) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    catch_unwind(AssertUnwindSafe(code))
}

/// Runs `code`. If it panics, only the message on standard error is left of the panic.
pub(crate) fn quietly<T>(code: impl FnOnce() -> T) {
    let Err(payload) = caught(|| drop(code())) else { return };
    if let Err(another) = caught(|| drop(payload)) {
        // The payload's Drop has panicked, and `another` is the payload of that panic. Dropping it could go on
        // forever.
        mem::forget(another);
    }
}

/// Drops things one after the other. When all are dropped, the first panic continues.
#[derive(Default)]
pub(crate) struct Drops(Option<Payload>);

impl Drops {
    pub(crate) fn drop<T>(&mut self, thing: T) {
        match caught(|| drop(thing)) {
            Ok(()) => {}
            Err(payload) if self.0.is_none() => self.0 = Some(payload),
            Err(payload) => quietly(|| drop(payload)),
        }
    }

    /// During an unwinding the panic cannot continue: two panics would end the process.
    pub(crate) fn end(self) {
        match self.0 {
            Some(payload) if thread::panicking() => quietly(|| drop(payload)),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

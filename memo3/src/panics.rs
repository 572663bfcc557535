//! Code of the memo's users that runs on the monitor: it may panic, and the monitor must not end by that.
//!
//! A monitor that ends takes every caller along. So a key's `Hash`, `Eq` and `Drop`, a value's `Drop`, and the `Drop`
//! of a panic's payload run in here, and each on its own: two panics at once would end the process.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `code`, and returns what it panicked with if it did.
pub(crate) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    catch_unwind(AssertUnwindSafe(code))
}

/// Runs `code`. If it panics, the message on standard error is all that is left of that.
pub(crate) fn quietly<T>(code: impl FnOnce() -> T) {
    let Err(payload) = caught(|| drop(code())) else { return };
    if let Err(another) = caught(|| drop(payload)) {
        // A payload's Drop has panicked, and this is what it panicked with. Dropping it could go on forever.
        mem::forget(another);
    }
}

/// Drops things one after the other. When all are gone, the first panic goes on.
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

    /// In an unwinding that is under way the panic cannot go on: two would end the process.
    pub(crate) fn end(self) {
        match self.0 {
            Some(payload) if thread::panicking() => quietly(|| drop(payload)),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

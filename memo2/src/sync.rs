//! What the memos synchronise with.
//!
//! It stands in one place so that it can be exchanged: the tests in `tests/model/` and `tests/schedules/` compile these
//! memos a second time, with the types of a model checker under the same names, and then try many orders in which
//! threads can take their turns.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic;

pub(crate) use parking_lot::{Condvar, Mutex};

/// A static that is made at its first use.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attribute])*
        static $name: std::sync::LazyLock<$type> = std::sync::LazyLock::new(|| $value);
    };
}
pub(crate) use global;

//! The types with which the memos synchronise.
//!
//! They are in one place so that they can be exchanged: the tests in `tests/model/` and `tests/schedules/` compile
//! these memos a second time, with a model checker's types under the same names. They then try many orders in which
//! threads can take their turns.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic;

pub(crate) use parking_lot::{Condvar, Mutex};

/// Declares a static that is initialised at its first use.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attribute])*
        static $name: std::sync::LazyLock<$type> = std::sync::LazyLock::new(|| $value);
    };
}
pub(crate) use global;

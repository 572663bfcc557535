//! What the memos synchronise with.
//!
//! It stands in one place so that it can be exchanged: the tests in `tests/model/` compile these memos a second time, with
//! the types of a model checker under the same names, and then run every order in which threads can take their turns.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic;

pub(crate) use parking_lot::{Condvar, Mutex};

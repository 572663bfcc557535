//! The programs that try the properties. Each takes a memo of the chosen subject through one situation.
//!
//! Most serve threads, coroutines and tasks alike. Those of `cancelled.rs` are for coroutines only: there a caller leaves
//! by unwinding. Those of `dropped.rs` are for tasks only: there a caller leaves when its future is dropped.

pub(super) mod cancelled;
pub(super) mod dropped;
pub(super) mod forgotten;
pub(super) mod herds;
pub(super) mod overlap;
pub(super) mod panicking;
pub(super) mod polled_in_wake;
pub(super) mod recursion;
pub(super) mod resources;
pub(super) mod storm_of_coroutines;
pub(super) mod storm_of_tasks;
pub(super) mod values;

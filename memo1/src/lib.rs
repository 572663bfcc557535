//! The unsafe memo: a cache without a lock.
//!
//! A memo remembers what a slow function `f` answered for each key, so that `f` runs once a key. This crate holds the
//! first try of gopl section 9.7 (its `memo1`), twice:
//!
//! - [`Memo`], in safe Rust. It is right, on one thread. Two threads cannot share it: the compiler refuses, because
//!   the map inside is not [`Sync`]. Go has no such refusal, and finds the same mistake at run time, if at all.
//! - [`racy::Memo`], the same memo with that refusal overruled by `unsafe`. Shared by two threads it is what Go's
//!   `memo1` is: a data race. It exists so that the race can be *run* (`cargo lab race`) and be caught by a model
//!   checker (`tests/model.rs`) and by ThreadSanitizer.

mod cell;
mod memo;
pub mod racy;

pub use memo::Memo;

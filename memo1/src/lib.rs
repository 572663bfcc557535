//! The unsafe memo: a cache without a lock.
//!
//! A memo remembers what a slow function `f` returned for each key, so that `f` runs once per key. This crate holds
//! the first try of gopl section 9.7 (its `memo1`), twice:
//!
//! - [`Memo`], in safe Rust. It is correct on one thread. Two threads cannot share it: the compiler refuses,
//!   because the map inside is not [`Sync`]. Go does not refuse. It finds the same mistake at run time, if at all.
//! - [`racy::Memo`], the same memo with that refusal overruled by `unsafe`. If two threads share it, it has the
//!   data race of Go's `memo1`. It exists so that you can *run* the race (`cargo lab race`), and so that a model
//!   checker (`tests/model.rs`) and ThreadSanitizer can catch it.
//!
//! # Example
//!
//! ```
//! use std::cell::Cell;
//!
//! let calls = Cell::new(0);
//! let memo = memo1::Memo::new(|url: &String| {
//!     calls.set(calls.get() + 1);
//!     url.len()
//! });
//! let url = "https://go.dev/".to_string();
//! assert_eq!(memo.get(&url), 15);
//! assert_eq!(memo.get(&url), 15);
//! assert_eq!(calls.get(), 1);
//! ```

mod cell;
mod memo;
pub mod racy;

pub use memo::Memo;

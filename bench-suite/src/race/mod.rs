//! The race of memo1, run: what becomes of a program whose threads share an unprotected map.
//!
//! The programs are examples of the memos' own crates, so that the `unsafe` stays where its lesson is:
//! `memo1/examples/race.rs`, and the same with a lock, `memo2/examples/herd.rs`. Cargo builds them, and each run is a
//! process of its own under a deadline, since it may end in any way.

mod example;
mod fate;
mod sanitizer;

pub use example::Example;
pub use fate::{Fate, run};
pub use sanitizer::{Verdict, sanitize};

//! Runs the race of memo1: a program whose threads share an unprotected map. Reports how each run ends.
//!
//! The programs are in the memos' own crates, so that the `unsafe` stays where its lesson is:
//! `memo1/src/bin/race.rs`, and the same with a lock, `memo2/src/bin/herd.rs`. Cargo builds them. Each run is a
//! process of its own under a deadline, because it may end in any way.

mod damage;
mod program;
mod sanitizer;

pub use damage::{Damage, run};
pub use program::Program;
pub use sanitizer::{Detected, sanitize};

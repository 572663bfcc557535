//! The mutex memo, as a ladder. Each step is one small file, and its difference from the step before is the lesson:
//!
//! | step | what it does | gopl |
//! |---|---|---|
//! | [`coarse`] | one lock, held while `f` runs: correct, and serial | memo2 |
//! | [`duplicating`] | the lock is released while `f` runs: parallel, but it may call `f` twice for a key | memo3 |
//! | [`Memo`] | a lock and a ready signal for each key: parallel, and one call per key | memo4 |
//! | [`lending`] | values that stay in place: a hit takes no lock | beyond |
//! | [`robust`] | cycles are errors, callers can leave, values can be forgotten | exercise 9.3, and beyond |
//!
//! [`Memo`] is the textbook answer. Begin with `coarse.rs`.
//!
//! Two modules hold the same memo for other runtimes, each behind a feature: `coroutine` (feature `may`) for
//! stackful coroutines, and `task` (feature `tokio`) for async tasks. Compare them with `memo.rs` to see what the
//! runtime changes.

#![deny(unsafe_code)]

pub mod coarse;
pub mod duplicating;
mod memo;
pub mod robust;
mod sync;

// The only module with `unsafe` code. All of it is in the file `table.rs`.
#[allow(unsafe_code, reason = "the table lends entries that threads share")]
pub mod lending;

pub use memo::Memo;

// The same memo for callers that are not threads.
#[cfg(feature = "may")]
pub mod coroutine;
#[cfg(feature = "tokio")]
pub mod task;

//! The mutex memo, as a ladder. Each step is one small file, and the difference to the step before it is the lesson:
//!
//! | step | what it does | gopl |
//! |---|---|---|
//! | [`coarse`] | one lock, held while `f` runs: right, and serial | memo2 |
//! | [`duplicating`] | the lock let go while `f` runs: parallel, and it may call `f` twice for a key | memo3 |
//! | [`Memo`] | a lock and a ready signal for each key: parallel, and one call a key | memo4 |
//! | [`lending`] | values that stay where they are: a hit takes no lock | beyond |
//! | [`robust`] | cycles are errors, callers can leave, values can be forgotten | exercise 9.3, and beyond |
//!
//! [`Memo`] is the textbook answer. Begin with `coarse.rs`.
//!
//! Its twins for other runtimes stand beside it, each behind a feature: `coroutine` (feature `may`) for stackful
//! coroutines, `task` (feature `tokio`) for async tasks. A diff with `memo.rs` shows what the runtime changes.

#![deny(unsafe_code)]

pub mod coarse;
pub mod duplicating;
mod memo;
pub mod robust;
mod sync;

// The one place with `unsafe`, and in it, the one file `table.rs`.
#[allow(unsafe_code, reason = "the table lends entries that threads share")]
pub mod lending;

pub use memo::Memo;

// The same memo where the callers are no threads.
#[cfg(feature = "may")]
pub mod coroutine;
#[cfg(feature = "tokio")]
pub mod task;

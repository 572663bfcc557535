//! The channel memo: a *monitor* owns the map, and callers send it requests.
//!
//! `memo.rs` has no lock. The map belongs to one thread, so no data race on it is possible. Callers
//! *communicate* with that thread over a channel, and each call of `f` runs on a thread of its own, so that the
//! monitor is always free to receive. This is the second of gopl's two answers (section 9.7, its `memo5`). The rule
//! behind it is Go's proverb: do not communicate by sharing memory; share memory by communicating.
//!
//! Two modules hold the same memo for other runtimes, each behind a feature: `coroutine` (feature `may`) for
//! stackful coroutines, and `task` (feature `tokio`) for async tasks. Compare them with `memo.rs` to see what the
//! runtime changes.

#![deny(unsafe_code)]
#![cfg_attr(not(feature = "may"), forbid(unsafe_code))]

mod map;
mod memo;
mod panics;
mod sync;

pub use memo::Memo;

// The same memo without threads of its own.
#[cfg(feature = "may")]
#[allow(
    unsafe_code,
    reason = "the compiler does not see on which stack and threads a coroutine runs"
)]
pub mod coroutine;
#[cfg(feature = "tokio")]
pub mod task;

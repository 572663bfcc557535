//! The channel memo: a *monitor* owns the map, and callers send it requests.
//!
//! No lock is in sight. The map belongs to one thread, so nothing about it can race; callers *communicate* with that
//! thread, over a channel, and each call of `f` runs on a thread of its own, so that the monitor is always free to
//! listen. This is the other of gopl's two answers (section 9.7, its `memo5`), and the rule behind it is Go's proverb:
//! do not communicate by sharing memory; share memory by communicating.
//!
//! Its twins for other runtimes stand beside it, each behind a feature: `coroutine` (feature `may`) for stackful
//! coroutines, `task` (feature `tokio`) for async tasks. A diff with `memo.rs` shows what the runtime changes.

#![deny(unsafe_code)]
#![cfg_attr(not(feature = "may"), forbid(unsafe_code))]

mod map;
mod memo;
mod panics;
mod sync;

pub use memo::Memo;

// The same memo where nobody is a thread.
#[cfg(feature = "may")]
#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
pub mod coroutine;
#[cfg(feature = "tokio")]
pub mod task;

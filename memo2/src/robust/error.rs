//! Why a caller gets no value.

use std::fmt;

// ANCHOR: error
/// Why a caller gets no value. Keys are text, as their `Debug` writes them, because a wait can lead through memos of
/// different types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The call that asked would have waited for itself.
    Cycle {
        /// Each key's call waits for the next. The first and the last are the call that asked.
        path: Vec<String>,
    },
    /// The caller's token was cancelled, or the call for which it asked was told to stop.
    Cancelled {
        /// The key that it asked for.
        key: String,
        /// The calls that it was waiting for then: each key's call waits for the next, and the last is at work. Empty if
        /// it did not wait.
        waits_for: Vec<String>,
    },
    /// The caller's deadline passed.
    Late {
        /// The key that it asked for.
        key: String,
        /// As with `Cancelled`.
        waits_for: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Cycle { path } => write!(
                out,
                "a value cannot wait for itself: {}; let f compute one of them without asking for the next",
                chain(path)
            ),
            Error::Cancelled { key, waits_for } => {
                write!(out, "{key} was cancelled before its value was there{}", waited(waits_for))
            }
            Error::Late { key, waits_for } => {
                write!(out, "{key} had no value when its deadline passed{}", waited(waits_for))
            }
        }
    }
}

fn waited(waits_for: &[String]) -> String {
    match waits_for {
        [] => String::new(),
        [.., last] => format!("; it waited for {}, and {last} is at work", chain(waits_for)),
    }
}

/// The keys with arrows between them; of a long chain, its two ends.
fn chain(keys: &[String]) -> String {
    const ENDS: usize = 5;
    if keys.len() <= 2 * ENDS {
        return keys.join(" -> ");
    }
    let (first, last) = (keys[..ENDS].join(" -> "), keys[keys.len() - ENDS..].join(" -> "));
    format!("{first} -> ({} more) -> {last}", keys.len() - 2 * ENDS)
}

impl std::error::Error for Error {}
// ANCHOR_END: error

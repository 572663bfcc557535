//! Why a caller gets no value.

use std::fmt;

// ANCHOR: error
/// Why a caller gets no value. Keys are given in words, as their `Debug` writes them, since a wait can lead through
/// memos of different types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// To wait would have been to wait for oneself.
    Cycle {
        /// Each key's call waits for the next; the first and the last are the one that asked.
        path: Vec<String>,
    },
    /// The caller's token was cancelled, or the call was that it asked for.
    Cancelled {
        /// What it asked for.
        key: String,
        /// What it was waiting for then: each key's call waits for the next, and the last is at work. Empty if it
        /// waited for nobody.
        waits_for: Vec<String>,
    },
    /// The caller's deadline passed.
    Late {
        /// What it asked for.
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

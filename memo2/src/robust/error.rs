//! Why a caller gets no value.

use std::fmt;

// ANCHOR: error
/// The reason why a caller gets no value. Keys are text, as their `Debug` writes them,
/// because a chain of waits can lead through memos of different types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The call that asked would have waited for itself.
    Cycle {
        /// The keys of the cycle: the call of each key waits for the next. The first and
        /// the last key are that of the call that asked.
        path: Vec<String>,
    },
    /// The caller's token was cancelled, or the call on whose behalf it asked was told to
    /// stop.
    Cancelled {
        /// The key that the caller asked for.
        key: String,
        /// The keys of the calls that the caller was waiting for: the call of each key
        /// waits for the next, and the last is at work. Empty if the caller did not wait.
        waits_for: Vec<String>,
    },
    /// The caller's deadline passed.
    Late {
        /// The key that the caller asked for.
        key: String,
        /// As in [`Cancelled`](Error::Cancelled).
        waits_for: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Cycle { path } => write!(
                out,
                "a value cannot wait for itself: {}; \
                 let f compute one of them without asking for the next",
                chain(path)
            ),
            Error::Cancelled { key, waits_for } => {
                let waited = waited(waits_for);
                write!(out, "{key} was cancelled before it had a value{waited}")
            }
            Error::Late { key, waits_for } => {
                let waited = waited(waits_for);
                write!(out, "{key} had no value when its deadline passed{waited}")
            }
        }
    }
}

fn waited(waits_for: &[String]) -> String {
    match waits_for {
        [] => String::new(),
        [.., last] => {
            let chain = chain(waits_for);
            format!("; it waited for {chain}, and {last} is at work")
        }
    }
}

/// The keys with arrows between them. Of a long chain, only the keys at its two ends.
fn chain(keys: &[String]) -> String {
    const ENDS: usize = 5;
    if keys.len() <= 2 * ENDS {
        return keys.join(" -> ");
    }
    let first = keys[..ENDS].join(" -> ");
    let last = keys[keys.len() - ENDS..].join(" -> ");
    format!("{first} -> ({} more) -> {last}", keys.len() - 2 * ENDS)
}

impl std::error::Error for Error {}
// ANCHOR_END: error

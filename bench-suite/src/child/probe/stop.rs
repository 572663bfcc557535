//! The reasons why a probe gave no answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::child::End;

/// Why a probe gave no answer. It is a result like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The child refused its setup or could not be started, for this reason.
    Refused(String),
    /// The child reached this limit of the system, so it could not do the rest.
    Limit(String),
    /// The child wrote this line, which is not part of the protocol.
    Garbled(String),
    /// The child ended before it answered.
    #[serde(untagged)]
    Ended(End),
}

impl Stop {
    /// A few words for a cell of a table.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Stop::Refused(_) => "refused".into(),
            Stop::Limit(_) => "a limit".into(),
            Stop::Garbled(_) => "garbled".into(),
            Stop::Ended(end) => end.word(),
        }
    }

    /// The same in words that follow "then": what came after the last number.
    #[must_use]
    pub fn event(&self) -> String {
        match self {
            Stop::Refused(_) => "a refusal".into(),
            Stop::Garbled(_) => "a garbled line".into(),
            Stop::Ended(End::Hangs { .. }) => "a hang".into(),
            Stop::Ended(End::Undecided) => "silence".into(),
            stop => stop.word(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Refused(why) => write!(out, "refused: {why}"),
            Stop::Limit(what) => write!(out, "reached a limit: {what}"),
            Stop::Garbled(line) => write!(out, "wrote a line that is not part of the protocol: {line:?}"),
            Stop::Ended(end) => end.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON must not change: older results use the same words.
    #[test]
    fn an_end_is_written_like_any_other_reason() {
        let crash = End::Crashes { signal: "SIGABRT".into(), says: "why".into() };
        for (stop, json) in [
            (Stop::Limit("no room".into()), r#"{"limit":"no room"}"#),
            (Stop::Ended(crash), r#"{"crashes":{"signal":"SIGABRT","says":"why"}}"#),
            (Stop::Ended(End::Hangs { asleep: true }), r#"{"hangs":{"asleep":true}}"#),
            (Stop::Ended(End::Undecided), r#""undecided""#),
        ] {
            assert_eq!(serde_json::to_string(&stop).unwrap(), json);
            assert_eq!(serde_json::from_str::<Stop>(json).unwrap(), stop);
        }
    }
}

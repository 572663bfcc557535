//! Why a probe's child gave no answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::child::End;

/// Why a child gave no answer. It is a result like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// It refused its task, for this reason.
    Refused(String),
    /// It met a limit, which kept it from doing the rest.
    Limit(String),
    /// It said a line that is not part of the protocol.
    Garbled(String),
    /// It ended before it answered.
    #[serde(untagged)]
    Ended(End),
}

impl Stop {
    /// A few words for a table.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Stop::Refused(_) => "refused".into(),
            Stop::Limit(_) => "a limit".into(),
            Stop::Garbled(_) => "garbled".into(),
            Stop::Ended(end) => end.word(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Refused(why) => write!(out, "refused: {why}"),
            Stop::Limit(what) => write!(out, "met a limit: {what}"),
            Stop::Garbled(line) => write!(out, "said a line that is not part of the protocol: {line:?}"),
            Stop::Ended(end) => end.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of any age have these words.
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

//! How a probe's child ended, if not as it should.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::child::{End, Report, signal_name};

/// What became of a child that gave no answer. It is a result like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It said that it cannot do what was asked, and why.
    Refused(String),
    /// It came to a limit: the rest could not be done.
    Limit(String),
    /// It was killed, because there was evidence that it hangs.
    Hangs {
        /// Whether every thread was asleep: a deadlock. Otherwise it used processor time and gave no answer.
        asleep: bool,
    },
    /// It gave no answer for a very long time, and nothing showed that it hangs.
    Undecided,
    /// A signal took it down.
    Crashes {
        /// Which.
        signal: String,
        /// What it said last on its standard error.
        says: String,
    },
    /// It ended itself.
    Exits {
        /// With this status.
        status: i32,
        /// What it said last on its standard error.
        says: String,
    },
    /// It said what nobody understands.
    Garbled(String),
}

impl Fate {
    /// What a child's end tells that was to give an answer.
    pub(super) fn of(report: &Report) -> Self {
        match report.end {
            End::Hang { asleep } => Fate::Hangs { asleep },
            End::Undecided => Fate::Undecided,
            End::Signal(signal) => Fate::Crashes { signal: signal_name(signal), says: complaint(&report.stderr) },
            End::Exit(status) => Fate::Exits { status, says: complaint(&report.stderr) },
        }
    }

    /// A few words for a table.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Fate::Refused(_) => "refused".into(),
            Fate::Limit(_) => "a limit".into(),
            Fate::Hangs { asleep: true } => "hangs, all asleep".into(),
            Fate::Hangs { asleep: false } => "hangs, running".into(),
            Fate::Undecided => "undecided".into(),
            Fate::Crashes { signal, .. } => signal.clone(),
            Fate::Exits { status, .. } => format!("exit status {status}"),
            Fate::Garbled(_) => "garbled".into(),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Refused(why) => write!(out, "refused: {why}"),
            Fate::Limit(what) => write!(out, "came to a limit: {what}"),
            Fate::Hangs { asleep: true } => out.write_str("hangs, every thread asleep"),
            Fate::Hangs { asleep: false } => out.write_str("hangs, some thread still running"),
            Fate::Undecided => out.write_str(crate::child::UNDECIDED),
            Fate::Crashes { signal, says } => write!(out, "crashes by {signal}: {says}"),
            Fate::Exits { status, says } => write!(out, "its process ends itself with status {status}: {says}"),
            Fate::Garbled(line) => write!(out, "says what nobody understands: {line:?}"),
        }
    }
}

/// The line of a program's last words that says what is wrong. A panic says it on its second line.
fn complaint(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let panic = lines.iter().position(|line| line.contains("panicked at"));
    let telling = |line: &&&str| ["overflow", "fatal error", "failed", "error"].iter().any(|word| line.contains(word));
    let line = match panic {
        Some(at) => lines.get(at + 1),
        None => lines.iter().find(telling),
    };
    let line = line.or(lines.first()).copied().unwrap_or("nothing");
    // The numbers of threads differ from run to run.
    let words = line.split(' ').filter(|word| !word.starts_with('(') || !word.ends_with(')'));
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_found_among_last_words() {
        let rust = "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        assert_eq!(complaint(rust), "thread 'main' has overflowed its stack");
        let panic = "\nthread 'main' (7) panicked at src/main.rs:1:1:\nno room\nnote: run with ...\n";
        assert_eq!(complaint(panic), "no room");
        let go =
            "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\ngoroutine 1:\n";
        assert_eq!(complaint(go), "fatal error: stack overflow");
        assert_eq!(complaint("  \n"), "nothing");
        assert_eq!(complaint("hm\n"), "hm");
    }
}

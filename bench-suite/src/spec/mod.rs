//! Conformance: one specification, run over every subject, from every kind of callers.
//!
//! A property is a small program that takes a memo through one situation: from threads and from coroutines ([`spec`]),
//! or from tasks (`tasks`). Each situation runs in a child process under a deadline, so that a hang or a crash is an
//! outcome like any other ([`matrix`]). What a subject does not promise stands in [`declared`], and the suite's test
//! holds both: what is promised is kept, and what is declared to fail really fails.

mod chosen;
pub mod declared;
mod gate;
mod in_step;
mod item;
pub mod matrix;
mod payload;
mod soon;
pub mod spec;
pub mod storm;
mod tasks;

use std::fmt;

use crate::child::End;
use serde::{Deserialize, Serialize};

/// What became of a subject in a situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It does what the property says.
    Kept,
    /// It does something else.
    Broken {
        /// What.
        how: String,
    },
    /// It never ends. There was evidence of that, and its process was killed.
    Hangs {
        /// Whether every thread was asleep: a deadlock. Otherwise it used up its processor time.
        asleep: bool,
    },
    /// It did not end for a very long time, and nothing showed that it hangs.
    Undecided,
    /// It takes its process down.
    Crashes {
        /// By which signal.
        signal: String,
    },
    /// The situation cannot be made with this subject.
    CannotBe {
        /// Why not.
        why: String,
    },
}

/// Why a property cannot be tried on a subject: what its program ends with then.
#[derive(Debug)]
struct CannotBe(&'static str);

impl fmt::Display for CannotBe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl std::error::Error for CannotBe {}

impl Outcome {
    /// One word, as tables show it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::Broken { .. } => "broken",
            Outcome::Hangs { .. } => "hangs",
            Outcome::Undecided => "undecided",
            Outcome::Crashes { .. } => "crashes",
            Outcome::CannotBe { .. } => "-",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Kept => out.write_str("kept"),
            Outcome::Broken { how } => write!(out, "breaks it ({how})"),
            Outcome::Hangs { asleep } => End::Hangs { asleep: *asleep }.fmt(out),
            Outcome::Undecided => End::Undecided.fmt(out),
            Outcome::Crashes { signal } => write!(out, "crashes ({signal})"),
            Outcome::CannotBe { why } => write!(out, "cannot be tried: {why}"),
        }
    }
}

//! The specification: what a memo must do, and which of them does it.
//!
//! A property is a sentence and a small program that takes a memo through one situation ([`PROPERTIES`]). Most programs
//! are written once and run in three worlds: from threads, from coroutines and from tasks (`world/`). Each situation
//! runs in a child process with a deadline, so a hang or a crash is an outcome like any other ([`matrix`]). What a
//! subject is known not to do is [`declared`]. The suite's test holds both: a promise is kept, and a declared failure
//! happens.

pub mod declared;
mod item;
pub mod matrix;
mod payload;
mod program;
mod property;
pub mod storm;
mod world;

use std::fmt;

use crate::child::End;
pub use property::{PROPERTIES, Property};
use serde::{Deserialize, Serialize};

/// The outcome of one subject in one situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The subject does what the property says.
    Kept,
    /// The subject does something else.
    Broken {
        /// What it does.
        how: String,
    },
    /// The program never ends. There was evidence of that, and its process was killed.
    Hangs {
        /// Whether every thread was asleep: a deadlock. Otherwise it used up its processor time.
        asleep: bool,
    },
    /// The program did not end for a very long time, and nothing showed that it hangs.
    Undecided,
    /// The subject takes its process down.
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

/// Why a property cannot be tried on a subject. Its program ends with this error.
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

//! Claims: what the source text says of runtimes, and what this course says of memos on them, held against what was
//! measured.
//!
//! A claim is a row of the ledger ([`all`]): an id, the section it is about, the statement in our words, and a
//! predicate over the results, which gives a figure and a verdict for each model. It reads the store and nothing else,
//! so that it can be asked of anybody's results. Where the suite's tests hold an order or a count, the claim is
//! *pinned*: the verdict that it must have is written beside it.

mod evidence;
mod ledger;
mod pairing;

use crate::store::Store;

pub use evidence::Evidence;
use ledger::GOPL;
use pairing::PAIRING;

/// Every claim: gopl's, in the order of the text, and then ours.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    GOPL.iter().chain(PAIRING)
}

/// A statement that can be measured.
pub struct Claim {
    /// Its name.
    pub id: &'static str,
    /// Who says so: a section of gopl's, or this course.
    pub source: &'static str,
    /// What it says, in our words.
    pub statement: &'static str,
    /// What it is judged by: the experiments whose results it reads.
    pub experiments: &'static [&'static str],
    judge: fn(&Evidence) -> Vec<Finding>,
}

/// What was found for one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The model's name, or that of a memo, which says its runtime.
    pub model: &'static str,
    /// The figure that decides it, in words.
    pub figure: String,
    /// Whether the claim holds of it.
    pub verdict: Verdict,
    /// The verdict that the suite's tests hold it to, if they do.
    pub pinned: Option<Verdict>,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    Holds,
    /// It is not so here.
    DoesNotHold,
    /// It was so when it was written, and is no more since this version.
    OutdatedSince(&'static str),
    /// Nothing has been measured that could tell.
    NotMeasured,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Verdict::Holds => "holds".to_string(),
            Verdict::DoesNotHold => "does not hold".to_string(),
            Verdict::OutdatedSince(version) => format!("outdated since {version}"),
            Verdict::NotMeasured => "not measured".to_string(),
        }
    }
}

impl Finding {
    /// Whether it is otherwise than the tests say.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.verdict != Verdict::NotMeasured && self.pinned.is_some_and(|pinned| pinned != self.verdict)
    }
}

impl Claim {
    /// Judges it by what is in `store`.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Vec<Finding> {
        (self.judge)(evidence)
    }
}

/// The evidence in `store`. What cannot be read is left out, with the reason.
#[must_use]
pub fn evidence(store: &Store) -> (Evidence, Vec<String>) {
    Evidence::read(store, all().flat_map(|claim| claim.experiments.iter().copied()))
}

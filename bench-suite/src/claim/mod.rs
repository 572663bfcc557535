//! Claims: what the source text says of runtimes, and what this course says of memos on them, compared with what was
//! measured.
//!
//! A [`Claim`] states its sentence, the settings that it covers, the subjects that the sentence speaks of, and a
//! predicate over *all* cells of those settings. A claim reads the store and nothing else, so it can be asked of
//! anybody's results. Where a cell is missing or has no answer, the verdict is *not measured*, with what is missing.
//! A claim is *pinned* if a test of this suite measures it anew: the verdict that the test asserts is written beside it.

mod cover;
mod evidence;
mod identity;
mod pairing;
mod sample;
mod scheduling;
mod stacks;

use crate::store::Store;

pub use cover::{Cover, EVERY_CORE};
pub use evidence::Evidence;
use sample::{Gap, Sample};

/// Every claim: those of gopl's section 9.8 in the order of the text, and then ours.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    [stacks::CLAIMS, scheduling::CLAIMS, identity::CLAIMS, pairing::CLAIMS].into_iter().flatten()
}

/// A statement that can be measured.
pub struct Claim {
    /// Its name.
    pub id: &'static str,
    /// Where the statement comes from: a section of gopl, or this course.
    pub source: &'static str,
    /// The statement in our words.
    pub statement: &'static str,
    /// The settings in which it was measured. The predicate sees their cells and no others.
    pub covers: &'static [Cover],
    /// The models or memos that the statement speaks of. Each gets a verdict.
    pub subjects: &'static [&'static str],
    /// Models or memos that are shown for comparison, without a verdict.
    pub beside: &'static [&'static str],
    /// The verdict that a test asserts of every subject, if there is such a test.
    pub pinned: Option<Verdict>,
    judge: fn(&Sample<'_>) -> Judged,
}

/// A verdict and what was measured, in words; or what is missing.
type Judged = Result<(Verdict, String), Gap>;

/// What was found for one model or memo.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The name of the model or memo.
    pub subject: &'static str,
    /// Whether the claim holds of it; `None` if the statement does not speak of it.
    pub verdict: Option<Verdict>,
    /// What was measured, or what is missing, in words.
    pub measured: String,
    /// The verdict that a test asserts, if there is one.
    pub pinned: Option<Verdict>,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every cell bears it out.
    Holds,
    /// Some cell contradicts it.
    DoesNotHold,
    /// It was true until this version.
    OutdatedSince(&'static str),
    /// Something is missing without which nothing can be said.
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
    /// Whether the results contradict what a test asserts. Missing results contradict nothing.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let measured = self.verdict.filter(|verdict| *verdict != Verdict::NotMeasured);
        measured.zip(self.pinned).is_some_and(|(found, pinned)| found != pinned)
    }
}

impl Claim {
    /// Judges it by `evidence`: a finding for each subject, and then for each model beside them.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Vec<Finding> {
        let judged = |subject| {
            let judged = Sample::of(self, evidence, subject).and_then(|sample| (self.judge)(&sample));
            judged.unwrap_or_else(|Gap(missing)| (Verdict::NotMeasured, missing))
        };
        let of_subject = |&subject: &&'static str| {
            let (verdict, measured) = judged(subject);
            Finding { subject, verdict: Some(verdict), measured, pinned: self.pinned }
        };
        let of_other = |&subject: &&'static str| {
            let (_, measured) = judged(subject);
            Finding { subject, verdict: None, measured, pinned: None }
        };
        self.subjects.iter().map(of_subject).chain(self.beside.iter().map(of_other)).collect()
    }
}

/// The evidence in `store`. What cannot be read is left out, with the reason.
#[must_use]
pub fn evidence(store: &Store) -> (Evidence, Vec<String>) {
    Evidence::read(store, all().flat_map(|claim| claim.covers).map(|cover| cover.experiment))
}

const THREAD: &str = "thread";
const COROUTINE: &str = "coroutine";
const TASK: &str = "task";
const CURRENT_THREAD: &str = "task-current-thread";
const GOROUTINE: &str = "goroutine";

fn holds(so: bool) -> Verdict {
    if so { Verdict::Holds } else { Verdict::DoesNotHold }
}

//! Claims: statements of the source text about runtimes, and of this course about memos on them. Each is compared
//! with the results.
//!
//! A [`Claim`] has a statement, the settings that it covers, the subjects that it speaks of, and a predicate over
//! *all* cells of those settings. A claim reads only the store, so it can be judged by the results of any machine.
//! If a cell is missing or has no answer, the verdict is *not measured*, and the finding says what is missing. A
//! claim is *pinned* if a test of this suite measures it anew; the claim then names the verdict that the test
//! asserts.

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

/// Every claim: first those of section 9.8 of gopl in the order of the text, then those of this course.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    [stacks::CLAIMS, scheduling::CLAIMS, identity::CLAIMS, pairing::CLAIMS].into_iter().flatten()
}

/// A statement that can be measured.
pub struct Claim {
    /// The name of the claim, as on the command line.
    pub id: &'static str,
    /// The source of the statement: a section of gopl, or this course.
    pub source: &'static str,
    /// The statement in our words.
    pub statement: &'static str,
    /// The settings that the claim covers. The predicate sees the cells of these settings and no others.
    pub covers: &'static [Cover],
    /// The models or memos that the statement speaks of. Each gets a verdict.
    pub subjects: &'static [&'static str],
    /// Models or memos that are shown for comparison, without a verdict.
    pub beside: &'static [&'static str],
    /// The verdict that a test asserts for every subject, if there is such a test.
    pub pinned: Option<Verdict>,
    judge: fn(&Sample<'_>) -> Judged,
}

/// The verdict, and what was measured in words; or a gap, which says what is missing.
type Judged = Result<(Verdict, String), Gap>;

/// The result of a claim for one model or memo.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The name of the model or memo.
    pub subject: &'static str,
    /// The verdict; `None` if the statement does not speak of this subject.
    pub verdict: Option<Verdict>,
    /// What was measured or what is missing, in words.
    pub measured: String,
    /// The verdict that a test asserts, if there is such a test.
    pub pinned: Option<Verdict>,
}

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every cell agrees with the claim.
    Holds,
    /// At least one cell contradicts the claim.
    DoesNotHold,
    /// The claim was true before this version.
    OutdatedSince(&'static str),
    /// The results are not sufficient for a verdict.
    NotMeasured,
}

impl Verdict {
    /// The verdict in words.
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
    /// Judges the claim by `evidence`. Returns a finding for each subject, and then for each model or memo that is
    /// shown for comparison.
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

/// Reads the evidence in `store`. Files that cannot be read are left out; the second value lists the reasons.
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

//! A claim, and what becomes of it.

use super::cover::Cover;
use super::evidence::{Evidence, Gap};
use super::sample::Sample;

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
    pub(super) judge: fn(&Sample<'_>) -> Judged,
}

/// The verdict, and what was measured in words; or a gap, which says what is missing.
pub(super) type Judged = Result<(Verdict, String), Gap>;

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
            let judged =
                Sample::of(self.covers, self.subjects, evidence, subject).and_then(|sample| (self.judge)(&sample));
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

/// The verdict on a claim that has no other verdicts than these two.
pub(super) fn holds(so: bool) -> Verdict {
    if so { Verdict::Holds } else { Verdict::DoesNotHold }
}

//! The verdicts on all claims as one table.

use crate::claim::{Claim, Finding, Verdict};

use super::sheet::{Mood, Sheet, Word};
use crate::distinct;

/// One row for each claim: its statement, and for each verdict the models that have it.
pub(super) fn sheet(judged: &[(&Claim, Vec<Finding>)]) -> Sheet {
    let row = |(claim, findings): &(&Claim, Vec<Finding>)| {
        // A model without a verdict is shown for comparison elsewhere.
        let judged: Vec<(&Finding, Verdict)> =
            findings.iter().filter_map(|finding| Some((finding, finding.verdict?))).collect();
        let verdicts = distinct(judged.iter().map(|(_, verdict)| *verdict)).into_iter().map(|verdict| {
            let models = judged.iter().filter(|(_, own)| *own == verdict).map(|(finding, _)| finding.subject);
            format!("{}: {}", verdict.words(), models.collect::<Vec<_>>().join(", "))
        });
        let mood = match judged.iter().all(|(_, verdict)| *verdict == Verdict::Holds) {
            _ if judged.iter().any(|(finding, _)| finding.is_broken()) => Mood::Bad,
            _ if judged.iter().all(|(_, verdict)| *verdict == Verdict::NotMeasured) => Mood::Faint,
            true => Mood::Good,
            false => Mood::Plain,
        };
        let words = vec![
            Word::new(format!("{}: {}", claim.source, claim.statement), Mood::Plain),
            Word::new(verdicts.collect::<Vec<_>>().join("; "), mood),
        ];
        (claim.id.to_string(), words)
    };
    Sheet {
        title: "Claims".to_string(),
        caption:
            "What gopl's section 9.8 and this course claim, and what the results say. `cargo lab claims` shows the \
                  settings that each claim covers and what was measured there."
                .to_string(),
        heads: ["claim", "statement", "verdict here"].map(str::to_string).into(),
        rows: judged.iter().map(row).collect(),
        prose: true,
        ..Sheet::default()
    }
}

//! A claim on a page: its statement, and its verdict on the machine whose numbers the page shows.

use std::rc::Rc;

use anyhow::bail;
use bench_suite::claim::{self, Claim, Evidence, Finding, Verdict};
use bench_suite::report::select::{Source, Sources};
use maud::html;

use crate::whose::{Shown, Whose, with_code};

/// The claim as HTML. The experiments by which it is judged are added to `shown`.
///
/// # Errors
///
/// If there is no such claim, or if the reference set lacks an experiment that it covers.
pub(crate) fn html(id: &str, sources: &Sources, shown: &mut Shown) -> anyhow::Result<String> {
    let Some(claim) = claim::all().find(|claim| claim.id == id) else {
        let known: Vec<_> = claim::all().map(|claim| claim.id).collect();
        bail!("there is no claim `{id}`; there are {}", known.join(", "));
    };
    let mut all: Vec<Rc<Source>> = Vec::new();
    for cover in claim.covers {
        all.push(sources.of(cover.experiment)?);
    }
    // A claim compares results of one machine with each other. So it is judged by the reader's own results only if
    // there are results of all its experiments.
    let is_own = all.iter().all(|source| source.own.is_some());
    let results = all.iter().map(|source| if is_own { source.shown() } else { &source.reference }).cloned();
    let findings = claim.judge(&Evidence::of(results.collect()));
    for source in all {
        // What the page says of an experiment is what it shows of it.
        if is_own || source.own.is_none() {
            shown.insert(source.reference.experiment.clone(), Whose::of(&source));
        }
    }
    Ok(markup(claim, &findings, is_own))
}

fn markup(claim: &Claim, findings: &[Finding], is_own: bool) -> String {
    let whose = if is_own { "your machine" } else { "the reference machine" };
    let verdict = |finding: &Finding| finding.verdict.map_or_else(|| "(for comparison)".to_string(), Verdict::words);
    let mut verdicts: Vec<(String, Vec<&str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict.is_some()) {
        let word = verdict(finding);
        match verdicts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, subjects)) => subjects.push(finding.subject),
            None => verdicts.push((word, vec![finding.subject])),
        }
    }
    let html = html! {
        div.claim {
            p { strong { "Claim (" (claim.source) "): " } (with_code(claim.statement)) }
            p.verdict {
                "On " (whose) ": "
                @for (at, (word, subjects)) in verdicts.iter().enumerate() {
                    @if at > 0 { "; " }
                    strong { (word) }
                    @if verdicts.len() > 1 { " (" (subjects.join(", ")) ")" }
                }
                "."
            }
            details {
                summary { "What was measured" }
                // mdBook gives its own tables such a box, in which they scroll.
                div.table-wrapper {
                    table {
                        thead { tr { th { "subject" } th { "verdict" } th { "measured" } } }
                        tbody {
                            @for finding in findings {
                                tr {
                                    td { (finding.subject) }
                                    td { (verdict(finding)) }
                                    td { (with_code(&finding.measured)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html.into_string()
}

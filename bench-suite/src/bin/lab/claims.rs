//! `cargo lab claims`: what the source text and the course say, held against the results.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use bench_suite::claim::{self, Finding, Verdict};
use bench_suite::report::{self, Mood, Sheet, Word};
use bench_suite::store::Store;

/// Hold what gopl's section 9.8 and this course say against what was measured.
///
/// The exit status is 1 if a claim that the tests pin, an order or a count, is otherwise than they say.
#[derive(clap::Args)]
pub(crate) struct Claims {
    /// Only these claims, by id [default: all].
    claims: Vec<String>,
    /// Judge by the reference set of this repository instead of what was measured here.
    #[arg(long)]
    reference: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Claims {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(unknown) = self.claims.iter().find(|id| !claim::all().any(|claim| claim.id == **id)) {
            let known: Vec<_> = claim::all().map(|claim| claim.id).collect();
            bail!("there is no claim {unknown:?}; there are: {}", known.join(", "));
        }
        let store = if self.reference { Store::reference()? } else { Store::here() };
        let (evidence, unread) = claim::evidence(&store);
        for why in &unread {
            anstream::eprintln!("error: {why}");
        }
        let chosen = claim::all().filter(|claim| self.claims.is_empty() || self.claims.iter().any(|id| id == claim.id));
        let judged: Vec<_> = chosen.map(|claim| (claim, claim.judge(&evidence))).collect();
        if self.json {
            let rows: Vec<_> = judged.iter().map(|(claim, findings)| json(claim, findings)).collect();
            anstream::println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            judged.iter().for_each(|(claim, findings)| report::print(&sheet(claim, findings)));
        }
        let all = || judged.iter().flat_map(|(claim, findings)| findings.iter().map(move |finding| (claim, finding)));
        // By the command that measures it.
        let missing: BTreeSet<_> = judged
            .iter()
            .filter(|(_, findings)| findings.iter().all(|finding| finding.verdict == Verdict::NotMeasured))
            .flat_map(|(claim, _)| claim.experiments)
            .map(|&experiment| match experiment {
                "conformance" => "`cargo lab conformance`",
                _ => "`cargo lab run`, or `cargo bench`",
            })
            .collect();
        for command in missing {
            anstream::eprintln!("\nnot everything has been measured yet: what is missing comes from {command}");
        }
        let broken: Vec<_> = all().filter(|(_, finding)| finding.is_broken()).collect();
        for (claim, finding) in &broken {
            let expected = finding.pinned.map_or_else(String::new, Verdict::words);
            anstream::eprintln!("broken: {} of {}: the tests say that it {expected}", claim.id, finding.model);
        }
        Ok(if broken.is_empty() && unread.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn sheet(claim: &claim::Claim, findings: &[Finding]) -> Sheet {
    let row = |finding: &Finding| {
        let mood = match finding.verdict {
            _ if finding.is_broken() => Mood::Bad,
            Verdict::Holds => Mood::Good,
            Verdict::NotMeasured => Mood::Faint,
            Verdict::DoesNotHold | Verdict::OutdatedSince(_) => Mood::Plain,
        };
        let pinned = if finding.pinned.is_some() { "pinned" } else { "" };
        let words = vec![
            Word::new(finding.verdict.words(), mood),
            Word::new(pinned, Mood::Faint),
            Word::new(finding.figure.clone(), Mood::Plain),
        ];
        (finding.model.to_string(), words)
    };
    Sheet {
        title: claim.id.to_string(),
        caption: format!("{}: {}", claim.source, claim.statement),
        heads: ["model", "verdict", "", "what was measured"].map(str::to_string).into(),
        rows: findings.iter().map(row).collect(),
        prose: true,
        ..Sheet::default()
    }
}

fn json(claim: &claim::Claim, findings: &[Finding]) -> serde_json::Value {
    let finding = |finding: &Finding| {
        serde_json::json!({
            "model": finding.model,
            "verdict": finding.verdict.words(),
            "figure": finding.figure,
            "pinned": finding.pinned.map(Verdict::words),
            "broken": finding.is_broken(),
        })
    };
    serde_json::json!({
        "id": claim.id,
        "source": claim.source,
        "statement": claim.statement,
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

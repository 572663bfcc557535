//! `cargo lab claims`: the claims of the source text and of the course, compared with the results.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::bail;
use bench_suite::claim::{self, Cover, Finding, Verdict};
use bench_suite::measure;
use bench_suite::report::{self, Mood, Sheet, Word};
use bench_suite::store::Store;
use green_threads::workload::Depth;

/// Compare the claims of gopl's section 9.8 and of this course with what was measured.
///
/// Each claim states the settings that it covers. A claim holds if all results in these settings agree with it; if
/// a result is missing, the claim is not measured. The exit status is 1 if the results contradict a pinned claim: a
/// claim whose verdict a test of this repository asserts. It is also 1 if a file of results cannot be read.
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
        let all = || judged.iter().flat_map(|of| of.1.iter().map(move |finding| (of, finding)));
        if !self.json && all().any(|(_, finding)| finding.pinned.is_some()) {
            anstream::println!(
                "\npinned: a test of this repository asserts the same verdict. Results that\ncontradict it are an error."
            );
        }
        let covered = all()
            .filter(|(_, finding)| finding.verdict == Some(Verdict::NotMeasured))
            .flat_map(|((claim, _), _)| claim.covers)
            .map(|cover| cover.experiment);
        let missing: BTreeSet<_> = covered.filter(|experiment| !is_measured(&store, experiment)).collect();
        if !missing.is_empty() {
            anstream::eprintln!("\nNot everything has been measured yet. For the rest run:");
            let workloads: BTreeSet<_> =
                missing.iter().filter_map(|experiment| measure::workload_of(experiment)).collect();
            if !workloads.is_empty() {
                let workloads: Vec<_> = workloads.into_iter().collect();
                anstream::eprintln!("  cargo lab run {}", workloads.join(" "));
            }
            for experiment in missing.iter().filter(|experiment| measure::workload_of(experiment).is_none()) {
                anstream::eprintln!("  {}", report::select::command(experiment));
            }
        }
        let broken: Vec<_> = all().filter(|(_, finding)| finding.is_broken()).collect();
        for ((claim, _), finding) in &broken {
            let expected = finding.pinned.map_or_else(String::new, Verdict::words);
            anstream::eprintln!("broken: {} of {}: a test asserts `{expected}`", claim.id, finding.subject);
        }
        Ok(if broken.is_empty() && unread.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Whether the store has complete results of `experiment`.
fn is_measured(store: &Store, experiment: &str) -> bool {
    matches!(store.read(experiment), Ok(Some(results)) if results.complete && results.depth != Depth::Trial)
}

fn sheet(claim: &claim::Claim, findings: &[Finding]) -> Sheet {
    let row = |finding: &Finding| {
        let mood = match finding.verdict {
            _ if finding.is_broken() => Mood::Bad,
            Some(Verdict::Holds) => Mood::Good,
            None | Some(Verdict::NotMeasured) => Mood::Faint,
            Some(Verdict::DoesNotHold | Verdict::OutdatedSince(_)) => Mood::Plain,
        };
        let pinned = if finding.pinned.is_some() { "pinned" } else { "" };
        let verdict = finding.verdict.map_or_else(|| "(for comparison)".to_string(), Verdict::words);
        let measured = if finding.verdict.is_none() { Mood::Faint } else { Mood::Plain };
        let words = vec![
            Word::new(verdict, mood),
            Word::new(pinned, Mood::Faint),
            Word::new(finding.measured.clone(), measured),
        ];
        (finding.subject.to_string(), words)
    };
    let covers: String = claim.covers.iter().map(|cover| format!("\n- {cover}")).collect();
    Sheet {
        title: claim.id.to_string(),
        caption: format!("{}: {}\nThis claim covers:{covers}", claim.source, claim.statement),
        heads: ["model", "verdict", "", "what was measured"].map(str::to_string).into(),
        rows: findings.iter().map(row).collect(),
        prose: true,
        ..Sheet::default()
    }
}

fn json(claim: &claim::Claim, findings: &[Finding]) -> serde_json::Value {
    let cover = |cover: &Cover| {
        serde_json::json!({
            "experiment": cover.experiment,
            "setting": cover.setting.iter().copied().collect::<BTreeMap<_, _>>(),
            "only": cover.only,
        })
    };
    let finding = |finding: &Finding| {
        serde_json::json!({
            "model": finding.subject,
            "verdict": finding.verdict.map(Verdict::words),
            "measured": finding.measured,
            "pinned": finding.pinned.map(Verdict::words),
            "broken": finding.is_broken(),
        })
    };
    serde_json::json!({
        "id": claim.id,
        "source": claim.source,
        "statement": claim.statement,
        "covers": claim.covers.iter().map(cover).collect::<Vec<_>>(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

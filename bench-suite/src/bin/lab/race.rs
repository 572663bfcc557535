//! `cargo lab race`: runs memo1's data race many times.

use std::collections::BTreeMap;
use std::process::ExitCode;

use bench_suite::race::{self, Damage, Detected, Program};
use bench_suite::report;
use bench_suite::store::{Cell, Found, Results, Series, Store};
use clap::value_parser;
use green_threads::workload::{Depth, Unit};
use indicatif::{ProgressBar, ProgressStyle};

/// Run memo1's data race in many processes, and count how they end.
///
/// The same program with memo2 runs for comparison. If a nightly compiler is installed, ThreadSanitizer checks both
/// programs.
#[derive(clap::Args)]
pub(crate) struct Race {
    /// The number of runs of each program: 1 to 100000.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Race {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut cells = Vec::new();
        for program in Program::ALL {
            let built = program.build()?;
            let bar = ProgressBar::new(self.runs.into())
                .with_style(ProgressStyle::with_template("{msg:12} {pos:>6} of {len}  {bar:30}")?)
                .with_message(program.subject);
            let mut damages = Vec::new();
            for turn in 0..self.runs as usize {
                damages.push(race::run(&built, turn)?);
                bar.inc(1);
            }
            bar.finish_and_clear();
            cells.push(cell(program, &damages));
        }
        let results = Results::new("race", Depth::Full, true, cells);
        Store::here().write(&results)?;
        if !self.json {
            report::sheets(&results).iter().for_each(report::print);
            anstream::println!("\nThreadSanitizer (the build takes a while):");
        }

        let mut verdicts = BTreeMap::new();
        for program in Program::ALL {
            let verdict = race::sanitize(program)?;
            if !self.json {
                show(program, &verdict);
            }
            verdicts.insert(program.subject, verdict);
        }
        if self.json {
            let verdicts: BTreeMap<_, _> =
                verdicts.iter().map(|(subject, verdict)| (*subject, json(verdict))).collect();
            let json = serde_json::json!({ "results": results, "thread_sanitizer": verdicts });
            anstream::println!("{}", serde_json::to_string_pretty(&json)?);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn cell(program: Program, damages: &[Damage]) -> Cell {
    let count = |damage: &Damage| {
        let count = damages.iter().filter(|found| *found == damage).count();
        (damage.name().to_string(), Series { unit: Unit::Count, rounds: vec![count as f64] })
    };
    Cell {
        subject: program.subject.to_string(),
        setting: [("threads", "2"), ("placement", "free"), ("runs", &damages.len().to_string())]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into(),
        found: Found::Quantities(Damage::ALL.iter().map(count).collect()),
    }
}

fn show(program: Program, verdict: &Detected) {
    let subject = program.subject;
    match verdict {
        Detected::None => anstream::println!("  {subject:<12}  no race, in fifty runs"),
        Detected::Skipped(why) => anstream::println!("  {subject:<12}  skipped: {why}"),
        Detected::Race(report) => {
            anstream::println!("  {subject:<12}  a race:");
            report.iter().for_each(|line| anstream::println!("    {line}"));
        }
    }
}

fn json(verdict: &Detected) -> serde_json::Value {
    match verdict {
        Detected::None => serde_json::json!({ "race": false }),
        Detected::Skipped(why) => serde_json::json!({ "skipped": why }),
        Detected::Race(report) => serde_json::json!({ "race": true, "report": report }),
    }
}

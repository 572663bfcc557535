//! `cargo bench`: every experiment, under criterion.
//!
//! Criterion measures one benchmark after another; the experiments measure all subjects of a setting in interleaved
//! rounds (`bench_suite::experiment` says why). So the first benchmark of a setting runs the rounds for all of it, and
//! criterion gets, for each benchmark, the samples of its rounds: it does the statistics, the comparison with the last
//! run and with `--save-baseline`, and the filtering. Its own warm-up and timing therefore say nothing, and are set to
//! next to nothing.
//!
//! What the rounds found goes to the store, and the closing tables and the report are made from there.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use bench_suite::conformance::{Outcome, matrix};
use bench_suite::experiment::{self, Experiment};
use bench_suite::report;
use bench_suite::store::{Cell, Depth, Found, Results, Store};
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkId, Criterion, SamplingMode};
use green_threads::probe::placement::Placement;
use indicatif::{ProgressBar, ProgressStyle};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut suite = Suite::new()?;
    for mut experiment in experiment::memos(suite.depth) {
        suite.group(&mut *experiment)?;
    }
    suite.close(begin.elapsed())
}

struct Suite {
    criterion: Criterion,
    depth: Depth,
    store: Store,
    /// `cargo bench -- --list`: nothing is measured.
    list: bool,
    /// Subjects that are not measured, with the reason.
    without: Vec<(&'static str, String)>,
    /// What was measured.
    results: Vec<Results>,
}

impl Suite {
    fn new() -> anyhow::Result<Self> {
        let argument = |name: &str| std::env::args().any(|argument| argument == name);
        let list = argument("--list");
        Ok(Suite {
            criterion: Criterion::default()
                .warm_up_time(Duration::from_nanos(1))
                .measurement_time(Duration::from_millis(50))
                .nresamples(2_000)
                .configure_from_args(),
            // Criterion only tries each benchmark, too, unless Cargo says `--bench`: `cargo test --benches` does not.
            depth: if argument("--test") || !argument("--bench") { Depth::Trial } else { Depth::from_environment()? },
            store: Store::here(),
            list,
            without: if list { Vec::new() } else { unfit()?.into_iter().collect() },
            results: Vec::new(),
        })
    }

    /// One experiment, as one group of criterion's. A setting that the filter leaves out is not measured at all.
    fn group(&mut self, experiment: &mut dyn Experiment) -> anyhow::Result<()> {
        let name = experiment.name();
        let settings = experiment.settings();
        let without: Vec<&str> = self.without.iter().map(|(subject, _)| *subject).collect();
        let mut group = self.criterion.benchmark_group(name);
        // Each of criterion's samples is a round.
        group.sampling_mode(SamplingMode::Flat).sample_size(experiment.rounds().max(10));
        let mut cells = Vec::new();
        let mut complete = true;
        for (at, setting) in settings.iter().enumerate() {
            let entrants: Vec<_> = experiment
                .entrants(setting)
                .into_iter()
                .map(|(subject, can)| match self.without.iter().find(|(without, _)| *without == subject) {
                    Some((_, why)) => (subject, Err(why.clone())),
                    None => (subject, can.map_err(str::to_string)),
                })
                .collect();
            let bar = bar(&format!("{name} {} of {}: {}", at + 1, settings.len(), setting.id()));
            let mut measured = None;
            for (subject, _) in entrants.iter().filter(|(_, can)| can.is_ok()) {
                // Criterion calls the closure below anew for each sample.
                let mut samples = 0;
                group.bench_function(BenchmarkId::new(setting.id(), subject), |bencher| {
                    let cells = measured.get_or_insert_with(|| {
                        let cells =
                            experiment.measure(setting, &without, &|share| bar.set_position((share * 100.0) as u64));
                        bar.finish_and_clear();
                        cells
                    });
                    replay(bencher, cells.iter().flatten().find(|cell| cell.subject == *subject), samples);
                    samples += 1;
                });
            }
            let Some(measured) = measured else {
                complete = false;
                continue;
            };
            let measured = measured.with_context(|| format!("{name} cannot be measured in {}", setting.id()))?;
            cells.extend(entrants.into_iter().filter_map(|(subject, can)| match can {
                Err(why) => Some(setting.cell(subject, Found::Absent { why })),
                Ok(()) => measured.iter().find(|cell| cell.subject == subject).cloned(),
            }));
        }
        group.finish();
        if !cells.is_empty() {
            let results = Results::new(name, self.depth, complete, cells);
            if self.depth != Depth::Trial {
                // At once, so that whatever stops a later group leaves this one.
                self.store.write(&results)?;
            }
            self.results.push(results);
        }
        Ok(())
    }

    /// The closing tables, and where to read on.
    fn close(self, took: Duration) -> anyhow::Result<()> {
        self.criterion.final_summary();
        if self.list {
            return Ok(());
        }
        anyhow::ensure!(!self.results.is_empty(), "no benchmark matches; `cargo bench -- --list` names them all");
        for sheet in self.results.iter().flat_map(report::sheets) {
            report::print(&sheet);
        }
        anstream::println!("\nMeasured in {:.0} s, depth {}.", took.as_secs_f64(), self.depth.name());
        if !Placement::POSSIBLE.contains(&Placement::OneCore) {
            anstream::println!("Skipped: the placement on one core, which is measured on Linux only.");
        }
        if self.depth == Depth::Trial {
            anstream::println!("A trial: everything ran once, these times say nothing, and nothing is kept.");
            return Ok(());
        }
        let page = report::write_page(&self.store)?;
        anstream::println!("The full report:  {}", page.display());
        anstream::println!("The results:      {}", self.store.folder().display());
        if self.results.iter().any(|results| !results.complete) {
            anstream::println!("These tables are partial; the report has the last complete results of each group.");
        }
        Ok(())
    }
}

/// Hands criterion a round of a cell as its sample number `sample`, as long as the iterations that it asks for took. It
/// asks for as many samples as there are rounds, after one or two to warm up.
fn replay(bencher: &mut Bencher<'_, WallTime>, cell: Option<&Cell>, sample: usize) {
    let nanoseconds = match cell.map(|cell| &cell.found) {
        Some(Found::Figures(figures)) => figures["time"].rounds[sample % figures["time"].rounds.len()],
        // The measuring failed: the caller will say so.
        _ => 1.0,
    };
    bencher.iter_custom(|iterations| Duration::from_secs_f64(nanoseconds * iterations as f64 / 1e9));
}

/// Why the student's memo is not measured, if it is not: one that hangs would stop the whole suite.
fn unfit() -> anyhow::Result<Option<(&'static str, String)>> {
    let lab = Path::new(env!("CARGO_BIN_EXE_lab"));
    for property in ["right-values", "one-call"] {
        let why = match matrix::try_one(lab, "mine", property)?.outcome {
            Outcome::Broken { how } if property == "right-values" => how,
            outcome @ (Outcome::Hangs { .. } | Outcome::Crashes { .. }) => outcome.to_string(),
            _ => continue,
        };
        return Ok(Some(("mine", format!("not measured, it fails `cargo lab conformance mine {property}`: {why}"))));
    }
    Ok(None)
}

fn bar(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}  {bar:30}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(100).with_style(style).with_message(message.to_string())
}

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

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bench_suite::conformance::matrix::{self, Situation};
use bench_suite::conformance::{Callers, Outcome, storm};
use bench_suite::experiment::{self, Experiment, Observations, Setting};
use bench_suite::place;
use bench_suite::probe::Programs;
use bench_suite::probe::twin::Twin;
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
        suite.measure(&mut *experiment)?;
    }
    for mut experiment in experiment::runtimes(suite.depth, &Rc::clone(&suite.programs)) {
        suite.measure(&mut *experiment)?;
    }
    for observations in experiment::observations(suite.depth) {
        suite.observe(&observations)?;
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
    /// The words that the command line filters by.
    filters: Vec<String>,
    /// What runs the runtimes' workloads.
    programs: Rc<Programs>,
    /// What was measured.
    results: Vec<Results>,
}

impl Suite {
    fn new() -> anyhow::Result<Self> {
        let argument = |name: &str| std::env::args().any(|argument| argument == name);
        let list = argument("--list");
        let store = Store::here();
        Ok(Suite {
            criterion: Criterion::default()
                .warm_up_time(Duration::from_nanos(1))
                .measurement_time(Duration::from_millis(50))
                .nresamples(2_000)
                .configure_from_args(),
            // Criterion only tries each benchmark, too, unless Cargo says `--bench`: `cargo test --benches` does not.
            depth: if argument("--test") || !argument("--bench") { Depth::Trial } else { Depth::from_environment()? },
            programs: Rc::new(Programs::here(place::lab(), &store.folder().join("twin"))),
            store,
            list,
            filters: filters(std::env::args().skip(1)),
            without: if list { Vec::new() } else { unfit()?.into_iter().collect() },
            results: Vec::new(),
        })
    }

    /// One experiment: criterion's groups, one after the other. A setting that the filter leaves out is not measured at
    /// all.
    fn measure(&mut self, experiment: &mut dyn Experiment) -> anyhow::Result<()> {
        let settings = experiment.settings();
        let mut cells = Vec::new();
        let mut complete = true;
        for (at, setting) in settings.iter().enumerate() {
            let bar = bar(&format!("{} {} of {}: {}", experiment.name(), at + 1, settings.len(), setting.id()));
            match self.setting(experiment, setting, &bar)? {
                Some(of_setting) => cells.extend(of_setting),
                None => complete = false,
            }
            bar.finish_and_clear();
        }
        self.keep(experiment.name(), complete, cells)
    }

    /// The cells of one setting, or nothing if the filter leaves it out.
    fn setting(
        &mut self,
        experiment: &mut dyn Experiment,
        setting: &Setting,
        bar: &ProgressBar,
    ) -> anyhow::Result<Option<Vec<Cell>>> {
        let without: Vec<&str> = self.without.iter().map(|(subject, _)| *subject).collect();
        let entrants: Vec<_> = experiment
            .entrants(setting)
            .into_iter()
            .map(|(subject, can)| match self.without.iter().find(|(without, _)| *without == subject) {
                Some((_, why)) => (subject, Err(why.clone())),
                None => (subject, can),
            })
            .collect();
        let group_name = experiment.group(setting);
        let mut group = self.criterion.benchmark_group(&group_name);
        // Each of criterion's samples is a round.
        group.sampling_mode(SamplingMode::Flat).sample_size(experiment.rounds().max(10));
        let mut measured: Option<io::Result<Vec<Cell>>> = None;
        let found = |measured: &Option<io::Result<Vec<Cell>>>, subject: &str| -> Option<Cell> {
            measured.as_ref()?.as_ref().ok()?.iter().find(|cell| cell.subject == subject).cloned()
        };
        // The last ones first: among models, those come to a limit that stand first, and one that has given no time
        // must not be the one for which criterion has already been asked.
        for (subject, _) in entrants.iter().rev().filter(|(_, can)| can.is_ok()) {
            if let Some(Cell { found: Found::Observed(seen), .. }) = found(&measured, subject) {
                let why = seen.stopped.map_or_else(|| "no reason".to_string(), |fate| fate.to_string());
                anstream::println!("{group_name}/{}/{subject}: no time, since it {why}", setting.id());
                continue;
            }
            // Criterion calls the closure below anew for each sample.
            let mut samples = 0;
            group.bench_function(BenchmarkId::new(setting.id(), subject), |bencher| {
                if measured.is_none() {
                    measured =
                        Some(experiment.measure(setting, &without, &|share| bar.set_position((share * 100.0) as u64)));
                    bar.finish_and_clear();
                }
                replay(bencher, found(&measured, subject).as_ref(), samples);
                samples += 1;
            });
        }
        group.finish();
        let Some(measured) = measured else { return Ok(None) };
        let measured = measured.with_context(|| format!("{group_name} cannot be measured in {}", setting.id()))?;
        let cell = |(subject, can): (&'static str, Result<(), String>)| match can {
            Err(why) => Some(setting.cell(subject, Found::Absent { why })),
            Ok(()) => measured.iter().find(|cell| cell.subject == subject).cloned(),
        };
        Ok(Some(entrants.into_iter().filter_map(cell).collect()))
    }

    /// What is no time is none of criterion's business, but for its filter, which is taken as plain text here.
    fn observe(&mut self, observations: &Observations) -> anyhow::Result<()> {
        let name = observations.name();
        if self.filters.iter().any(|filter| !name.contains(filter)) {
            return Ok(());
        }
        if self.list {
            anstream::println!("{name}: observation");
            return Ok(());
        }
        let bar = bar(name);
        bar.set_length(observations.len() as u64);
        let results = observations.observe(&self.programs, &|next| {
            bar.set_message(next.to_string());
            bar.inc(1);
        });
        bar.finish_and_clear();
        self.keep(name, true, results.cells)
    }

    /// Writes what was found down, at once, so that whatever stops a later experiment leaves this one.
    fn keep(&mut self, name: &str, complete: bool, cells: Vec<Cell>) -> anyhow::Result<()> {
        if !cells.is_empty() {
            let results = Results::new(name, self.depth, complete, cells);
            if self.depth != Depth::Trial {
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
            anstream::println!(
                "Skipped: the placement on one core, and the runtimes: only Linux tells what they take."
            );
        }
        if let Twin::Skipped(why) = &self.programs.twin {
            anstream::println!("Skipped: goroutines, since {why}.");
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

/// The arguments that are neither options of criterion's nor their values.
fn filters(arguments: impl Iterator<Item = String>) -> Vec<String> {
    const WITH_VALUE: &[&str] = &[
        "-c",
        "--color",
        "--colour",
        "-s",
        "--save-baseline",
        "-b",
        "--baseline",
        "--baseline-lenient",
        "--load-baseline",
        "--format",
        "--sample-size",
        "--warm-up-time",
        "--measurement-time",
        "--nresamples",
        "--noise-threshold",
        "--confidence-level",
        "--significance-level",
        "--profile-time",
        "--plotting-backend",
        "--output-format",
    ];
    let mut value = false;
    let mut filters = Vec::new();
    for argument in arguments {
        let follows = std::mem::replace(&mut value, WITH_VALUE.contains(&argument.as_str()));
        if !follows && !argument.starts_with('-') {
            filters.push(argument);
        }
    }
    filters
}

/// Why the student's memo is not measured, if it is not: one that hangs would stop the whole suite.
fn unfit() -> anyhow::Result<Option<(&'static str, String)>> {
    let lab = place::lab();
    for property in ["right-values", "one-call"] {
        let why = match matrix::try_one(
            &lab,
            Situation { callers: Callers::Threads, subject: "mine", property },
            storm::SEED,
        )?
        .outcome
        {
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

//! `cargo bench`: every experiment, under criterion.
//!
//! Criterion measures one benchmark after another. The experiments measure all subjects of a setting in interleaved
//! rounds (`bench_suite::measure` says why). So all rounds of a setting run first. Criterion then gets the times of
//! these rounds as the samples of its benchmarks. It does the statistics, and compares with the last run or with a
//! `--save-baseline`. Its own warm-up and measurement would say nothing, so their times are as short as possible.
//!
//! The results go to the store, and the closing tables and the report are made from there. What criterion prints
//! about each of several hundred benchmarks goes to a file, unless the command line asks for it.

#![forbid(unsafe_code)]

#[path = "suite/aside.rs"]
mod aside;
#[path = "suite/filter.rs"]
mod filter;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use aside::Aside;
use bench_suite::child::probe::Programs;
use bench_suite::child::probe::twin::Twin;
use bench_suite::measure::{self, Contest, Observer, Written};
use bench_suite::place;
use bench_suite::report;
use bench_suite::spec::matrix::{self, Situation};
use bench_suite::spec::{Outcome, storm};
use bench_suite::store::{self, Cell, Found, Results, Store};
use bench_suite::subject::Callers;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkId, Criterion, SamplingMode};
use filter::Filter;
use green_threads::probe::placement::Placement;
use green_threads::workload::Depth;
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
    let runtimes = measure::runtimes(suite.depth, &suite.programs);
    for mut contest in measure::memos(suite.depth).into_iter().chain(runtimes) {
        suite.measure(&mut *contest)?;
    }
    for observer in measure::observers(suite.depth) {
        suite.observe(&observer)?;
    }
    suite.close(begin.elapsed())
}

struct Suite {
    criterion: Criterion,
    depth: Depth,
    store: Store,
    /// `cargo bench -- --list` lists the benchmarks and measures nothing.
    list: bool,
    /// Subjects that are not measured, with the reason.
    without: Vec<(&'static str, String)>,
    /// The filter of the command line, which selects benchmarks.
    filter: Filter,
    /// The file for the output of criterion; `None` if that goes to the terminal.
    aside: Option<Aside>,
    /// The programs that run the workloads of the runtimes.
    programs: Rc<Programs>,
    /// The results so far.
    results: Vec<Results>,
}

impl Suite {
    fn new() -> anyhow::Result<Self> {
        let argument = |name: &str| std::env::args().any(|argument| argument == name);
        let list = argument("--list");
        let store = Store::here();
        let aside = if list || asks_criterion() { None } else { Aside::begin(&store)? };
        Ok(Suite {
            aside,
            criterion: Criterion::default()
                .warm_up_time(Duration::from_nanos(1))
                .measurement_time(Duration::from_millis(50))
                .nresamples(2_000)
                .configure_from_args(),
            // Criterion also only tries each benchmark, unless Cargo passes `--bench`. `cargo test --benches` does
            // not pass it.
            depth: if argument("--test") || !argument("--bench") {
                Depth::Trial
            } else {
                store::depth_from_environment()?
            },
            programs: Rc::new(Programs::here(place::lab(), &store.folder().join("twin"))),
            store,
            list,
            filter: Filter::new(std::env::args().skip(1))?,
            without: if list { Vec::new() } else { unfit()?.into_iter().collect() },
            results: Vec::new(),
        })
    }

    /// Measures one contest, setting by setting. A setting that the filter leaves out is not measured at all.
    fn measure(&mut self, contest: &mut dyn Contest) -> anyhow::Result<()> {
        let settings = contest.settings();
        let mut cells = Vec::new();
        let mut complete = true;
        for (at, setting) in settings.iter().enumerate() {
            let bar = bar(&format!("{} {} of {}: {}", contest.name(), at + 1, settings.len(), setting.id));
            match self.setting(contest, at, setting, &bar)? {
                Some(of_setting) => cells.extend(of_setting),
                None => complete = false,
            }
            bar.finish_and_clear();
        }
        self.keep(contest.name(), complete, cells)
    }

    /// Measures one setting. Returns its cells, or `None` if the filter leaves it out.
    fn setting(
        &mut self,
        contest: &mut dyn Contest,
        at: usize,
        Written { group, id, .. }: &Written,
        bar: &ProgressBar,
    ) -> anyhow::Result<Option<Vec<Cell>>> {
        let entrants = measure::entrants(contest, at, &self.without);
        let able: Vec<&str> = entrants.iter().filter(|(_, can)| can.is_ok()).map(|(subject, _)| *subject).collect();
        if !able.iter().any(|subject| self.filter.takes(&format!("{group}/{id}/{subject}"))) {
            return Ok(None);
        }
        let mut measured = Vec::new();
        if !self.list {
            let tick = |share| bar.set_position((share * 100.0) as u64);
            measured = measure::measure(contest, at, &self.without, &tick)
                .with_context(|| format!("{group} cannot be measured in {id}"))?;
            bar.finish_and_clear();
        }
        // A subject that reached a limit has no times. A subject that is too slow for all rounds has too few of
        // them for statistics.
        let samples = |subject: &str| {
            let rounds = measured.iter().find(|cell| cell.subject == subject).and_then(rounds)?;
            (rounds.len() >= contest.rounds()).then_some(rounds)
        };
        let benchmarks: Vec<(&str, &[f64])> = able
            .iter()
            .filter_map(|&subject| Some((subject, if self.list { &[] } else { samples(subject)? })))
            .collect();
        let criterion = &mut self.criterion;
        let turn = || {
            let mut group = criterion.benchmark_group(group);
            // Each sample of criterion is one round.
            group.sampling_mode(SamplingMode::Flat).sample_size(contest.rounds().max(10));
            for (subject, rounds) in benchmarks {
                // Criterion calls the closure below once for each sample.
                let mut sample = 0;
                group.bench_function(BenchmarkId::new(id, subject), |bencher| {
                    replay(bencher, rounds, sample);
                    sample += 1;
                });
            }
            group.finish();
        };
        match &self.aside {
            Some(aside) => aside.during(turn)?,
            None => turn(),
        }
        Ok(Some(measured))
    }

    /// Observations bypass criterion, but its filter still selects them.
    fn observe(&mut self, observer: &Observer) -> anyhow::Result<()> {
        let name = observer.name();
        if !self.filter.takes(name) {
            return Ok(());
        }
        if self.list {
            anstream::println!("{name}: observation");
            return Ok(());
        }
        let bar = bar(name);
        bar.set_length(observer.len() as u64);
        let results = observer.observe(&self.programs, &|next| {
            bar.set_message(next.to_string());
            bar.inc(1);
        });
        bar.finish_and_clear();
        self.keep(name, true, results.cells)
    }

    /// Writes the results of an experiment at once, so that they are kept whatever stops a later experiment.
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

    /// Prints the closing tables, and the paths of the files with more results.
    fn close(self, took: Duration) -> anyhow::Result<()> {
        match &self.aside {
            Some(aside) => aside.during(|| self.criterion.final_summary())?,
            None => self.criterion.final_summary(),
        }
        if self.list {
            return Ok(());
        }
        anyhow::ensure!(!self.results.is_empty(), "no benchmark matches; `cargo bench -- --list` names them all");
        for sheet in self.results.iter().flat_map(report::headlines) {
            report::print(&sheet);
        }
        anstream::println!("\nMeasured in {:.0} s, depth {}.", took.as_secs_f64(), self.depth.name());
        if !Placement::POSSIBLE.contains(&Placement::OneCore) {
            anstream::println!(
                "Skipped: the placement on one core, and the runtimes, because only Linux can measure them."
            );
        }
        if let Twin::Skipped(why) = &self.programs.twin {
            anstream::println!("Skipped: goroutines, because {why}.");
        }
        if self.depth == Depth::Trial {
            anstream::println!("A trial: everything ran once. These times mean nothing, and nothing is kept.");
            return Ok(());
        }
        anstream::println!("Any two times in a column that differ by less than 5% are a tie as well.");
        let (settings, disturbed) = report::steadiness(&self.results);
        match disturbed.len() {
            // Where no time is measured, there is nothing that could be disturbed.
            0 if settings == 0 => {}
            0 => anstream::println!("Undisturbed: all {settings} settings."),
            some => {
                anstream::println!(
                    "DISTURBED: {some} of {settings} settings. Their rounds differ too much, or other programs ran \
                     at the same time, so they have no ratios. Measure again when nothing else runs. They are:"
                );
                for setting in disturbed.iter().take(DISTURBED_SHOWN) {
                    anstream::println!("- {setting}");
                }
                if some > DISTURBED_SHOWN {
                    anstream::println!("- and {} more", some - DISTURBED_SHOWN);
                }
            }
        }
        let page = report::write_page(&self.store, &[])?;
        anstream::println!("The full report:  {} (all settings)", page.display());
        if let Some(aside) = &self.aside {
            anstream::println!("Criterion's own:  {}", aside.path().display());
        }
        anstream::println!("The results:      {}", self.store.folder().display());
        if self.results.iter().any(|results| !results.complete) {
            anstream::println!(
                "These tables are partial. The report has the last complete results of each experiment."
            );
        }
        Ok(())
    }
}

/// Whether the command line asks criterion for output of its own, which then belongs on the terminal.
fn asks_criterion() -> bool {
    const ITS_OWN: &[&str] = &[
        "-v",
        "--verbose",
        "-b",
        "--baseline",
        "--baseline-lenient",
        "--load-baseline",
        "--output-format",
        "--format",
        "--profile-time",
    ];
    std::env::args().any(|argument| ITS_OWN.contains(&argument.split('=').next().unwrap_or_default()))
}

/// The number of disturbed settings that are named on the terminal.
const DISTURBED_SHOWN: usize = 5;

/// The times of the rounds of a cell, in nanoseconds.
fn rounds(cell: &Cell) -> Option<&[f64]> {
    match &cell.found {
        Found::Quantities(quantities) => Some(&quantities.get("time")?.rounds),
        _ => None,
    }
}

/// Gives criterion one of the `rounds` as its sample number `sample`: the time of that round, multiplied by the
/// number of iterations that criterion asks for. Criterion asks for as many samples as there are rounds, after one
/// or two samples of warm-up.
fn replay(bencher: &mut Bencher<'_, WallTime>, rounds: &[f64], sample: usize) {
    // If criterion only lists its benchmarks, there are no rounds.
    let nanoseconds = rounds.get(sample % rounds.len().max(1)).copied().unwrap_or(1.0);
    bencher.iter_custom(|iterations| Duration::from_secs_f64(nanoseconds * iterations as f64 / 1e9));
}

/// The reason why the student's memo `mine` is not measured; `None` if it is measured. A memo that hangs would stop
/// the whole suite.
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
        return Ok(Some((
            "mine",
            format!("not measured, because it fails `cargo lab conformance mine {property}`: {why}"),
        )));
    }
    Ok(None)
}

fn bar(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}  {bar:30}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(100).with_style(style).with_message(message.to_string())
}

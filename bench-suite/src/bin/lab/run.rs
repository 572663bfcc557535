//! `cargo lab run`: runs the workloads of the runtimes.

use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context, bail};
use bench_suite::child::probe::Programs;
use bench_suite::child::probe::twin::Twin;
use bench_suite::measure::{self, Contest, Observer, Written, workload};
use bench_suite::place;
use bench_suite::report;
use bench_suite::store::{self, Cell, Results, Store};
use green_threads::workload::Depth;
use indicatif::{ProgressBar, ProgressStyle};

use crate::release;

/// Run workloads on OS threads, coroutines, tasks and goroutines, and show what each model costs and does.
///
/// Cargo makes a release build for this. The first one takes several minutes.
///
/// Each model runs in a process of its own under a deadline. If it hangs, crashes or reaches a limit, that is a
/// result. Goroutines need a `go` on PATH; without one they are skipped. `cargo lab run --list` lists the
/// workloads.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// Only these workloads [default: all].
    workloads: Vec<String>,
    /// Measure the whole matrix instead of its headline settings.
    #[arg(long)]
    full: bool,
    /// List the workloads, and run nothing.
    #[arg(long)]
    list: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
    /// Measure with this program even if it is a debug build: for tests that do not depend on times.
    #[arg(long, hide = true)]
    as_built: bool,
}

impl Run {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.list {
            for workload in workload::all() {
                anstream::println!("{:<18}  {}", workload.name, workload.what);
            }
            return Ok(ExitCode::SUCCESS);
        }
        for name in &self.workloads {
            if !workload::all().any(|workload| workload.name == name) {
                let known: Vec<_> = workload::all().map(|workload| workload.name).collect();
                bail!("there is no workload {name:?}; there are: {}", known.join(", "));
            }
        }
        if !self.as_built
            && let Some(ended) = release::hand_over()?
        {
            return Ok(ended);
        }
        let depth = if self.full { Depth::Full } else { store::depth_from_environment()? };
        let store = Store::here();
        let programs = Rc::new(Programs::here(place::lab(), &store.folder().join("twin")));
        if let (Twin::Skipped(why), false) = (&programs.twin, self.json) {
            anstream::println!("Skipped: goroutines, because {why}.");
        }
        if cfg!(not(target_os = "linux")) && !self.json {
            anstream::println!("Skipped: everything, because only Linux shows what these workloads measure.");
        }
        let chosen = |name: &str| self.workloads.is_empty() || self.workloads.iter().any(|chosen| chosen == name);
        let mut all = Vec::new();
        let mut keep = |results: Results| -> anyhow::Result<()> {
            store.write(&results)?;
            if !self.json {
                report::sheets(&results).iter().for_each(report::print);
            }
            all.push(results);
            Ok(())
        };
        for mut contest in measure::runtimes(depth, &programs) {
            if chosen(contest.name()) {
                keep(time(&mut *contest, depth)?)?;
            }
        }
        for observer in measure::observers(depth) {
            if chosen(observer.workload()) {
                keep(observe(&observer, &programs)?)?;
            }
        }
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&all)?);
        } else {
            anstream::println!("\nThe full report:  {}", report::write_page(&store, &[])?.display());
            anstream::println!("The results:      {}", store.folder().display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Measures every setting of a timed workload.
fn time(contest: &mut dyn Contest, depth: Depth) -> anyhow::Result<Results> {
    let settings = contest.settings();
    let bar = bar(settings.len() * 100)?;
    let mut cells: Vec<Cell> = Vec::new();
    for (at, Written { group, id, .. }) in settings.iter().enumerate() {
        bar.set_message(format!("{group} {id}"));
        let tick = |share: f64| bar.set_position(at as u64 * 100 + (share * 100.0) as u64);
        let measured = measure::measure(contest, at, &[], &tick);
        cells.extend(measured.with_context(|| format!("{group} cannot be measured in {id}"))?);
    }
    bar.finish_and_clear();
    Ok(Results::new(contest.name(), depth, true, cells))
}

fn observe(observer: &Observer, programs: &Programs) -> anyhow::Result<Results> {
    let bar = bar(observer.len())?;
    let results = observer.observe(programs, &|next| {
        bar.set_message(next.to_string());
        bar.inc(1);
    });
    bar.finish_and_clear();
    Ok(results)
}

fn bar(length: usize) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}")?;
    Ok(ProgressBar::new(length as u64).with_style(style))
}

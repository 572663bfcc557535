//! `cargo lab trace`: records what the units of a workload do, and shows it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{Programs, Session};
use bench_suite::measure::workload;
use bench_suite::place;
use bench_suite::store::Store;
use bench_suite::trace;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use green_threads::Workers;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Model, Setup};
use green_threads::workload::{Setting, Workload};

/// The stack of a unit, in bytes: enough for the frames of a debug build.
const STACK: usize = 256 << 10;

/// How long a child may be silent before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// Record which unit of a workload runs when and on which OS thread, and show it as lanes of text.
///
/// Each model runs in a process of its own, once. Workloads that record nothing cannot be traced; an unknown name lists
/// those that can. Goroutines are not traced. The exit status is 1 if a model gave no trace.
#[derive(clap::Args)]
pub(crate) struct Trace {
    /// The workload, such as `hog`.
    workload: String,
    /// Only this model [default: each that can run with so many workers].
    #[arg(long, value_parser = models())]
    model: Option<Model>,
    /// The variant of the workload.
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// The number of workers. OS threads have none.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// The cores on which it runs.
    #[arg(long, value_parser = placements())]
    placement: Option<Placement>,
    /// Also write the traces to this file, for Perfetto (ui.perfetto.dev).
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    /// Print the traces as JSON.
    #[arg(long)]
    json: bool,
}

fn models() -> impl TypedValueParser<Value = Model> {
    let traced = || Model::ALL.iter().filter(|model| **model != Model::Goroutine);
    PossibleValuesParser::new(traced().map(|model| model.name()))
        .try_map(move |name| traced().copied().find(|model| model.name() == name).ok_or("there is no such model"))
}

fn placements() -> impl TypedValueParser<Value = Placement> {
    PossibleValuesParser::new(Placement::POSSIBLE.iter().map(|placement| placement.name())).try_map(|name| {
        let found = Placement::POSSIBLE.iter().copied().find(|placement| placement.name() == name);
        found.ok_or("there is no such placement")
    })
}

/// One model's run, as `--json` prints it.
#[derive(serde::Serialize)]
struct Recorded {
    setup: Setup,
    trace: green_threads::probe::trace::Trace,
}

impl Trace {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (workload, setting) = self.chosen()?;
        let programs = Programs { lab: place::lab(), twin: Twin::Skipped("it records no trace".to_string()) };
        let (mut recorded, mut failed) = (Vec::new(), false);
        for setup in self.setups(workload, &setting)? {
            match record(&programs, setup, setting.times as u64) {
                Ok(run) => recorded.push(run),
                Err(why) => {
                    anstream::eprintln!("error: {why}");
                    failed = true;
                }
            }
        }
        if let Some(file) = &self.chrome {
            let named: Vec<_> = recorded.iter().map(|run| (title(&run.setup), &run.trace)).collect();
            let json = trace::chrome(named.iter().map(|(title, trace)| (&**title, *trace)));
            let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
            Store::here().write_file(&path, &serde_json::to_vec(&json)?)?;
        }
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&recorded)?);
        } else {
            self.show(&recorded);
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Returns the workload, and the setting in which it is recorded.
    fn chosen(&self) -> anyhow::Result<(&'static Workload, Setting)> {
        let all = || workload::all().filter_map(|workload| Some((workload, workload.recorded?)));
        let Some((workload, recorded)) = all().find(|(workload, _)| workload.name == self.workload) else {
            let known: Vec<_> = all().map(|(workload, _)| workload.name).collect();
            bail!("there is no workload {:?} that records a trace; there are: {}", self.workload, known.join(", "));
        };
        let mut setting = recorded();
        if let Some(name) = &self.variant {
            let variant = workload.variants.iter().find(|variant| **variant == *name);
            let known = || workload.variants.join(", ");
            setting.variant = variant.with_context(|| match workload.variants {
                [""] => format!("{} has no variants", workload.name),
                _ => format!("{} has no variant {name:?}; there are: {}", workload.name, known()),
            })?;
        }
        match (self.model, self.workers) {
            (Some(Model::Thread), Some(_)) => bail!("OS threads have no workers: the kernel schedules them"),
            (Some(Model::TaskCurrentThread), Some(workers @ 2..)) => {
                bail!("a current-thread runtime has one worker, not {workers}")
            }
            (_, Some(workers)) => setting.workers = Workers::new(workers)?,
            (Some(Model::TaskCurrentThread), None) => setting.workers = Workers::ONE,
            (_, None) => {}
        }
        setting.placement = self.placement.unwrap_or(setting.placement);
        setting.stack = Some(STACK);
        Ok((workload, setting))
    }

    /// Lists the setups to record: one for each model that can run this setting.
    fn setups(&self, workload: &Workload, setting: &Setting) -> anyhow::Result<Vec<Setup>> {
        let chosen = |model: &Model| *model != Model::Goroutine && self.model.is_none_or(|only| only == *model);
        let setup = |model| Setup { trace: true, ..workload.setup(model, setting) };
        let mut setups: Vec<Setup> = workload.models_in(setting).filter(chosen).map(setup).collect();
        // A model that was not asked for by name is left out without a word.
        let why = setups.iter().find_map(|setup| workload.cannot(setup));
        setups.retain(|setup| workload.cannot(setup).is_none());
        ensure!(!setups.is_empty(), "nothing can run this: {}", why.unwrap_or("no model takes part in this setting"));
        Ok(setups)
    }

    fn show(&self, recorded: &[Recorded]) {
        let bold = anstyle::Style::new().bold();
        for run in recorded {
            anstream::println!("\n{bold}{}{bold:#}", title(&run.setup));
            anstream::print!("{}", trace::lanes(&run.trace));
        }
        anstream::println!();
        if self.model.is_none() {
            anstream::println!("Goroutines are not traced: the Go twin records nothing.");
        }
        if cfg!(debug_assertions) {
            anstream::println!("This is a debug build: the order of events is real, but their times mean little.");
        }
        if let Some(file) = &self.chrome {
            anstream::println!("For https://ui.perfetto.dev:  {}", file.display());
        }
    }
}

fn record(programs: &Programs, setup: Setup, iterations: u64) -> Result<Recorded, String> {
    let asked = Session::start(programs, &setup, PATIENCE).and_then(|mut session| session.ask(iterations));
    let answer = asked.map_err(|ended| format!("{}: {}", setup.model, ended.why))?;
    let trace = answer.trace.ok_or_else(|| format!("{}: its answer has no trace", setup.model))?;
    Ok(Recorded { setup, trace })
}

/// Names a run by its workload, its variant, its model and what runs it.
fn title(setup: &Setup) -> String {
    let workload = if setup.variant.is_empty() {
        setup.workload.clone()
    } else {
        format!("{} ({})", setup.workload, setup.variant)
    };
    let workers = match setup.workers {
        0 => "scheduled by the kernel".to_string(),
        1 => "1 worker".to_string(),
        workers => format!("{workers} workers"),
    };
    let placement = if setup.placement == Placement::OneCore { ", on one core" } else { "" };
    format!("{workload}: {}, {workers}{placement}", setup.model)
}

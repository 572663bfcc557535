//! `cargo lab trace`: records what the units of a workload or the callers of a memo do, and shows it.

mod herd;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{Programs, Session};
use bench_suite::measure::workload;
use bench_suite::place;
use bench_suite::store::{KeptTrace, Store};
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
/// those that can. `cargo lab trace herd` records the callers of a memo instead. Goroutines are not traced. The results
/// folder keeps each trace, for the figures of the book. The exit status is 1 if a trace is missing or cannot be kept.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Trace {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// The workload, such as `hog`.
    #[arg(required = true)]
    workload: Option<String>,
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
    #[command(flatten)]
    output: Output,
}

/// What is recorded instead of a workload.
#[derive(clap::Subcommand)]
enum Instead {
    Herd(herd::Herd),
}

/// What becomes of the traces.
#[derive(clap::Args)]
struct Output {
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

impl Trace {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(Instead::Herd(herd)) = &self.instead {
            return herd.run();
        }
        let (workload, setting) = self.chosen()?;
        let programs = Programs { lab: place::lab(), twin: Twin::Skipped("it records no trace".to_string()) };
        let setups = self.setups(workload, &setting)?;
        let recorded = setups.into_iter().map(|setup| record(&programs, &setup, setting.times as u64)).collect();
        let remark = "Goroutines are not traced: the Go twin records nothing.";
        self.output.show(recorded, if self.model.is_none() { remark } else { "" })
    }

    /// Returns the workload, and the setting in which it is recorded.
    fn chosen(&self) -> anyhow::Result<(&'static Workload, Setting)> {
        let all = || workload::all().filter_map(|workload| Some((workload, workload.recorded?)));
        let asked = self.workload.as_deref().unwrap_or_default();
        let Some((workload, recorded)) = all().find(|(workload, _)| workload.name == asked) else {
            let known: Vec<_> = all().map(|(workload, _)| workload.name).collect();
            bail!("there is no workload {asked:?} that records a trace; there are: {}", known.join(", "));
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
}

impl Output {
    /// Shows the traces, and then keeps them in the store. Prints an error for each that is missing or cannot be kept.
    fn show(&self, recorded: Vec<Result<KeptTrace, String>>, remark: &str) -> anyhow::Result<ExitCode> {
        let (mut traces, mut failed) = (Vec::new(), false);
        for trace in recorded {
            match trace {
                Ok(trace) => traces.push(trace),
                Err(why) => {
                    anstream::eprintln!("error: {why}");
                    failed = true;
                }
            }
        }
        if let Some(file) = &self.chrome {
            let json = trace::chrome(traces.iter().map(|kept| (&*kept.title, &kept.trace)));
            let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
            Store::here().write_file(&path, &serde_json::to_vec(&json)?)?;
        }
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&traces)?);
        } else {
            self.print(&traces, remark);
        }
        for trace in &traces {
            if let Err(error) = Store::here().write_trace(trace) {
                anstream::eprintln!("error: {} is not kept: {error}", trace.name);
                failed = true;
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn print(&self, traces: &[KeptTrace], remark: &str) {
        let bold = anstyle::Style::new().bold();
        for kept in traces {
            anstream::println!("\n{bold}{}{bold:#}", kept.title);
            anstream::print!("{}", trace::lanes(&kept.trace));
        }
        anstream::println!();
        if !remark.is_empty() {
            anstream::println!("{remark}");
        }
        if cfg!(debug_assertions) {
            anstream::println!("This is a debug build: the order of events is real, but their times mean little.");
        }
        if let Some(file) = &self.chrome {
            anstream::println!("For https://ui.perfetto.dev:  {}", file.display());
        }
    }
}

fn record(programs: &Programs, setup: &Setup, iterations: u64) -> Result<KeptTrace, String> {
    let asked = Session::start(programs, setup, PATIENCE).and_then(|mut session| session.ask(iterations));
    let answer = asked.map_err(|ended| format!("{}: {}", setup.model, ended.why))?;
    let trace = answer.trace.ok_or_else(|| format!("{}: its answer has no trace", setup.model))?;
    Ok(KeptTrace::new(&name(setup), &title(setup), &command(setup), trace))
}

/// The name under which a run is kept.
fn name(setup: &Setup) -> String {
    let mut parts = vec![setup.workload.clone(), setup.variant.clone(), setup.model.to_string()];
    if setup.workers > 0 {
        parts.push(setup.workers.to_string());
    }
    if setup.placement == Placement::OneCore {
        parts.push(setup.placement.name().to_string());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("-")
}

/// The command that records a run again.
fn command(setup: &Setup) -> String {
    let mut command = format!("cargo lab trace {}", setup.workload);
    if !setup.variant.is_empty() {
        command += &format!(" --variant {}", setup.variant);
    }
    command += &format!(" --model {}", setup.model);
    if setup.workers > 0 {
        command += &format!(" --workers {}", setup.workers);
    }
    if setup.placement == Placement::OneCore {
        command += &format!(" --placement {}", setup.placement.name());
    }
    command
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

//! `cargo lab conformance`: shows which parts of the contract each memo keeps.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use bench_suite::distinct;
use bench_suite::place;
use bench_suite::report;
use bench_suite::spec::matrix::{self, Situation, Tried};
use bench_suite::spec::{Outcome, storm};
use bench_suite::store::{Cell, Found, Results, Store};
use green_threads::workload::Depth;
use indicatif::{ProgressBar, ProgressStyle};

/// Try every memo in every situation of the specification, from threads, coroutines and tasks, and show which it keeps.
///
/// Without names it prints a row for each memo. With names, or with `--each`, it prints every result, what each property
/// asks, and how each failure looked. The exit status is 1 if a memo does not do what is declared of it. `mine` is shown but never judged.
#[derive(clap::Args)]
pub(crate) struct Conformance {
    /// Only these memos, these properties, and these callers (`threads`, `coroutines`, `tasks`), by name [default:
    /// all].
    names: Vec<String>,
    /// The seed of the storms of random cancellations. The same seed gives the same steps again.
    #[arg(long, value_name = "N", default_value_t = storm::SEED)]
    seed: u64,
    /// Print every result, what each property asks, and how each failure looked.
    #[arg(long, conflicts_with = "json")]
    each: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

impl Conformance {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let situations = self.chosen()?;
        let bar = ProgressBar::new(situations.len() as u64)
            .with_style(ProgressStyle::with_template("{pos:>3} of {len}  {bar:30}  {msg}")?);
        let tried = matrix::run(&place::lab(), &situations, self.seed, &|tried| {
            // A failure is printed at once, because a hang in another situation may take some seconds more. Without a
            // terminal the bar prints nothing.
            if !matches!(tried.outcome, Outcome::Kept | Outcome::CannotBe { .. }) {
                bar.println(format!("{}: {}", words(&tried.situation), tried.outcome));
            }
            bar.set_message(words(&tried.situation));
            bar.inc(1);
        })?;
        bar.finish_and_clear();

        let complete = tried.len() == matrix::all().len();
        let cells = tried.iter().map(|tried| self.cell(tried)).collect();
        let results = Results::new("conformance", Depth::Full, complete, cells);
        let store = Store::here();
        store.write(&results)?;
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&results)?);
        } else if self.each || !complete {
            report::sheets(&results).iter().for_each(report::print);
        } else {
            report::headlines(&results).iter().for_each(report::print);
            anstream::println!("\n`cargo lab conformance --each` shows every result, what each property asks, and how");
            anstream::println!("each failure looked; `cargo lab conformance memo2 mine` does so for two memos.");
        }

        let surprises: Vec<&Tried> = tried.iter().filter(|tried| tried.as_declared == Some(false)).collect();
        for surprise in &surprises {
            anstream::eprintln!("not as declared: {}: {}", words(&surprise.situation), surprise.outcome);
        }
        Ok(if surprises.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The situations whose callers, memos and properties are named. Where none is named, all of that kind.
    fn chosen(&self) -> anyhow::Result<Vec<Situation>> {
        let mut situations = matrix::all();
        let parts: [fn(&Situation) -> &'static str; 3] =
            [|one| one.callers.name(), |one| one.subject, |one| one.property];
        for name in &self.names {
            if !situations.iter().any(|one| parts.iter().any(|part| part(one) == name)) {
                let known = parts.map(|part| distinct(situations.iter().map(part)).join(", "));
                let [callers, memos, properties] = known;
                bail!(
                    "there is no memo, no property and no kind of callers {name:?}\nmemos: {memos}\nproperties: \
                     {properties}\ncallers: {callers}"
                );
            }
        }
        for part in parts {
            let named = |one: &Situation| self.names.iter().any(|name| name == part(one));
            if matrix::all().iter().any(named) {
                situations.retain(named);
            }
        }
        if situations.is_empty() {
            bail!("{} have no situation in common: name fewer of them", self.names.join(", "));
        }
        Ok(situations)
    }

    fn cell(&self, tried: &Tried) -> Cell {
        let Situation { callers, subject, property } = tried.situation;
        let mut setting = BTreeMap::from([("callers", callers.name().to_string()), ("property", property.to_string())]);
        if storm::PROPERTIES.contains(&property) {
            setting.insert("seed", self.seed.to_string());
        }
        let setting = setting.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Cell { subject: subject.to_string(), setting, found: Found::Outcome(tried.outcome.clone()) }
    }
}

fn words(situation: &Situation) -> String {
    let Situation { callers, subject, property } = situation;
    format!("{} {subject} {property}", callers.name())
}

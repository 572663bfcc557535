//! `cargo lab conformance`: what each memo keeps of the contract.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use bench_suite::conformance::matrix::{self, Tried};
use bench_suite::conformance::spec::{PROPERTIES, Property};
use bench_suite::report;
use bench_suite::store::{Cell, Depth, Found, Results, Store};
use bench_suite::subject;
use indicatif::{ProgressBar, ProgressStyle};

/// Try every memo in every situation of the specification, and show what each keeps.
///
/// The exit status is 1 if a memo does not do what is declared of it. What `mine` does is shown and never judged.
#[derive(clap::Args)]
pub(crate) struct Conformance {
    /// Only these memos and these properties, by name [default: all].
    names: Vec<String>,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

impl Conformance {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (subjects, properties) = self.chosen()?;
        let bar = ProgressBar::new((subjects.len() * properties.len()) as u64)
            .with_style(ProgressStyle::with_template("{pos:>3} of {len}  {bar:30}  {msg}")?);
        let tried = matrix::run(&std::env::current_exe()?, &subjects, &properties, &|tried| {
            bar.set_message(format!("{} {}", tried.subject, tried.property));
            bar.inc(1);
        })?;
        bar.finish_and_clear();

        let complete = tried.len() == subject::list().len() * PROPERTIES.len();
        let results = Results::new("conformance", Depth::Full, complete, tried.iter().map(cell).collect());
        let store = Store::here();
        store.write(&results)?;
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&results)?);
        } else {
            report::sheets(&results).iter().for_each(report::print);
        }

        let surprises: Vec<&Tried> = tried.iter().filter(|tried| tried.as_declared == Some(false)).collect();
        for surprise in &surprises {
            let Tried { subject, property, outcome, .. } = surprise;
            anstream::eprintln!("not as declared: {subject} {property}: {outcome}");
        }
        Ok(if surprises.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The memos and the properties that are named; all of a kind, if none of it is.
    fn chosen(&self) -> anyhow::Result<(Vec<&'static str>, Vec<&'static Property>)> {
        let mut subjects: Vec<_> = subject::list().into_iter().map(|(name, _)| name).collect();
        let mut properties: Vec<_> = PROPERTIES.iter().collect();
        for name in &self.names {
            if !subjects.contains(&name.as_str()) && !properties.iter().any(|property| property.id == name) {
                let known: Vec<_> = properties.iter().map(|property| property.id).collect();
                bail!(
                    "there is no memo and no property {name:?}\nmemos: {}\nproperties: {}",
                    subjects.join(", "),
                    known.join(", ")
                );
            }
        }
        let named = |name: &str| self.names.iter().any(|chosen| chosen == name);
        if subjects.iter().any(|name| named(name)) {
            subjects.retain(|name| named(name));
        }
        if properties.iter().any(|property| named(property.id)) {
            properties.retain(|property| named(property.id));
        }
        Ok((subjects, properties))
    }
}

fn cell(tried: &Tried) -> Cell {
    let setting = BTreeMap::from([("property".to_string(), tried.property.to_string())]);
    Cell { subject: tried.subject.to_string(), setting, found: Found::Outcome(tried.outcome.clone()) }
}

//! `cargo lab report`: shows the latest results again.

use std::process::ExitCode;

use bench_suite::report;
use bench_suite::store::{Results, Store};

/// Show the tables of the latest results, and write the report for a browser.
///
/// If experiments are named, all their settings are shown. Otherwise each experiment has one table, the same as at
/// the end of `cargo bench`.
///
/// The exit status is 1 if nothing has been measured, or if a file of results cannot be read.
#[derive(clap::Args)]
pub(crate) struct Report {
    /// Only these experiments [default: all that have been run].
    experiments: Vec<String>,
    /// Show the reference set of this repository instead of what was measured here.
    #[arg(long)]
    reference: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let experiments = report::experiments();
        if let Some(unknown) = self.experiments.iter().find(|name| !experiments.contains(&name.as_str())) {
            anyhow::bail!("there is no experiment {unknown:?}; there are: {}", experiments.join(", "));
        }
        let store = if self.reference { Store::reference()? } else { Store::here() };
        let chosen =
            |name: &&&str| self.experiments.is_empty() || self.experiments.iter().any(|chosen| chosen == **name);
        let (mut results, mut failed) = (Vec::<Results>::new(), false);
        for experiment in experiments.iter().filter(chosen) {
            match store.read(experiment) {
                Ok(found) => results.extend(found),
                Err(error) => {
                    anstream::eprintln!("error: {error}");
                    failed = true;
                }
            }
        }
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&results)?);
        } else {
            let sheets = if self.experiments.is_empty() { report::headlines } else { report::sheets };
            results.iter().flat_map(sheets).for_each(|sheet| report::print(&sheet));
        }
        if results.is_empty() {
            anstream::eprintln!("nothing has been measured yet: run `cargo bench` or `cargo lab conformance`");
            failed = true;
        } else if !self.json && !self.reference {
            anstream::println!("\nThe full report: {}", report::write_page(&store)?.display());
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

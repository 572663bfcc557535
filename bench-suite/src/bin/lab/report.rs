//! `cargo lab report`: shows the latest results again, alone or beside those of others.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use bench_suite::report;
use bench_suite::store::{Results, Store, read_set};

/// The most differences of one experiment that the terminal shows.
const MOST_DIFFERENCES: usize = 10;

/// Show the tables of the latest results, and write the report for a browser.
///
/// If experiments are named, all their settings are shown. Otherwise each experiment has one table, the same as at
/// the end of `cargo bench`. If files are named, their results are shown side by side, a row for each machine: each
/// student of a class runs `cargo lab report --json > NAME.json`, and the teacher gives all these files.
///
/// The exit status is 1 if nothing has been measured, or if a file of results cannot be read.
#[derive(clap::Args)]
pub(crate) struct Report {
    /// Only these experiments [default: all that have been run], or files of results: what `cargo lab report --json`
    /// printed, or a folder such as bench-suite/reference.
    #[arg(value_name = "EXPERIMENT|FILE")]
    of: Vec<String>,
    /// List what differs from these results by more than the spread: a file or folder, or `reference` for the
    /// reference set of this repository.
    #[arg(long, value_name = "FILE")]
    against: Option<String>,
    /// Show the reference set of this repository instead of what was measured here.
    #[arg(long)]
    reference: bool,
    /// Print the results as JSON; with --against, the differences.
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let known = report::experiments();
        let (experiments, files): (Vec<&String>, Vec<&String>) =
            self.of.iter().partition(|name| known.contains(&name.as_str()));
        if let Some(unknown) = files.iter().find(|file| !Path::new(file).exists()) {
            bail!("there is no experiment and no file {unknown:?}; the experiments are: {}", known.join(", "));
        }
        let chosen =
            |results: &Results| experiments.is_empty() || experiments.iter().any(|name| **name == results.experiment);
        if !files.is_empty() {
            if self.reference || self.against.is_some() {
                bail!("files are shown side by side, without --reference and --against; give the folder as a file too");
            }
            return self.side_by_side(&files, &chosen);
        }

        let store = if self.reference { Store::reference()? } else { Store::here() };
        let there = self.against.as_deref().map(others).transpose()?;
        let (mut results, mut failed) = (Vec::<Results>::new(), false);
        for experiment in known {
            match store.read(experiment) {
                Ok(found) => results.extend(found.filter(chosen)),
                Err(error) => {
                    anstream::eprintln!("error: {error}");
                    failed = true;
                }
            }
        }
        let differences = there.map(|there| report::against(&results, &there));
        match &differences {
            Some(differences) if self.json => anstream::println!("{}", serde_json::to_string_pretty(differences)?),
            Some(differences) => report::differences(differences, MOST_DIFFERENCES).iter().for_each(report::print),
            None if self.json => anstream::println!("{}", serde_json::to_string_pretty(&results)?),
            None => {
                let sheets = if experiments.is_empty() { report::headlines } else { report::sheets };
                results.iter().flat_map(sheets).for_each(|sheet| report::print(&sheet));
            }
        }
        if results.is_empty() {
            anstream::eprintln!("nothing has been measured yet: run `cargo bench` or `cargo lab conformance`");
            failed = true;
        } else if differences.as_ref().is_some_and(Vec::is_empty) {
            anstream::eprintln!("these results have no experiment in common with those");
            failed = true;
        } else if !self.json && !self.reference {
            let page = report::write_page(&store, &differences.unwrap_or_default())?;
            anstream::println!("\nThe full report: {}", page.display());
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn side_by_side(&self, files: &[&String], chosen: &dyn Fn(&Results) -> bool) -> anyhow::Result<ExitCode> {
        let (mut machines, mut failed) = (Vec::<(String, Vec<Results>)>::new(), false);
        for file in files {
            match read_set(Path::new(file)) {
                Ok(mut results) => {
                    results.retain(chosen);
                    let name = name(file, &machines);
                    machines.push((name, results));
                }
                Err(error) => {
                    anstream::eprintln!("error: {error}");
                    failed = true;
                }
            }
        }
        if self.json {
            let named: Vec<_> = machines
                .iter()
                .map(|(machine, results)| serde_json::json!({ "machine": machine, "results": results }))
                .collect();
            anstream::println!("{}", serde_json::to_string_pretty(&named)?);
        } else {
            report::side_by_side(&machines).iter().for_each(report::print);
        }
        if machines.iter().all(|(_, results)| results.is_empty()) {
            anstream::eprintln!("these files have no results of what was asked for");
            failed = true;
        } else if !self.json {
            let page = report::write_class_page(&Store::here(), &machines)?;
            anstream::println!("\nThe page: {}", page.display());
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// The results to compare with.
fn others(of: &str) -> anyhow::Result<Vec<Results>> {
    let path = match of {
        "reference" if !Path::new(of).exists() => Store::reference()?.folder().to_path_buf(),
        _ => PathBuf::from(of),
    };
    Ok(read_set(&path)?)
}

/// A short name for the machine of `file`: the file's name without its extension, and a number if an earlier file has
/// the same name.
fn name(file: &str, earlier: &[(String, Vec<Results>)]) -> String {
    let stem = Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy());
    let is_free = |name: &String| earlier.iter().all(|(taken, _)| taken != name);
    let numbered = (2..).map(|number| format!("{stem} ({number})"));
    std::iter::once(stem.to_string()).chain(numbered).find(is_free).unwrap_or_default()
}

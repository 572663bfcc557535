//! `cargo lab subjects`: which memos there are.

use std::process::ExitCode;

use bench_suite::conformance::Callers;
use serde_json::json;

/// List the memos that the suite drives, ours and the peers, by who calls them.
#[derive(clap::Args)]
pub(crate) struct Subjects {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Subjects {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.json {
            let subjects: Vec<_> = Callers::ALL
                .into_iter()
                .flat_map(|callers| callers.subjects().into_iter().map(move |subject| (callers, subject)))
                .map(|(callers, (name, what))| json!({ "name": name, "what": what, "callers": callers.name() }))
                .collect();
            anstream::println!("{}", serde_json::to_string_pretty(&subjects)?);
        } else {
            for callers in Callers::ALL {
                anstream::println!("called by {}:", callers.name());
                for (name, what) in callers.subjects() {
                    anstream::println!("  {name:<18}  {what}");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

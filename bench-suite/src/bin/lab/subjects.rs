//! `cargo lab subjects`: lists the memos.

use std::process::ExitCode;

use bench_suite::report::{self, Mood, Sheet, Word};
use bench_suite::subject::{self, Callers};
use serde_json::json;

/// List the memos that the suite drives, ours and the peers, by their callers.
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
                .flat_map(|callers| subject::called_by(callers).into_iter().map(move |about| (callers, about)))
                .map(|(callers, about)| json!({ "name": about.name, "what": about.what, "callers": callers.name() }))
                .collect();
            anstream::println!("{}", serde_json::to_string_pretty(&subjects)?);
        } else {
            for callers in Callers::ALL {
                let memos = subject::called_by(callers).into_iter();
                report::print(&Sheet {
                    title: format!("called by {}", callers.name()),
                    heads: ["memo", "what it is"].map(str::to_string).into(),
                    rows: memos
                        .map(|about| (about.name.to_string(), vec![Word::new(about.what, Mood::Plain)]))
                        .collect(),
                    prose: true,
                    ..Sheet::default()
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

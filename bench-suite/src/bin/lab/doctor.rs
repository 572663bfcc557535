//! `cargo lab doctor`: shows what this machine allows.

use std::process::ExitCode;

use bench_suite::doctor;
use bench_suite::report::{self, Mood, Sheet, Word};

/// Show the limits of this machine that affect the results, and what each of them will stop.
#[derive(clap::Args)]
pub(crate) struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let symptoms = doctor::examine();
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&symptoms)?);
            return Ok(ExitCode::SUCCESS);
        }
        let words = |text: String| Word::new(text, Mood::Plain);
        report::print(&Sheet {
            title: "doctor".to_string(),
            caption: "The properties of this machine that affect the results.".to_string(),
            heads: ["what", "here", "consequence"].map(str::to_string).into(),
            rows: symptoms
                .into_iter()
                .map(|symptom| (symptom.name.to_string(), vec![words(symptom.here), words(symptom.follows)]))
                .collect(),
            prose: true,
            ..Sheet::default()
        });
        Ok(ExitCode::SUCCESS)
    }
}

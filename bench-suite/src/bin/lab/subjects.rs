//! `cargo lab subjects`: which memos there are.

use std::process::ExitCode;

use bench_suite::subject;

/// List the memos that the suite drives, ours and the peers.
#[derive(clap::Args)]
pub(crate) struct Subjects {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Subjects {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let subjects = subject::list();
        if self.json {
            let subjects: Vec<_> =
                subjects.iter().map(|(name, what)| serde_json::json!({ "name": name, "what": what })).collect();
            anstream::println!("{}", serde_json::to_string_pretty(&subjects)?);
        } else {
            for (name, what) in subjects {
                anstream::println!("{name:<18}  {what}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

//! `cargo lab child`: the hidden command with which the lab starts its own child processes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use bench_suite::measure::workload;
use bench_suite::pages::{self, Site};
use bench_suite::spec::matrix;
use bench_suite::trace::Herd;

/// Run as a child process of the lab; not meant to be typed.
#[derive(clap::Args)]
pub(crate) struct Child {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    Conformance { callers: String, subject: String, property: String, seed: u64 },
    Herd { memo: String, callers: usize, keys: usize, delay_ms: u64 },
    Probe { setup: String },
    Pages { pages: usize, size: usize, delay_ms: u64 },
}

impl Child {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.part {
            Part::Conformance { callers, subject, property, seed } => {
                matrix::be_child(callers, subject, property, *seed)?;
            }
            Part::Herd { memo, callers, keys, delay_ms } => {
                let delay = Duration::from_millis(*delay_ms);
                let herd = Herd { memo: memo.clone(), callers: *callers, keys: *keys, delay };
                let trace = herd.record().with_context(|| format!("there is no memo {memo:?} for threads"))?;
                println!("{}", serde_json::to_string(&trace)?);
            }
            Part::Pages { pages, size, delay_ms } => {
                pages::serve(Site { pages: *pages, size: *size, delay: Duration::from_millis(*delay_ms) })?;
            }
            Part::Probe { setup } => return Ok(green_threads::serve::serve(setup, workload::all())),
        }
        Ok(ExitCode::SUCCESS)
    }
}

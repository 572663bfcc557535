//! `cargo lab child`: the hidden command with which the lab starts its own child processes.

use std::process::ExitCode;
use std::time::Duration;

use bench_suite::measure::workload;
use bench_suite::pages::{self, Site};
use bench_suite::spec::matrix;

/// Run as a child process of the lab; not meant to be typed.
#[derive(clap::Args)]
pub(crate) struct Child {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    Conformance { callers: String, subject: String, property: String, seed: u64 },
    Probe { setup: String },
    Pages { pages: usize, size: usize, delay_ms: u64 },
}

impl Child {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.part {
            Part::Conformance { callers, subject, property, seed } => {
                matrix::be_child(callers, subject, property, *seed)?;
            }
            Part::Pages { pages, size, delay_ms } => {
                pages::serve(Site { pages: *pages, size: *size, delay: Duration::from_millis(*delay_ms) })?;
            }
            Part::Probe { setup } => return Ok(green_threads::serve::serve(setup, workload::all())),
        }
        Ok(ExitCode::SUCCESS)
    }
}

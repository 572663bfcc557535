//! What the lab runs itself as, when something must happen in a process of its own.

use std::process::ExitCode;

use bench_suite::conformance::matrix;

/// One of the lab's own child processes; not for people.
#[derive(clap::Args)]
pub(crate) struct Child {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    Conformance { subject: String, property: String },
    Probe { setup: String },
}

impl Child {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.part {
            Part::Conformance { subject, property } => matrix::be_child(subject, property)?,
            Part::Probe { setup } => return Ok(green_threads::probe::serve(setup)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

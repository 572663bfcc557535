//! `cargo lab`: everything of this workspace that is not a benchmark, from one command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod subjects;

/// The lab of the course: run the memos, check them, and read what was measured.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", version, arg_required_else_help = true)]
struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Subjects(subjects::Subjects),
}

fn main() -> ExitCode {
    let ended = match Lab::parse().command {
        Command::Subjects(subjects) => subjects.run(),
    };
    ended.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

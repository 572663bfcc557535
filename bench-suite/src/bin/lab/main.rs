//! `cargo lab`: every command of this workspace that is not a benchmark.

#![deny(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod child;
mod claims;
mod conformance;
mod demo;
mod doctor;
mod grade;
mod race;
mod release;
mod report;
mod run;
mod subjects;
mod trace;

/// The lab of the course: run the memos and the runtimes, check them, and read the results.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", version, arg_required_else_help = true)]
struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Conformance(conformance::Conformance),
    Grade(grade::Grade),
    Race(race::Race),
    Run(run::Run),
    Trace(trace::Trace),
    Claims(claims::Claims),
    Doctor(doctor::Doctor),
    Report(report::Report),
    Subjects(subjects::Subjects),
    #[command(hide = true)]
    Child(child::Child),
}

fn main() -> ExitCode {
    let ended = match Lab::parse().command {
        Command::Demo(demo) => demo.run(),
        Command::Conformance(conformance) => conformance.run(),
        Command::Grade(grade) => grade.run(),
        Command::Race(race) => race.run(),
        Command::Run(run) => run.run(),
        Command::Trace(trace) => trace.run(),
        Command::Claims(claims) => claims.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Report(report) => report.run(),
        Command::Subjects(subjects) => subjects.run(),
        Command::Child(child) => child.run(),
    };
    ended.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

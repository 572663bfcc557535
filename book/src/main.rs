//! `cargo book` builds the book of the course. It fails where mdBook would only log a complaint.

#![forbid(unsafe_code)]

mod build;
mod check;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds and checks the book of the course.
#[derive(Parser)]
#[command(name = "cargo book", bin_name = "cargo book", version, arg_required_else_help = true)]
struct Book {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book, check it, and print the path of its first page.
    ///
    /// Exit status: 0 if the book is built and has no faults, 1 if not, 2 if the command line is wrong.
    Build {
        /// Output folder; everything in it is replaced [default: target/book]
        #[arg(long, value_name = "DIR")]
        dest: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Command::Build { dest } = Book::parse().command;
    match build::build(dest) {
        Ok(index) => {
            println!("{}", index.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

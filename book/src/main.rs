//! `cargo book`: builds the book of the course, and fails where mdBook would only complain.

#![forbid(unsafe_code)]

mod build;
mod check;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The book of the course.
#[derive(Parser)]
#[command(name = "cargo book", bin_name = "cargo book", version, arg_required_else_help = true)]
struct Book {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book, check it, and print where it begins.
    ///
    /// Exit status: 0 when the book is built and sound, 1 when it is not, 2 when the command line is wrong.
    Build {
        /// Where to put it; anything in that folder is replaced [default: target/book]
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

//! `cargo book` builds the book of the course, with the results of this machine or those of the reference machine. It
//! fails where mdBook would only log a complaint.

#![forbid(unsafe_code)]

mod bug;
mod build;
mod check;
mod claim;
mod complaints;
mod directive;
mod figures;
mod listing;
mod output;
mod preprocess;
mod serve;
mod whose;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use bench_suite::store::Store;
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
    /// Build the book and open its first page in the browser.
    ///
    /// Prints the path of the page as well. Exit status: as for `build`. A machine without a browser is no error.
    Open,
    /// Build the book and serve it on this machine, until Ctrl-C.
    ///
    /// Builds it again when a file of the book or a result changes. Reload the page to see the new one.
    Serve {
        /// Port; 0 chooses a free one
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Run the commands whose outputs the chapters print, and keep the outputs.
    ///
    /// They run in the root of the workspace, each for at most ten minutes. Some of them measure, so run this when
    /// nothing else runs. Exit status: 0 if all ended as the chapters say, 1 if not.
    Record {
        /// Only these commands, each quoted [default: all that chapters name]
        #[arg(value_name = "COMMAND")]
        commands: Vec<String>,
        /// Keep the outputs in the reference set, for readers who have recorded none
        #[arg(long)]
        reference: bool,
    },
    /// The preprocessor, as mdBook runs it.
    #[command(hide = true)]
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
}

/// What mdBook asks before it runs a preprocessor.
#[derive(Subcommand)]
enum Question {
    /// Whether the pages of this renderer can be processed.
    Supports {
        /// The name of the renderer
        renderer: String,
    },
}

fn main() -> ExitCode {
    match run(Book::parse().command) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Build { dest } => println!("{}", build::build(dest)?.display()),
        Command::Open => {
            let page = build::build(None)?;
            println!("{}", page.display());
            if let Err(error) = open::that(&page) {
                eprintln!("no browser opened it: {error}");
            }
        }
        Command::Serve { port } => match serve::serve(port)? {},
        Command::Record { commands, reference } => record(&commands, reference)?,
        Command::Preprocess { question: None } => preprocess::external()?,
        Command::Preprocess { question: Some(Question::Supports { renderer }) } => {
            return Ok(if renderer == "html" { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Records the outputs of these commands, or of all commands that chapters name.
fn record(commands: &[String], reference: bool) -> anyhow::Result<()> {
    let book = build::load()?;
    let mut named = output::named(book.book.chapters().map(|chapter| chapter.content.as_str()));
    let known: Vec<&str> = named.iter().map(|asked| asked.command.as_str()).collect();
    if let Some(unknown) = commands.iter().find(|command| !known.contains(&command.as_str())) {
        bail!("no chapter prints the output of `{unknown}`; chapters name:\n  {}", known.join("\n  "));
    }
    named.retain(|asked| commands.is_empty() || commands.contains(&asked.command));
    let store = if reference { Store::reference()? } else { Store::here() };
    let faults = output::record(&named, &store)?;
    for fault in &faults {
        eprintln!("{fault}");
    }
    ensure!(faults.is_empty(), "{} of {} command(s) failed; see above", faults.len(), named.len());
    println!("{} output(s) recorded in {}", named.len(), store.folder().join("outputs").display());
    Ok(())
}

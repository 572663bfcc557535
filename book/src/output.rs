//! Recorded outputs of commands: made by `cargo book record`, printed on the pages.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_suite::place;
use bench_suite::report::select::Sources;
use bench_suite::store::{Machine, Store};
use jiff::Timestamp;
use maud::html;
use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

use crate::directive::{self, directives};
use crate::whose;

/// The version of the schema of recordings.
const SCHEMA: u32 = 1;

/// How long a command may run.
const LIMIT: Duration = Duration::from_secs(600);

/// The commands that may be recorded begin with one of these: the lab's, and tests.
const LAB: &str = "cargo lab ";
const TEST: &str = "cargo test ";

/// What a chapter asks for: `{{#output COMMAND [exit=N] [lines=N]}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The command line.
    pub(crate) command: String,
    /// The exit status that it must have.
    exit: i32,
    /// The number of lines that the page prints; `None` for all.
    lines: Option<usize>,
}

impl Asked {
    /// Reads the arguments of a directive.
    ///
    /// # Errors
    ///
    /// If the command is neither the lab's nor a test.
    pub(crate) fn parse(arguments: &str) -> anyhow::Result<Self> {
        let mut asked = Asked { command: arguments.to_string(), exit: 0, lines: None };
        while let Some((rest, last)) = asked.command.rsplit_once(char::is_whitespace) {
            match last.split_once('=').map(|(name, number)| (name, number.parse::<i32>())) {
                Some(("exit", Ok(status))) => asked.exit = status,
                Some(("lines", Ok(lines @ 1..))) => asked.lines = usize::try_from(lines).ok(),
                _ => break,
            }
            asked.command = rest.trim_end().to_string();
        }
        let is_allowed = [LAB, TEST].iter().any(|start| asked.command.starts_with(start));
        ensure!(is_allowed, "only `cargo lab ...` and `cargo test ...` can be recorded, not `{}`", asked.command);
        ensure!(shlex::split(&asked.command).is_some(), "`{}`: a quotation mark has no end", asked.command);
        Ok(asked)
    }
}

/// The output of a command.
#[derive(Debug, Serialize, Deserialize)]
struct Recording {
    schema: u32,
    command: String,
    exit: i32,
    text: String,
    taken_at: Timestamp,
    machine: Machine,
}

/// The file of a command's recording in a store.
fn path(store: &Store, command: &str) -> PathBuf {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: Vec<&str> = command["cargo ".len()..].split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    store.folder().join("outputs").join(format!("{}.json", words.join("-")))
}

/// The recording of a command in `store`; `None` if there is none.
fn read(store: &Store, command: &str) -> anyhow::Result<Option<Recording>> {
    let path = path(store, command);
    let Ok(json) = fs::read(&path) else { return Ok(None) };
    let recording: Recording = serde_json::from_slice(&json).with_context(|| path.display().to_string())?;
    ensure!(recording.schema == SCHEMA, "{}: another version recorded it", path.display());
    ensure!(recording.command == command, "{}: the output of another command: {}", path.display(), recording.command);
    Ok(Some(recording))
}

/// The recorded output as Markdown: the reader's own, or else that of the reference set. What cannot be read is added to
/// `notices`.
///
/// # Errors
///
/// If the reference set has no recording of this command, or one with another exit status.
pub(crate) fn markdown(asked: &Asked, sources: &Sources, notices: &mut Vec<String>) -> anyhow::Result<String> {
    let advice = || format!("run `cargo book record --reference {}`", quoted(&asked.command));
    let Some(reference) = read(sources.reference(), &asked.command).with_context(advice)? else {
        bail!("the reference set has no output of `{}`; {}", asked.command, advice());
    };
    if reference.exit != asked.exit {
        bail!("`{}` was recorded with exit status {}, not {}", asked.command, reference.exit, asked.exit);
    }
    let own = read(sources.own(), &asked.command).unwrap_or_else(|error| {
        notices.push(format!("{error:#}; the reference is used"));
        None
    });
    let own = own.filter(|own| own.exit == asked.exit);
    let whose = if own.is_some() { "your machine" } else { "the reference machine" };
    let recording = own.unwrap_or(reference);
    let all: Vec<&str> = recording.text.lines().collect();
    let shown = &all[..asked.lines.unwrap_or(all.len()).min(all.len())];
    let text = directive::escaped(&shown.join("\n"));
    // Longer than any fence in the text.
    let fence = "`".repeat(3.max(1 + text.split(|c| c != '`').map(str::len).max().unwrap_or(0)));
    let cut = if shown.len() < all.len() { "\n..." } else { "" };
    let note = html! {
        p.recorded {
            @if shown.len() < all.len() { "The first " (shown.len()) " of " (all.len()) " lines. " }
            "Recorded on " (whose) " (" (whose::described(&recording.machine)) ") on " (whose::day(recording.taken_at)) "."
        }
    };
    Ok(format!("\n{fence}console\n$ {}\n{text}{cut}\n{fence}\n\n{}\n", asked.command, note.into_string()))
}

/// A command as one argument of a shell.
fn quoted(command: &str) -> String {
    shlex::try_quote(command).map_or_else(|_| command.to_string(), Into::into)
}

/// Every command that these chapters ask for, each once. Of a faulty directive there is a fault in the build.
pub(crate) fn named<'a>(chapters: impl Iterator<Item = &'a str>) -> Vec<Asked> {
    let outputs = chapters.flat_map(directives).filter(|directive| directive.name == "output");
    let all = outputs.filter_map(|directive| Asked::parse(directive.arguments).ok());
    all.map(|asked| (asked.command.clone(), asked)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Runs these commands and writes their outputs to `store`. Returns the faults.
///
/// # Errors
///
/// If the lab cannot be built, or if the file system reports an error.
pub(crate) fn record(commands: &[Asked], store: &Store) -> anyhow::Result<Vec<String>> {
    let lab = lab()?;
    let mut faults = Vec::new();
    for asked in commands {
        eprintln!("$ {}", asked.command);
        match run(&lab, &asked.command, LIMIT) {
            Ok((exit, _)) if exit != asked.exit => {
                faults.push(format!("`{}` ended with exit status {exit}, not {}", asked.command, asked.exit));
            }
            Ok((exit, text)) => {
                let (command, machine) = (asked.command.clone(), Machine::this());
                let recording = Recording { schema: SCHEMA, command, exit, text, taken_at: Timestamp::now(), machine };
                let mut json = serde_json::to_vec_pretty(&recording)?;
                json.push(b'\n');
                store.write_file(&path(store, &asked.command), &json)?;
            }
            Err(error) => faults.push(format!("`{}`: {error:#}", asked.command)),
        }
    }
    Ok(faults)
}

/// The path of the `lab`, which Cargo builds first. A test names a program instead.
fn lab() -> anyhow::Result<PathBuf> {
    if env::var_os("CARGO_BIN_EXE_lab").is_none() {
        let mut build = Command::new(cargo());
        let status = build.current_dir(place::workspace()?).args(["build", "--bin", "lab"]).status();
        ensure!(status.context("Cargo cannot be started")?.success(), "the lab cannot be built");
    }
    Ok(place::lab())
}

fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Runs `command` in the root of the workspace, without colour, for a terminal of 80 columns. Returns its exit status
/// and what it printed: its standard output, or its standard error if there was no output.
fn run(lab: &Path, command: &str, limit: Duration) -> anyhow::Result<(i32, String)> {
    let (program, arguments) = match command.strip_prefix(LAB) {
        Some(arguments) => (lab.to_path_buf(), arguments),
        None => (cargo(), &command["cargo ".len()..]),
    };
    let mut child = Command::new(&program)
        .args(shlex::split(arguments).context("a quotation mark has no end")?)
        .current_dir(place::workspace()?)
        .envs([("COLUMNS", "80"), ("NO_COLOR", "1")])
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let read = |stream: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.map_or(Ok(0), |mut stream| stream.read_to_end(&mut bytes)).map(|_| bytes)
        })
    };
    let output = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let errors = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let Some(status) = child.wait_timeout(limit)? else {
        child.kill()?;
        child.wait()?;
        bail!("it did not end within {} s and was killed", limit.as_secs());
    };
    let text = |reader: thread::JoinHandle<std::io::Result<Vec<u8>>>| -> anyhow::Result<String> {
        let bytes = reader.join().expect("reading does not panic")?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_matches('\n').to_string())
    };
    let (output, errors) = (text(output)?, text(errors)?);
    let exit = status.code().with_context(|| format!("it did not exit by itself: {status}"))?;
    Ok((exit, if output.is_empty() { errors } else { output }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_not_part_of_the_command() {
        let asked = Asked::parse("cargo lab demo --memo memo2 exit=1  lines=20").unwrap();
        assert_eq!(asked, Asked { command: "cargo lab demo --memo memo2".to_string(), exit: 1, lines: Some(20) });
        assert_eq!(Asked::parse("cargo lab run x=1").unwrap().command, "cargo lab run x=1");
        assert_eq!(Asked::parse("cargo test -p memo2").unwrap().command, "cargo test -p memo2");
        assert!(Asked::parse("rm -r x").is_err() && Asked::parse("cargo clean").is_err());
        assert!(Asked::parse("cargo lab 'x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_does_not_end_is_killed() {
        let started = std::time::Instant::now();
        let error = run(Path::new("/bin/sh"), "cargo lab -c 'exec sleep 600'", Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error:#}");
        assert!(started.elapsed() < Duration::from_secs(300));
    }
}

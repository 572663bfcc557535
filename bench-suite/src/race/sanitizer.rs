//! ThreadSanitizer: the compiler notes each access to memory, and a race is found even in a run that goes well.
//!
//! It needs a nightly compiler, so it is an optional lane. The standard library is not noted in such a build: what
//! `std` itself synchronises with would look like a race. The memos' locks are `parking_lot`'s, which is built with the
//! programs and is noted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use super::Program;
use crate::child::{self, End, Patience};

/// A run under the sanitizer is some ten times slower than without.
const PATIENCE: Patience = Patience::new(Duration::from_secs(10), Duration::from_secs(60));

/// How many runs must go well. The sanitizer remembers the last few accesses to each place and no more, so that one run
/// may hide a race; on a busy machine, where the threads take turns, five of six do.
const RUNS: u32 = 50;

/// How a program ends on its first race, so that this is told from its other ends.
const FOUND: i32 = 66;

/// What the sanitizer says of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It saw a race. Its report, in short.
    Race(Vec<String>),
    /// It saw none, in fifty whole runs.
    None,
    /// There is no verdict, for this reason.
    Skipped(String),
}

/// Builds `program` with ThreadSanitizer and runs it once.
///
/// # Errors
///
/// If the program that was built cannot be started.
pub fn sanitize(program: Program) -> anyhow::Result<Verdict> {
    let Some(host) = nightly_host() else {
        let how = "no nightly compiler here (rustup toolchain install nightly)";
        return Ok(Verdict::Skipped(how.to_string()));
    };
    if !host.contains("linux") && !host.contains("darwin") {
        return Ok(Verdict::Skipped(format!("ThreadSanitizer does not exist for {host}")));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate stands in a workspace")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let built = program.build_with(
        Command::new("rustup")
            .args(["run", "nightly", "cargo", "build", "--target", &host, "--target-dir"])
            .arg(target.join("tsan"))
            .env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"),
    );
    let built = match built {
        Ok(built) => built,
        Err(error) => return Ok(Verdict::Skipped(format!("a nightly compiler is here, but its build fails: {error}"))),
    };
    let options = format!("halt_on_error=1 exitcode={FOUND}");
    let mut broke_off = None;
    for _ in 0..RUNS {
        let report = child::run(Command::new(&built).env("TSAN_OPTIONS", &options), PATIENCE)?;
        match report.end {
            End::Exit(FOUND) => return Ok(Verdict::Race(brief(&report.stderr))),
            End::Exit(0) => {}
            end => broke_off = Some(end),
        }
    }
    Ok(match broke_off {
        None => Verdict::None,
        Some(end) => Verdict::Skipped(format!("runs broke off before anything could be said ({end:?})")),
    })
}

/// The host that the nightly compiler builds for, if there is one.
fn nightly_host() -> Option<String> {
    let output = Command::new("rustup")
        .args(["run", "nightly", "rustc", "--version", "--verbose"])
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_string)
}

/// The two accesses of a report, and for each the first place that is ours.
fn brief(report: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut accesses = report.lines().map(str::trim).skip_while(|line| !line.starts_with("WARNING: ThreadSanitizer"));
    lines.extend(accesses.next().map(|line| line.split(" (pid").next().unwrap_or(line).to_string()));
    let mut access = None;
    for line in accesses {
        let is_access = ["Write of", "Read of", "Previous write", "Previous read", "Atomic", "Previous atomic"];
        if is_access.iter().any(|kind| line.starts_with(kind)) {
            access = Some(line.split(" at 0x").next().unwrap_or(line).to_string());
        } else if let Some(place) = ours(line)
            && let Some(access) = access.take()
        {
            lines.push(format!("{access} at {place}"));
        }
    }
    lines
}

/// The place in this workspace that a line of a backtrace names: `memo1/src/racy.rs:58`.
fn ours(line: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.to_str()?;
    let place = line.split_whitespace().find_map(|word| {
        let path = word.strip_prefix(root).map(|path| path.trim_start_matches('/')).unwrap_or(word);
        let crates = ["memo1/", "memo2/"];
        crates.iter().any(|name| path.starts_with(name)).then_some(path)
    })?;
    let mut parts = place.split(':');
    Some(format!("{}:{}", parts.next()?, parts.next()?))
}

//! ThreadSanitizer: the compiler instruments each access to memory, so a race is found even in a run that ends
//! well.
//!
//! It needs a nightly compiler, so it is an optional lane. In such a build the standard library is not
//! instrumented: synchronisation inside `std` would look like a race. The memos' locks are `parking_lot`'s, which
//! is built with the programs and is instrumented.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::program::Program;
use crate::child::{self, End, Patience};
use crate::place;

/// How long a run may take. Under the sanitizer it is about ten times slower than without.
const PATIENCE: Patience = Patience::new(Duration::from_secs(10), Duration::from_secs(60));

/// How many runs must end well. The sanitizer remembers only the last few accesses to each place, so one run may
/// miss a race; on a busy machine, where the threads take turns, five of six runs miss it.
const RUNS: u32 = 50;

/// The exit status of a program in which the sanitizer has found a race. It differs from those of all other ends.
const FOUND: i32 = 66;

/// What the sanitizer detected in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detected {
    /// The sanitizer saw a race. These lines are its report, in short.
    Race(Vec<String>),
    /// The sanitizer saw no race in 50 complete runs.
    None,
    /// There is no verdict; the text is the reason.
    Skipped(String),
}

/// Builds `program` with ThreadSanitizer and runs it until the sanitizer sees a race, at most 50 times.
///
/// # Errors
///
/// If the built program cannot be started.
pub fn sanitize(program: Program) -> anyhow::Result<Detected> {
    let Some(host) = nightly_host() else {
        let how = "no nightly compiler here (rustup toolchain install nightly)";
        return Ok(Detected::Skipped(how.to_string()));
    };
    if !host.contains("linux") && !host.contains("darwin") {
        return Ok(Detected::Skipped(format!("ThreadSanitizer does not exist for {host}")));
    }
    let built = program.build_with(
        Command::new("rustup")
            .args(["run", "nightly", "cargo", "build", "--target", &host, "--target-dir"])
            .arg(place::target().join("tsan"))
            .env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer")
            // The report gives line numbers, so the build needs them, whatever the reader's profile says.
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"),
    );
    let built = match built {
        Ok(built) => built,
        Err(error) => return Ok(Detected::Skipped(format!("the nightly compiler cannot build the program: {error}"))),
    };
    let options = format!("halt_on_error=1 exitcode={FOUND}");
    let mut broke_off = None;
    for _ in 0..RUNS {
        let report = child::run(Command::new(&built).env("TSAN_OPTIONS", &options), PATIENCE)?;
        match report.end {
            End::Exits { status: 0, .. } => {}
            end => match (end, brief(&report.stderr)) {
                (End::Exits { status: FOUND, .. }, race) if !race.is_empty() => return Ok(Detected::Race(race)),
                // The program has the same exit status if the race led to a crash before the sanitizer saw it.
                (end, _) => broke_off = Some(end),
            },
        }
    }
    Ok(match broke_off {
        None => Detected::None,
        Some(end) => Detected::Skipped(format!("runs ended too early for a verdict ({end:?})")),
    })
}

/// The host triple that the nightly compiler builds for, if there is one.
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

/// Shortens a report to its two accesses, each with the first place in our code.
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

/// The place in this workspace that a line of a backtrace names, such as `memo1/src/racy.rs:58`.
///
/// The line is `#0 FUNCTION PATH:LINE:COLUMN (...)`. Both the function and the path may contain spaces, so spaces
/// cannot separate them. The place begins at the folder of one of our crates.
fn ours(line: &str) -> Option<String> {
    let start = ["memo1/src/", "memo2/src/"].iter().filter_map(|folder| line.rfind(folder)).max()?;
    let (file, rest) = line[start..].split_once(".rs:")?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!number.is_empty()).then(|| format!("{file}.rs:{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_no_report_of_a_race() {
        let report = "ThreadSanitizer:DEADLYSIGNAL
==7==ERROR: ThreadSanitizer: SEGV on unknown address 0x000000000008 (pc 0x55 bp 0x7f sp 0x7f T9)
SUMMARY: ThreadSanitizer: SEGV memo1/src/racy.rs:58 in get
";
        assert!(brief(report).is_empty());
    }

    /// A report as ThreadSanitizer prints it for a checkout in `/home/me/my course`.
    #[test]
    fn places_are_found_in_a_folder_with_a_space() {
        let report = "==================
WARNING: ThreadSanitizer: data race (pid=7)
  Write of size 8 at 0x7200000000d0 by thread T2:
    #0 <u64 as core::ops::Add>::add /rustc/0/library/core/src/ops/arith.rs:110:45 (race+0x1)
    #1 <memo1::racy::Memo<u64, u64, F>>::get /home/me/my course/memo1/src/racy.rs:58:30 (race+0x2) (BuildId: 3)
    #2 race::main::{closure#0} /home/me/my course/memo1/src/bin/race.rs:40:9 (race+0x4)

  Previous read of size 8 at 0x7200000000d0 by thread T1:
    #0 <memo1::racy::Memo<u64, u64, F>>::get memo1/src/racy.rs:52:22 (race+0x5)

SUMMARY: ThreadSanitizer: data race /home/me/my course/memo1/src/racy.rs:58:30 in get
";
        assert_eq!(
            brief(report),
            [
                "WARNING: ThreadSanitizer: data race",
                "Write of size 8 at memo1/src/racy.rs:58",
                "Previous read of size 8 at memo1/src/racy.rs:52",
            ]
        );
    }
}

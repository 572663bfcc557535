//! Child processes under a deadline: whatever could hang or crash does it there, and what became of it is a result.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

/// The most that is kept of a child's output, in bytes; the rest is read and thrown away, so that the child never waits
/// for a reader.
const OUTPUT_LIMIT: usize = 1 << 20;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this exit status.
    Exit(i32),
    /// By this signal: a crash.
    Signal(i32),
    /// Killed, since its time was up.
    Deadline {
        /// Whether all its threads were asleep then, each waiting for another: a deadlock. Otherwise some of them were
        /// still working.
        asleep: bool,
    },
}

/// What became of a child.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// What it wrote to its standard output, up to a mebibyte.
    pub stdout: String,
    /// What it wrote to its standard error, up to a mebibyte.
    pub stderr: String,
}

/// Runs `command` with nothing on its standard input, and kills it if it has not ended after `deadline`.
///
/// # Errors
///
/// If the child cannot be started or waited for.
pub fn run(command: &mut Command, deadline: Duration) -> io::Result<Report> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let end = match child.wait_timeout(deadline)? {
        Some(status) => ended(status),
        None => {
            let asleep = all_asleep(&child);
            // It may have ended meanwhile; then there is nothing to kill, and that is what we wanted.
            let _ = child.kill();
            child.wait()?;
            End::Deadline { asleep }
        }
    };
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Report { end, stdout: text(stdout), stderr: text(stderr) })
}

/// Reads a pipe to its end on a thread of its own: a child that fills one pipe while we read the other would wait.
fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return String::new() };
        let mut kept = Vec::new();
        // A pipe that breaks has ended: what came before is what there is.
        let _ = pipe.by_ref().take(OUTPUT_LIMIT as u64).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

#[cfg(unix)]
fn ended(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn ended(status: ExitStatus) -> End {
    End::Exit(status.code().unwrap_or_default())
}

/// Whether every thread of the child is asleep and has stayed so: two looks, between which none has run.
#[cfg(target_os = "linux")]
fn all_asleep(child: &Child) -> bool {
    use green_threads::probe::threads;
    let look = || threads::of(child.id()).unwrap_or_default();
    let (first, second) = (look(), look());
    first == second && !first.is_empty() && first.iter().all(|thread| thread.asleep)
}

#[cfg(not(target_os = "linux"))]
fn all_asleep(_: &Child) -> bool {
    false
}

/// The name of a signal that ends a process, as `signal(7)` gives it.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".into(),
        6 => "SIGABRT".into(),
        7 => "SIGBUS".into(),
        8 => "SIGFPE".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        other => format!("signal {other}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Report {
        run(Command::new("sh").args(["-c", script]), deadline).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(200);

    #[test]
    fn an_exit_is_told_with_its_output() {
        let report = shell("echo out; echo err >&2; exit 3", LONG);
        assert_eq!((report.end, &*report.stdout, &*report.stderr), (End::Exit(3), "out\n", "err\n"));
    }

    #[test]
    fn a_signal_is_told() {
        assert_eq!(shell("kill -SEGV $$", LONG).end, End::Signal(11));
    }

    #[test]
    fn a_sleeper_and_a_spinner_are_told_apart() {
        assert_eq!(shell("exec sleep 1000", SHORT).end, End::Deadline { asleep: true });
        assert_eq!(shell("while :; do :; done", SHORT).end, End::Deadline { asleep: false });
    }

    #[test]
    fn more_output_than_is_kept_blocks_nobody() {
        let report = shell("head -c 3000000 /dev/zero", LONG);
        assert_eq!((report.end, report.stdout.len()), (End::Exit(0), OUTPUT_LIMIT));
    }
}

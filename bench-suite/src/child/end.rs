//! How a child process ended.

use std::fmt;
use std::process::ExitStatus;

use serde::{Deserialize, Serialize};

/// How a child process ended. It is a result like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The child exited.
    Exits {
        /// The exit status.
        status: i32,
        /// The line of its standard error that says what is wrong, or `nothing` if it wrote none.
        says: String,
    },
    /// A signal ended the child; on Windows, an exception.
    Crashes {
        /// The name of the signal, as in `signal(7)`, or the number of the exception.
        signal: String,
        /// The line of its standard error that says what is wrong, or `nothing` if it wrote none.
        says: String,
    },
    /// The child was killed, because there was evidence that it hangs.
    Hangs {
        /// Whether all threads slept, or woke up only to look for work: a deadlock. Otherwise the child used up its
        /// processor time, or only yielded.
        asleep: bool,
    },
    /// The child was killed after a very long time, without evidence that it hangs: the machine may have been too
    /// busy.
    Undecided,
}

impl End {
    /// The end of a child that was not killed by its parent, from its status and its standard error.
    pub(super) fn of(status: ExitStatus, stderr: &str) -> Self {
        let says = complaint(stderr);
        match raw(status) {
            Raw::Exit(status) => End::Exits { status, says },
            Raw::Signal(signal) => End::Crashes { signal: name(signal), says },
        }
    }

    /// The exit status, if the child exited.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        match self {
            End::Exits { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A few words for a cell of a table.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            End::Exits { status, .. } => format!("exit status {status}"),
            End::Crashes { signal, .. } => signal.clone(),
            End::Hangs { asleep: true } => "hangs, all asleep".into(),
            End::Hangs { asleep: false } => "hangs, running".into(),
            End::Undecided => "undecided".into(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exits { status, says } => write!(out, "its process exits with status {status}: {says}"),
            End::Crashes { signal, says } => write!(out, "crashes with {signal}: {says}"),
            // Only Linux shows what the threads do.
            End::Hangs { .. } if cfg!(not(target_os = "linux")) => out.write_str("hangs"),
            End::Hangs { asleep: true } => out.write_str("hangs, every thread asleep"),
            End::Hangs { asleep: false } => out.write_str("hangs, some thread still running"),
            End::Undecided if cfg!(target_os = "linux") => out.write_str("undecided: the machine was too busy"),
            End::Undecided => out.write_str("undecided: only Linux shows whether it hangs"),
        }
    }
}

/// What the operating system reports about the end of a process.
enum Raw {
    Exit(i32),
    Signal(i32),
}

#[cfg(unix)]
fn raw(status: ExitStatus) -> Raw {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Raw::Exit(code),
        (None, signal) => Raw::Signal(signal.unwrap_or_default()),
    }
}

/// Windows has no signals. The status of a process that crashed is the number of its exception, whose two highest
/// bits are set.
#[cfg(not(unix))]
fn raw(status: ExitStatus) -> Raw {
    match status.code().unwrap_or_default() {
        exception if exception.cast_unsigned() >> 30 == 0b11 => Raw::Signal(exception),
        status => Raw::Exit(status),
    }
}

/// The name of a signal that ends a process, as in `signal(7)`, or the number of a Windows exception.
fn name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".into(),
        6 => "SIGABRT".into(),
        7 => "SIGBUS".into(),
        8 => "SIGFPE".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        exception if exception < 0 => format!("exception {exception:#X}"),
        other => format!("signal {other}"),
    }
}

/// The line of a program's standard error that says what is wrong. A panic says it on its second line.
fn complaint(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let panic = lines.iter().position(|line| line.contains("panicked at"));
    let telling = |line: &&&str| ["overflow", "fatal error", "failed", "error"].iter().any(|word| line.contains(word));
    let line = match panic {
        Some(at) => lines.get(at + 1),
        None => lines.iter().find(telling),
    };
    let line = line.or(lines.first()).copied().unwrap_or("nothing");
    // Thread ids, in brackets, differ from run to run, so they are left out.
    let words = line.split(' ').filter(|word| !word.starts_with('(') || !word.ends_with(')'));
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_found_among_last_words() {
        let rust = "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        assert_eq!(complaint(rust), "thread 'main' has overflowed its stack");
        let panic = "\nthread 'main' (7) panicked at src/main.rs:1:1:\nno room\nnote: run with ...\n";
        assert_eq!(complaint(panic), "no room");
        let go =
            "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\ngoroutine 1:\n";
        assert_eq!(complaint(go), "fatal error: stack overflow");
        assert_eq!(complaint("  \n"), "nothing");
        assert_eq!(complaint("hm\n"), "hm");
    }
}

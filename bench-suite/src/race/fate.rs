//! How a run may end.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::child::{self, End, Patience, Report};

/// A good run takes some milliseconds.
const PATIENCE: Patience = Patience::new(Duration::from_secs(1), Duration::from_secs(2));

/// How slow `f` is, in turns of an empty loop: each run takes the next. See the programs for why.
const SLOW: [&str; 4] = ["100", "300", "1000", "3000"];

/// What became of one run; if several things did, the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Every value right, one call a key, nothing lost. Which proves nothing.
    Right,
    /// Some key was computed twice.
    DuplicateCalls,
    /// Some key that was put into the map is not there.
    LostEntries,
    /// Some caller got another value than its key's.
    WrongValues,
    /// It used two seconds of processor time without coming to an end, or all of its threads slept.
    Hang,
    /// The operating system or the allocator stopped it, or it panicked.
    Crash,
}

impl Fate {
    /// All of them, from the best to the worst.
    pub const ALL: [Fate; 6] =
        [Fate::Right, Fate::DuplicateCalls, Fate::LostEntries, Fate::WrongValues, Fate::Hang, Fate::Crash];

    /// Its name in results and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fate::Right => "right",
            Fate::DuplicateCalls => "duplicate calls",
            Fate::LostEntries => "lost entries",
            Fate::WrongValues => "wrong values",
            Fate::Hang => "hang",
            Fate::Crash => "crash",
        }
    }
}

/// Runs `program` as run number `turn`.
///
/// # Errors
///
/// If it cannot be started.
pub fn run(program: &Path, turn: usize) -> io::Result<Fate> {
    let report = child::run(Command::new(program).arg(SLOW[turn % SLOW.len()]), PATIENCE)?;
    fate(&report).ok_or_else(|| io::Error::other(child::UNDECIDED))
}

/// `None` if it is undecided.
fn fate(report: &Report) -> Option<Fate> {
    // What the program says of itself, a line for each count.
    let said = |fate: Fate| {
        let line = report.stdout.lines().find_map(|line| line.strip_prefix(fate.name())?.strip_prefix(": "));
        line.and_then(|count| count.parse::<u32>().ok())
    };
    Some(match report.end {
        End::Undecided => return None,
        End::Hang { .. } => Fate::Hang,
        End::Exit(0) => {
            let counted = [Fate::WrongValues, Fate::LostEntries, Fate::DuplicateCalls];
            if counted.iter().any(|fate| said(*fate).is_none()) {
                // It ended well and did not say what it must: whatever it was, it was not our program any more.
                return Some(Fate::Crash);
            }
            counted.into_iter().find(|fate| said(*fate) > Some(0)).unwrap_or(Fate::Right)
        }
        End::Exit(_) | End::Signal(_) => Fate::Crash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let fate_of = |end, stdout: &str| fate(&Report { end, stdout: stdout.into(), stderr: String::new() }).unwrap();
        let said = |wrong, lost, duplicates| {
            format!("wrong values: {wrong}\nlost entries: {lost}\nduplicate calls: {duplicates}\n")
        };
        assert_eq!(fate_of(End::Exit(0), &said(0, 0, 0)), Fate::Right);
        assert_eq!(fate_of(End::Exit(0), &said(0, 0, 9)), Fate::DuplicateCalls);
        assert_eq!(fate_of(End::Exit(0), &said(0, 1, 9)), Fate::LostEntries);
        assert_eq!(fate_of(End::Exit(0), &said(1, 1, 9)), Fate::WrongValues);
        assert_eq!(fate_of(End::Exit(0), "wrong val"), Fate::Crash);
        assert_eq!(fate_of(End::Exit(101), ""), Fate::Crash);
        assert_eq!(fate_of(End::Signal(6), &said(0, 0, 0)), Fate::Crash);
        assert_eq!(fate_of(End::Hang { asleep: false }, ""), Fate::Hang);
    }
}

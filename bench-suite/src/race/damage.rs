//! What a race does to a run.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::child::{self, End, Finished, Patience};

/// How long a run may take before it counts as hanging. A good run takes a few milliseconds.
const PATIENCE: Patience = Patience::new(Duration::from_secs(1), Duration::from_secs(2));

/// How slow `f` is, in turns of an empty loop: each run takes the next. The programs say why.
const SLOW: [&str; 4] = ["100", "300", "1000", "3000"];

/// What the race did to one run; of several things, the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// Every value was right, each key had one call, and nothing was lost. This proves nothing.
    Right,
    /// Some key was computed twice.
    DuplicateCalls,
    /// Some key that was put into the map is missing.
    LostEntries,
    /// Some caller received a value other than its key's.
    WrongValues,
    /// The run used two seconds of processor time without ending, or all of its threads slept.
    Hang,
    /// The operating system or the allocator stopped it, or it panicked.
    Crash,
}

impl Damage {
    /// All kinds of damage, from the best to the worst.
    pub const ALL: [Damage; 6] =
        [Damage::Right, Damage::DuplicateCalls, Damage::LostEntries, Damage::WrongValues, Damage::Hang, Damage::Crash];

    /// The name in results and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Damage::Right => "right",
            Damage::DuplicateCalls => "duplicate calls",
            Damage::LostEntries => "lost entries",
            Damage::WrongValues => "wrong values",
            Damage::Hang => "hang",
            Damage::Crash => "crash",
        }
    }
}

/// Runs `program` once. `turn` is the number of the run, from 0, and selects how slow `f` is.
///
/// # Errors
///
/// If the program cannot be started, or its end stays undecided.
pub fn run(program: &Path, turn: usize) -> io::Result<Damage> {
    let report = child::run(Command::new(program).arg(SLOW[turn % SLOW.len()]), PATIENCE)?;
    damage(&report).ok_or_else(|| io::Error::other(End::Undecided.to_string()))
}

/// What `report` shows; `None` if the end of the run is undecided.
fn damage(report: &Finished) -> Option<Damage> {
    // The program prints one line for each of its counts.
    let said = |damage: Damage| {
        let line = report.stdout.lines().find_map(|line| line.strip_prefix(damage.name())?.strip_prefix(": "));
        line.and_then(|count| count.parse::<u32>().ok())
    };
    Some(match report.end {
        End::Undecided => return None,
        End::Hangs { .. } => Damage::Hang,
        End::Exits { status: 0, .. } => {
            let counted = [Damage::WrongValues, Damage::LostEntries, Damage::DuplicateCalls];
            if counted.iter().any(|damage| said(*damage).is_none()) {
                // It exited with 0, but without the counts that our program always prints. So it no longer did
                // what it was written to do.
                return Some(Damage::Crash);
            }
            counted.into_iter().find(|damage| said(*damage) > Some(0)).unwrap_or(Damage::Right)
        }
        End::Exits { .. } | End::Crashes { .. } => Damage::Crash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let damage_of =
            |end, stdout: &str| damage(&Finished { end, stdout: stdout.into(), stderr: String::new() }).unwrap();
        let exit = |status| End::Exits { status, says: String::new() };
        let crash = End::Crashes { signal: "SIGABRT".into(), says: String::new() };
        let said = |wrong, lost, duplicates| {
            format!("wrong values: {wrong}\nlost entries: {lost}\nduplicate calls: {duplicates}\n")
        };
        assert_eq!(damage_of(exit(0), &said(0, 0, 0)), Damage::Right);
        assert_eq!(damage_of(exit(0), &said(0, 0, 9)), Damage::DuplicateCalls);
        assert_eq!(damage_of(exit(0), &said(0, 1, 9)), Damage::LostEntries);
        assert_eq!(damage_of(exit(0), &said(1, 1, 9)), Damage::WrongValues);
        assert_eq!(damage_of(exit(0), "wrong val"), Damage::Crash);
        assert_eq!(damage_of(exit(101), ""), Damage::Crash);
        assert_eq!(damage_of(crash, &said(0, 0, 0)), Damage::Crash);
        assert_eq!(damage_of(End::Hangs { asleep: false }, ""), Damage::Hang);
    }
}

//! What a workload reports: quantities and facts, each with the head of its column.

use serde::{Deserialize, Serialize};

/// A number that a workload reports.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// Its name in answers and results.
    pub name: &'static str,
    /// What it is in.
    pub unit: Unit,
    /// The head of its column; `\n` breaks a line.
    pub head: &'static str,
}

/// What a number is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds, of one iteration.
    Nanoseconds,
    /// How many times another number it is.
    Ratio,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// A part of a whole, from 0 to 1.
    Share,
}

impl Quantity {
    /// The time of one iteration, which every answer has.
    pub const TIME: Quantity = Quantity::new("time", Unit::Nanoseconds, "time");
    /// How far a child had come by its own last word. It outlives a crash.
    pub const PROGRESS: Quantity = Quantity::new("progress", Unit::Count, "at least");

    /// A quantity of any unit.
    #[must_use]
    pub const fn new(name: &'static str, unit: Unit, head: &'static str) -> Self {
        Quantity { name, unit, head }
    }

    /// A number of things.
    #[must_use]
    pub const fn count(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Count, head)
    }

    /// A number of bytes.
    #[must_use]
    pub const fn bytes(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Bytes, head)
    }

    /// A time in nanoseconds.
    #[must_use]
    pub const fn time(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Nanoseconds, head)
    }

    /// The same under another head.
    #[must_use]
    pub const fn under(self, head: &'static str) -> Self {
        Quantity { head, ..self }
    }
}

/// A word or sentence that a workload reports.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Its name in answers and results.
    pub name: &'static str,
    /// The head of its column; `\n` breaks a line.
    pub head: &'static str,
}

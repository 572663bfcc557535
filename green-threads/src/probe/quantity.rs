//! What a workload reports: quantities (numbers) and facts (texts), each with the head of its table column.

use serde::{Deserialize, Serialize};

/// A number that a workload reports.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// Its name in answers and results.
    pub name: &'static str,
    /// The unit of the number.
    pub unit: Unit,
    /// The head of its column; `\n` breaks a line.
    pub head: &'static str,
    /// Which numbers are better. Times, bytes and ratios are better if they are small; for
    /// counts and shares this is said where they are declared.
    pub better: Better,
    /// Whether a workload reports this number as its progress while it grows. So if its process ends too early, the
    /// last report is a lower bound.
    pub is_reported: bool,
}

/// Which numbers of a quantity are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Small numbers, as of a time.
    Less,
    /// Large numbers, as of units that a system can hold.
    More,
    /// Neither: the number describes what happened.
    Neither,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds per iteration.
    Nanoseconds,
    /// A multiple of another number: 2 means twice as much.
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
    /// The last count that a child reported before it ended. It is known even if the child crashed.
    pub const PROGRESS: Quantity = Quantity::count("progress", "at least").more();

    /// Creates a quantity with this name, unit and column head.
    #[must_use]
    pub const fn new(name: &'static str, unit: Unit, head: &'static str) -> Self {
        let better = match unit {
            Unit::Nanoseconds | Unit::Bytes | Unit::Ratio => Better::Less,
            Unit::Count | Unit::Share => Better::Neither,
        };
        Quantity { name, unit, head, better, is_reported: false }
    }

    /// Creates a quantity that counts things.
    #[must_use]
    pub const fn count(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Count, head)
    }

    /// Creates a quantity in bytes.
    #[must_use]
    pub const fn bytes(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Bytes, head)
    }

    /// Creates a quantity that is a time, in nanoseconds.
    #[must_use]
    pub const fn time(name: &'static str, head: &'static str) -> Self {
        Quantity::new(name, Unit::Nanoseconds, head)
    }

    /// Returns the same quantity, of which small numbers are better.
    #[must_use]
    pub const fn less(self) -> Self {
        Quantity { better: Better::Less, ..self }
    }

    /// Returns the same quantity, of which large numbers are better.
    #[must_use]
    pub const fn more(self) -> Self {
        Quantity { better: Better::More, ..self }
    }

    /// Returns the same quantity, of which no numbers are better.
    #[must_use]
    pub const fn neither(self) -> Self {
        Quantity { better: Better::Neither, ..self }
    }

    /// Returns the same quantity, which the workload reports as its progress.
    #[must_use]
    pub const fn reported(self) -> Self {
        Quantity { is_reported: true, ..self }
    }

    /// Returns the same quantity with another column head.
    #[must_use]
    pub const fn under(self, head: &'static str) -> Self {
        Quantity { head, ..self }
    }
}

/// A text that a workload reports: a word or a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Its name in answers and results.
    pub name: &'static str,
    /// The head of its column; `\n` breaks a line.
    pub head: &'static str,
}

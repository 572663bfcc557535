//! The results: one schema, and one folder where they are kept. Tables, reports and figures read them from there and
//! from nowhere else.

mod estimate;
mod folder;
mod machine;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conformance::Outcome;
use crate::probe::Fate;

pub use estimate::Estimate;
pub use folder::{Store, StoreError};
pub(crate) use machine::BUILT_FOR;
pub use machine::Machine;

/// The version of the schema below. It grows by one when an older reader could misread what is written.
pub const SCHEMA: u32 = 1;

/// How much of an experiment is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// The headline cells, within the time that `cargo bench` promises.
    Quick,
    /// The whole matrix.
    Full,
    /// Everything once, to see that it runs; the numbers mean nothing.
    Trial,
}

impl Depth {
    /// What `LAB_DEPTH` asks for: `full`, or `quick`, which is also the default.
    ///
    /// # Errors
    ///
    /// If it asks for something else.
    pub fn from_environment() -> anyhow::Result<Self> {
        match std::env::var("LAB_DEPTH").as_deref() {
            Err(std::env::VarError::NotPresent) | Ok("" | "quick") => Ok(Depth::Quick),
            Ok("full") => Ok(Depth::Full),
            Ok(other) => anyhow::bail!("LAB_DEPTH is {other:?}; it takes `quick` or `full`"),
            Err(error) => Err(error).map_err(|error| anyhow::anyhow!("LAB_DEPTH cannot be read: {error}")),
        }
    }

    /// How many rounds: `quick` or `full` of them, and one in a trial.
    #[must_use]
    pub fn rounds(self, quick: usize, full: usize) -> usize {
        match self {
            Depth::Quick => quick,
            Depth::Full => full,
            Depth::Trial => 1,
        }
    }

    /// Its name in files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Depth::Quick => "quick",
            Depth::Full => "full",
            Depth::Trial => "trial",
        }
    }
}

/// What one run of one experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`], as it was when this was written.
    pub schema: u32,
    /// The experiment's name, which is also the file's.
    pub experiment: String,
    /// How much of it was asked for.
    pub depth: Depth,
    /// Whether all cells of that depth are here. A filter leaves some out; then nothing may be read off what is absent.
    pub complete: bool,
    /// When the run ended.
    pub taken_at: Timestamp,
    /// On what machine, and built with what.
    pub machine: Machine,
    /// What was found, in the order in which tables show it.
    pub cells: Vec<Cell>,
}

/// One subject in one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The subject's name.
    pub subject: String,
    /// What the setting was: each parameter by its name. The placement is always among those of a time.
    pub setting: BTreeMap<String, String>,
    /// What was found.
    pub found: Found,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Numbers, by their names.
    Figures(BTreeMap<String, Figure>),
    /// What became of a trial.
    Outcome(Outcome),
    /// What a child observed, as far as it came.
    Observed(Observation),
    /// Nothing, since this cell cannot exist.
    Absent {
        /// Why not.
        why: String,
    },
}

/// What one child saw of its runtime.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Numbers, by their names.
    pub figures: BTreeMap<String, Figure>,
    /// Words, by their names.
    pub facts: BTreeMap<String, String>,
    /// What stopped it, if it did not come to its end.
    pub stopped: Option<Fate>,
}

/// A number that was taken several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Of what.
    pub unit: Unit,
    /// One number for each round, in the rounds' order; so two figures of one setting can be compared round by round.
    pub rounds: Vec<f64>,
}

/// The end of the name of a figure that is a bound: `kernel_below` is a number that what would be called `kernel` is
/// less than, where noise hides how much it is.
pub const BELOW: &str = "_below";

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// How many times as much as the setting's reference, in the same round.
    Ratio,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// A part of a whole, from 0 to 1.
    Share,
}

impl Figure {
    /// The middle of the rounds, or between the two middle ones.
    ///
    /// # Panics
    ///
    /// If there are no rounds.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.estimate().median
    }

    /// The median, and how far it can be trusted.
    ///
    /// # Panics
    ///
    /// If there are no rounds.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate::of(&self.rounds)
    }
}

impl Results {
    /// Results of `experiment` from this machine, taken just now.
    #[must_use]
    pub fn new(experiment: &str, depth: Depth, complete: bool, cells: Vec<Cell>) -> Self {
        Results {
            schema: SCHEMA,
            experiment: experiment.to_string(),
            depth,
            complete,
            taken_at: Timestamp::now(),
            machine: Machine::this(),
            cells,
        }
    }
}

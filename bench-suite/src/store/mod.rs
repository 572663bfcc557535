//! The results: one schema, and one folder where they are kept. Tables, reports and figures read them from there and
//! from nowhere else.

mod estimate;
mod folder;
mod machine;

use std::collections::BTreeMap;

use green_threads::workload::{Depth, Quantity, Unit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::child::probe::Stop;
use crate::conformance::Outcome;

pub use estimate::Estimate;
pub use folder::{Store, StoreError};
pub use machine::Machine;

/// The version of the schema below. It grows by one when an older reader could misread what is written.
pub const SCHEMA: u32 = 2;

/// The oldest version that can still be read. Version 1 calls quantities figures.
const OLDEST: u32 = 1;

/// The depth that `LAB_DEPTH` asks for: `full`, or `quick`, which is also the default.
///
/// # Errors
///
/// If it asks for something else.
pub fn depth_from_environment() -> anyhow::Result<Depth> {
    match std::env::var("LAB_DEPTH").as_deref() {
        Err(std::env::VarError::NotPresent) | Ok("" | "quick") => Ok(Depth::Quick),
        Ok("full") => Ok(Depth::Full),
        Ok(other) => anyhow::bail!("LAB_DEPTH is {other:?}; it takes `quick` or `full`"),
        Err(error) => Err(error).map_err(|error| anyhow::anyhow!("LAB_DEPTH cannot be read: {error}")),
    }
}

/// The parameters of a setting, by name. The placement is always among those of a time.
pub type Setting = BTreeMap<String, String>;

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
    /// The setting in which it was measured.
    pub setting: Setting,
    /// What was found.
    pub found: Found,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Quantities, by name.
    #[serde(alias = "figures")]
    Quantities(BTreeMap<String, Series>),
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
    /// Quantities, by name.
    #[serde(alias = "figures")]
    pub quantities: BTreeMap<String, Series>,
    /// Facts, by name.
    pub facts: BTreeMap<String, String>,
    /// What stopped it, if it did not come to its end.
    pub stopped: Option<Stop>,
}

/// A quantity that was taken several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Of what.
    pub unit: Unit,
    /// One number for each round, in the rounds' order; so two quantities of one setting can be compared round by round.
    pub rounds: Vec<f64>,
}

impl Series {
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

/// These quantities by name.
#[must_use]
pub fn named(quantities: impl IntoIterator<Item = (Quantity, Vec<f64>)>) -> BTreeMap<String, Series> {
    let series =
        |(quantity, rounds): (Quantity, _)| (quantity.name.to_string(), Series { unit: quantity.unit, rounds });
    quantities.into_iter().filter(|(_, rounds)| !rounds.is_empty()).map(series).collect()
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

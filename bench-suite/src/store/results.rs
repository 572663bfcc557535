//! What a file of results holds.

use std::collections::BTreeMap;

use green_threads::workload::{Depth, Quantity, Unit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::machine::Machine;
use crate::child::probe::Stop;
use crate::spec::Outcome;

/// The version of the schema below. It grows by one whenever an older reader could misread a new file.
pub const SCHEMA: u32 = 2;

/// The oldest version that this program can still read. Version 1 calls quantities "figures".
pub(super) const OLDEST: u32 = 1;

/// The depth that the variable `LAB_DEPTH` asks for: `full` or `quick`. The default is `quick`.
///
/// # Errors
///
/// If `LAB_DEPTH` has any other value.
pub fn depth_from_environment() -> anyhow::Result<Depth> {
    match std::env::var("LAB_DEPTH").as_deref() {
        Err(std::env::VarError::NotPresent) | Ok("" | "quick") => Ok(Depth::Quick),
        Ok("full") => Ok(Depth::Full),
        Ok(other) => anyhow::bail!("LAB_DEPTH is {other:?}; it must be `quick` or `full`"),
        Err(error) => Err(error).map_err(|error| anyhow::anyhow!("LAB_DEPTH cannot be read: {error}")),
    }
}

/// A setting: the values of its parameters, by name. The setting of a time always includes the placement.
pub type Setting = BTreeMap<String, String>;

/// The results of one run of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The value of [`SCHEMA`] in the program that wrote these results.
    pub schema: u32,
    /// The experiment's name, which is also the name of the file.
    pub experiment: String,
    /// The depth at which the experiment ran.
    pub depth: Depth,
    /// Whether all cells of that depth are present. A filter leaves cells out. Where results are incomplete, a
    /// missing cell means nothing.
    pub complete: bool,
    /// The time at which the run ended.
    pub taken_at: Timestamp,
    /// The machine on which the experiment ran, and the build that ran it.
    pub machine: Machine,
    /// The cells, in the order in which tables show them.
    pub cells: Vec<Cell>,
}

/// The result of one subject in one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The name of the subject: a memo or a model.
    pub subject: String,
    /// The setting in which it was measured.
    pub setting: Setting,
    /// The result.
    pub found: Found,
}

/// The kinds of result that a cell can hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Quantities, by name.
    #[serde(alias = "figures")]
    Quantities(BTreeMap<String, Series>),
    /// The outcome of a trial: whether the subject kept a property.
    Outcome(Outcome),
    /// The observations of a child process, complete or up to the point where something stopped it.
    Observed(Observation),
    /// No result, because this subject cannot run in this setting.
    Absent {
        /// The reason.
        why: String,
    },
}

/// What one child process observed of its runtime: quantities and facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Quantities, by name.
    #[serde(alias = "figures")]
    pub quantities: BTreeMap<String, Series>,
    /// Facts in words, by name.
    pub facts: BTreeMap<String, String>,
    /// What stopped the child before the end; `None` if it ran to the end.
    pub stopped: Option<Stop>,
}

/// The measurements of one quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The unit of the numbers.
    pub unit: Unit,
    /// One number for each round, in the order of the rounds, so two quantities of one setting can be compared
    /// round by round.
    pub rounds: Vec<f64>,
}

impl Series {
    /// The median of the rounds: the middle one, or the mean of the two middle ones.
    ///
    /// # Panics
    ///
    /// If there are no rounds.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.estimate().median
    }

    /// The median of the rounds, and an interval that says how far to trust it.
    ///
    /// # Panics
    ///
    /// If there are no rounds.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate::of(&self.rounds)
    }

    /// These rounds divided by those of another series: round by round, if both have the same number of rounds. The
    /// caller knows whether rounds of the same number were measured side by side.
    ///
    /// # Panics
    ///
    /// If one of them has no rounds.
    #[must_use]
    pub fn over(&self, by: &Series) -> Estimate {
        if self.rounds.len() == by.rounds.len() {
            let ratios: Vec<f64> = self.rounds.iter().zip(&by.rounds).map(|(own, by)| own / by).collect();
            return Estimate::of(&ratios);
        }
        self.estimate().over(&by.estimate())
    }
}

/// Maps the name of each quantity to its rounds. Quantities without rounds are left out.
#[must_use]
pub fn named(quantities: impl IntoIterator<Item = (Quantity, Vec<f64>)>) -> BTreeMap<String, Series> {
    let series =
        |(quantity, rounds): (Quantity, _)| (quantity.name.to_string(), Series { unit: quantity.unit, rounds });
    quantities.into_iter().filter(|(_, rounds)| !rounds.is_empty()).map(series).collect()
}

impl Results {
    /// Results of `experiment`, measured on this machine by this build. The time is now.
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

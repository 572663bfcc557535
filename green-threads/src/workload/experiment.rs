//! The description of an experiment: what is measured of a workload, in which settings, and how its tables look.
//!
//! An experiment is a constant beside the workload's programs. The suite measures the settings that the experiment
//! lists, keeps the quantities that it names, and makes its tables from both. A workload is described nowhere
//! else.

use std::time::Duration;

use super::setting::{Depth, Setting};
use crate::probe::protocol::Model;
use crate::probe::quantity::{Fact, Quantity, Unit};

/// One experiment. It makes one file of results, and one or more tables.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name. Its file of results, its tables and its criterion groups have the same name.
    pub name: &'static str,
    /// The name of [`Setting::n`] in the results; empty if it does not vary.
    pub n: &'static str,
    /// The settings in which it is measured, in the order in which tables show them.
    pub settings: fn(Depth) -> Vec<Setting>,
    /// What it measures, and how tables show that.
    pub shows: Shows,
}

/// What an experiment measures, and how tables show that.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// Times, measured in interleaved rounds.
    Times(Times),
    /// Anything that is not a time (bytes, counts, exit kinds), observed once or a few times.
    Observations(Observations),
}

/// A table of times, with a row for each subject and a column for each setting.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// What one row is: `model` or `memo`.
    pub rows: &'static str,
    /// What the table shows and how to read it.
    pub caption: &'static str,
    /// The parameters whose values are in the head of a column.
    pub columns: &'static [Parameter],
    /// A parameter that splits the table: each of its values has a separate table, as each placement has. Empty if
    /// no parameter does.
    pub split: &'static str,
    /// The quantities that the table shows instead of the time and its ratio.
    pub instead: &'static [Quantity],
    /// The quantities that follow the ratio in brackets.
    pub in_brackets: &'static [Quantity],
    /// The correct value of the first quantity in brackets. The table marks any other value.
    pub expected: Option<f64>,
    /// The quantities that are in the results but in no table.
    pub quantities: &'static [Quantity],
    /// The headline settings, which `cargo bench` shows in its last table: those that agree with one of these
    /// lists in every parameter that the list has. Keep them few: each is shown for every placement.
    pub headline: &'static [&'static [(&'static str, &'static str)]],
    /// Further columns of the headline table: each compares two of its settings.
    pub compared: &'static [Compared],
    /// Columns with a remark on each subject, which end the headline table.
    pub remarks: &'static [Remark],
    /// Variants that are measured beside the models, for comparison.
    pub beside: &'static [Beside],
}

/// A column with the ratio of the times of two settings.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// The head of the column.
    pub head: &'static str,
    /// The setting whose time is the dividend.
    pub of: &'static [(&'static str, &'static str)],
    /// The setting whose time is the divisor.
    pub by: &'static [(&'static str, &'static str)],
}

/// A column with a remark on each subject.
#[derive(Clone, Copy, Debug)]
pub struct Remark {
    /// The head of the column.
    pub head: &'static str,
    /// Returns the remark on the subject with this name.
    pub on: fn(&str) -> &'static str,
}

impl Times {
    /// A table with a row for each model and a column for each number of workers. All its settings are headline
    /// settings.
    pub const OF_MODELS: Times = Times {
        rows: "model",
        caption: "",
        columns: &[Parameter::WORKERS],
        split: "",
        instead: &[],
        in_brackets: &[],
        expected: None,
        quantities: &[],
        headline: &[&[]],
        compared: &[],
        remarks: &[],
        beside: &[],
    };

    /// Finds the quantity with this name, whether the table shows it or not.
    #[must_use]
    pub fn quantity(&self, name: &str) -> Option<&'static Quantity> {
        let all = [self.instead, self.in_brackets, self.quantities];
        all.into_iter().flatten().find(|quantity| quantity.name == name)
    }
}

/// A variant of a workload that is measured beside the models.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Its name in tables.
    pub name: &'static str,
    /// The variant in whose settings it is measured and shown.
    pub at: &'static str,
    /// The model that runs it.
    pub model: Model,
    /// The variant that runs.
    pub variant: &'static str,
}

/// How observations are made, and the tables that show them.
#[derive(Clone, Copy, Debug)]
pub struct Observations {
    /// The tables, each with a row for each model in each setting.
    pub tables: &'static [Table],
    /// How long a child may be silent before it counts as hung.
    pub patience: Duration,
    /// Whether the suite counts the system calls of the children, and observes nothing else.
    pub traced: bool,
}

impl Observations {
    /// Creates observations whose children may be silent for up to a minute.
    #[must_use]
    pub const fn new(tables: &'static [Table]) -> Self {
        Observations { tables, patience: Duration::from_secs(60), traced: false }
    }

    /// Finds the quantity with this name in any of the tables.
    #[must_use]
    pub fn quantity(&self, name: &str) -> Option<&'static Quantity> {
        self.tables
            .iter()
            .flat_map(|table| table.quantities)
            .find(|quantity| quantity.name == name)
    }
}

/// A table of observations.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The variant that the table shows; [`Table::EVERY_VARIANT`] if it shows all of them.
    pub variant: &'static str,
    /// What the table shows and how to read it.
    pub caption: &'static str,
    /// The parameters that have columns.
    pub parameters: &'static [Parameter],
    /// The quantities that have columns. A column that is empty in every row is left out.
    pub quantities: &'static [Quantity],
    /// The facts that have columns. A column that is empty in every row is left out.
    pub facts: &'static [Fact],
}

impl Table {
    /// The value of [`Table::variant`] that selects every variant.
    pub const EVERY_VARIANT: &str = "*";
}

/// A parameter of a setting, as tables show it.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in results.
    pub name: &'static str,
    /// In a table of times, the words around the value in a column's head: `{}` is the value, and `{s}` is the "s"
    /// of a plural. In a table of observations, the head of the parameter's own column.
    pub head: &'static str,
    /// The unit of its value.
    pub unit: Unit,
}

impl Parameter {
    /// The number of workers, in the head of a column of times.
    pub const WORKERS: Parameter = Parameter::new("workers", "{} worker{s}");
    /// The number of workers, in a column of its own.
    pub const WORKERS_COLUMN: Parameter = Parameter::new("workers", "workers");
    /// The placement, in a column of its own.
    pub const PLACEMENT_COLUMN: Parameter = Parameter::new("placement", "placed");

    /// Creates a parameter that is a word or counts something.
    #[must_use]
    pub const fn new(name: &'static str, head: &'static str) -> Self {
        Parameter { name, head, unit: Unit::Count }
    }

    /// Creates a parameter in bytes.
    #[must_use]
    pub const fn bytes(name: &'static str, head: &'static str) -> Self {
        Parameter { name, head, unit: Unit::Bytes }
    }
}

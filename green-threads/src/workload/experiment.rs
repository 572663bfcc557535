//! What is measured of a workload, in which settings, and how the results are read.
//!
//! An experiment is a constant beside the workload's programs. The suite measures the settings that it lists, keeps the
//! quantities that it names, and makes its tables from both. Nothing about a workload is written down anywhere else.

use std::time::Duration;

use super::setting::{Depth, Setting};
use crate::probe::protocol::Model;
use crate::probe::quantity::{Fact, Quantity, Unit};

/// One experiment: a file of results, and one or more tables.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name: of its file of results, of its tables, and of its groups in criterion.
    pub name: &'static str,
    /// The name of [`Setting::n`] in the results; empty if it does not vary.
    pub n: &'static str,
    /// The settings in which it is measured, in the order in which tables show them.
    pub settings: fn(Depth) -> Vec<Setting>,
    /// What it measures, and how that is shown.
    pub shows: Shows,
}

/// What an experiment measures, and how that is shown.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// Times, measured in interleaved rounds.
    Times(Times),
    /// Anything that is not a time, observed once or a few times.
    Observations(Observations),
}

/// How times are read: in a table with a row for each subject and a column for each setting.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// What a row is: a model or a memo.
    pub rows: &'static str,
    /// What the table shows and how to read it.
    pub caption: &'static str,
    /// The parameters in a column's head.
    pub columns: &'static [Parameter],
    /// A parameter that has a table of its own for each value, as the placement has; empty if there is none.
    pub split: &'static str,
    /// The quantities that are shown instead of the time and its ratio.
    pub instead: &'static [Quantity],
    /// The quantities that follow the ratio in brackets.
    pub in_brackets: &'static [Quantity],
    /// The right value of the first of them. Any other value is marked.
    pub expected: Option<f64>,
    /// The quantities that only the results have, and no table.
    pub quantities: &'static [Quantity],
    /// The settings in the table that ends `cargo bench`: those that agree with one of these lists in every parameter.
    /// There are few, and in each placement.
    pub headline: &'static [&'static [(&'static str, &'static str)]],
    /// The last columns of that table: two of its settings compared.
    pub compared: &'static [Compared],
    /// And a remark on each subject.
    pub remarks: &'static [Remark],
    /// What is measured beside the models, to compare them with.
    pub beside: &'static [Beside],
}

/// Two settings of an experiment, whose times are divided by each other.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// The head of the column.
    pub head: &'static str,
    /// The setting whose time is divided.
    pub of: &'static [(&'static str, &'static str)],
    /// The setting by whose time it is divided.
    pub by: &'static [(&'static str, &'static str)],
}

/// A column with a remark on each subject.
#[derive(Clone, Copy, Debug)]
pub struct Remark {
    /// The head of the column.
    pub head: &'static str,
    /// The remark on the subject of this name.
    pub on: fn(&str) -> &'static str,
}

impl Times {
    /// A row for each model, a column for each number of workers, and a headline of all settings.
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

    /// The quantity of this name, shown or not.
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
    /// The variant in whose settings it takes part.
    pub at: &'static str,
    /// The model that runs it.
    pub model: Model,
    /// The variant that it is.
    pub variant: &'static str,
}

/// How observations are made and read.
#[derive(Clone, Copy, Debug)]
pub struct Observations {
    /// The tables, each with a row for each model in each setting.
    pub tables: &'static [Table],
    /// How long a child may be silent before it counts as hanging.
    pub patience: Duration,
    /// Whether the system calls of the children are counted, and nothing else.
    pub traced: bool,
}

impl Observations {
    /// Observations that take up to a minute.
    #[must_use]
    pub const fn new(tables: &'static [Table]) -> Self {
        Observations { tables, patience: Duration::from_secs(60), traced: false }
    }

    /// The quantity of this name, in whichever table it has a column.
    #[must_use]
    pub fn quantity(&self, name: &str) -> Option<&'static Quantity> {
        self.tables.iter().flat_map(|table| table.quantities).find(|quantity| quantity.name == name)
    }
}

/// A table of observations.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The variant that it shows; [`Table::EVERY_VARIANT`] if all variants share it.
    pub variant: &'static str,
    /// What the table shows and how to read it.
    pub caption: &'static str,
    /// The parameters that have columns.
    pub parameters: &'static [Parameter],
    /// The quantities that have columns, if any row has them.
    pub quantities: &'static [Quantity],
    /// The facts that have columns, if any row has them.
    pub facts: &'static [Fact],
}

impl Table {
    /// Names every variant.
    pub const EVERY_VARIANT: &str = "*";
}

/// A parameter of a setting, as tables show it.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in results.
    pub name: &'static str,
    /// In the head of a column of times: the words around its value, with `{}` for the value and `{s}` for the "s" of a
    /// plural. In a table of observations: the head of its own column.
    pub head: &'static str,
    /// What its value counts.
    pub unit: Unit,
}

impl Parameter {
    /// The number of workers, in the head of a column of times.
    pub const WORKERS: Parameter = Parameter::new("workers", "{} worker{s}");
    /// The number of workers, with a column of its own.
    pub const WORKERS_COLUMN: Parameter = Parameter::new("workers", "workers");
    /// The placement, with a column of its own.
    pub const PLACEMENT_COLUMN: Parameter = Parameter::new("placement", "placed");

    /// A parameter that is a word or counts something.
    #[must_use]
    pub const fn new(name: &'static str, head: &'static str) -> Self {
        Parameter { name, head, unit: Unit::Count }
    }

    /// A parameter in bytes.
    #[must_use]
    pub const fn bytes(name: &'static str, head: &'static str) -> Self {
        Parameter { name, head, unit: Unit::Bytes }
    }
}

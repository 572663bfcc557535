//! What can be wrong with an address or with the description of a figure. Each fault names what exists instead.

use thiserror::Error;

/// Why an address or the description of a figure selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// No experiment has this name.
    #[error("there is no experiment `{experiment}`; there are {}", known.join(", "))]
    Experiment {
        /// The name that was given.
        experiment: String,
        /// The names of all experiments.
        known: Vec<&'static str>,
    },
    /// The reference set has no results of this experiment, or they cannot be read.
    #[error("the reference set has no results of `{experiment}`{}", why.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    Reference {
        /// The experiment.
        experiment: String,
        /// Why its file cannot be read; `None` if there is no file.
        why: Option<String>,
    },
    /// The reference set has no trace of this name, or it cannot be read.
    #[error(
        "the reference set has no trace `{name}`{}; it has {}",
        why.as_ref().map_or(String::new(), |why| format!(" ({why})")), or_none(known)
    )]
    Trace {
        /// The name that was given.
        name: String,
        /// The names of its traces.
        known: Vec<String>,
        /// Why its file cannot be read; `None` if there is no file.
        why: Option<String>,
    },
    /// The experiment has no subject of this name.
    #[error("`{experiment}` has no subject `{subject}`; it has {}", known.join(", "))]
    Subject {
        /// The experiment.
        experiment: String,
        /// The name that was given.
        subject: String,
        /// The subjects of the experiment.
        known: Vec<String>,
    },
    /// The experiment has no quantity of this name.
    #[error("`{experiment}` has no quantity `{quantity}`; it has {}", or_none(known))]
    Quantity {
        /// The experiment.
        experiment: String,
        /// The name that was given.
        quantity: String,
        /// The quantities of the experiment.
        known: Vec<String>,
    },
    /// The experiment has no parameter of this name.
    #[error("`{experiment}` has no parameter `{parameter}`; it has {}", known.join(", "))]
    Parameter {
        /// The experiment.
        experiment: String,
        /// The name that was given.
        parameter: String,
        /// The parameters of the experiment.
        known: Vec<String>,
    },
    /// The parameter never has this value.
    #[error("`{experiment}` has no `{parameter}` {value}; it has {}", known.join(", "))]
    Value {
        /// The experiment.
        experiment: String,
        /// The parameter.
        parameter: String,
        /// The value that was given.
        value: String,
        /// The values of the parameter.
        known: Vec<String>,
    },
    /// A parameter that was left out has several values.
    #[error("`{experiment}` of {subject} has several values of `{parameter}`: {}; name one", known.join(", "))]
    Ambiguous {
        /// The experiment.
        experiment: String,
        /// The subject.
        subject: String,
        /// The parameter that was left out.
        parameter: String,
        /// Its values.
        known: Vec<String>,
    },
    /// The reference set has no cell of this subject in this setting.
    #[error("the reference set has no `{experiment}` of {subject} with {setting}")]
    Cell {
        /// The experiment.
        experiment: String,
        /// The subject.
        subject: String,
        /// The setting in words.
        setting: String,
    },
    /// The cell of the reference set has no number.
    #[error("the reference set has no number for `{experiment}` of {subject}: {why}")]
    Number {
        /// The experiment.
        experiment: String,
        /// The subject.
        subject: String,
        /// The reason.
        why: String,
    },
    /// The two subjects of a ratio were measured in different placements.
    #[error("{subject} and {by} have no placement in common in `{experiment}`")]
    Pair {
        /// The experiment.
        experiment: String,
        /// The dividend.
        subject: String,
        /// The divisor.
        by: String,
    },
    /// The description of a figure contradicts itself.
    #[error("{0}")]
    Figure(String),
}

fn or_none(known: &[String]) -> String {
    if known.is_empty() { "none".to_string() } else { known.join(", ") }
}

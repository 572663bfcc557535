//! The settings that a claim covers.

use std::fmt;

use super::models::{CURRENT_THREAD, THREAD};
use crate::store::Cell;

/// The value of `workers` that means: as many workers as the machine of the results has allowed cores.
pub const EVERY_CORE: &str = "one per core";

/// Settings of one experiment.
#[derive(Clone, Copy, Debug)]
pub struct Cover {
    /// The name of the experiment.
    pub experiment: &'static str,
    /// Parameters, each with the values that are covered. The results must have every combination of these values.
    /// A parameter that is not listed may have any value.
    pub setting: &'static [(&'static str, &'static [&'static str])],
    /// The subjects that must have results in these settings. If empty, all subjects of the claim must have them.
    pub only: &'static [&'static str],
}

impl Cover {
    pub(super) const fn of(
        experiment: &'static str,
        setting: &'static [(&'static str, &'static [&'static str])],
    ) -> Cover {
        Cover { experiment, setting, only: &[] }
    }

    pub(super) const fn only(self, only: &'static [&'static str]) -> Cover {
        Cover { only, ..self }
    }

    /// Every combination of values for which `subject` must have results, on a machine with `cores` allowed cores.
    #[must_use]
    pub fn settings(&self, subject: &str, cores: usize) -> Vec<Vec<(&'static str, String)>> {
        if !self.only.is_empty() && !self.only.contains(&subject) {
            return Vec::new();
        }
        let mut settings = vec![Vec::new()];
        for (name, values) in self.setting.iter().filter(|(name, _)| *name != "workers" || has_workers(subject)) {
            let with = |setting: &Vec<(&'static str, String)>, value: &str| {
                let value = if value == EVERY_CORE { cores.to_string() } else { value.to_string() };
                setting.iter().cloned().chain([(*name, value)]).collect()
            };
            settings =
                settings.iter().flat_map(|setting| values.iter().map(move |value| with(setting, value))).collect();
        }
        settings
    }
}

/// The kernel schedules threads, and a current-thread runtime always has one worker. For both, the parameter
/// `workers` has no meaning.
fn has_workers(subject: &str) -> bool {
    ![THREAD, CURRENT_THREAD].contains(&subject)
}

/// Whether `cell` was measured in `setting`.
pub(super) fn is_in(cell: &Cell, setting: &[(&str, String)]) -> bool {
    setting.iter().all(|(name, value)| cell.setting.get(*name) == Some(value))
}

/// A setting in words, such as `variant park, workers 1`.
pub(super) fn words(setting: &[(&str, String)]) -> String {
    setting.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Cover {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.experiment)?;
        for (at, (name, values)) in self.setting.iter().enumerate() {
            write!(out, "{} {name} {}", if at == 0 { ":" } else { ";" }, values.join(" and "))?;
        }
        match self.only {
            [] => Ok(()),
            only => write!(out, " ({})", only.join(", ")),
        }
    }
}

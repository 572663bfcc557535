//! What was measured, as claims ask for it.

use std::collections::BTreeMap;

use crate::conformance::Outcome;
use crate::store::{Cell, Figure, Found, Observation, Results, Store};

/// The results that claims are judged by.
#[derive(Clone, Debug, Default)]
pub struct Evidence(BTreeMap<String, Results>);

impl Evidence {
    pub(super) fn read<'a>(store: &Store, experiments: impl Iterator<Item = &'a str>) -> (Self, Vec<String>) {
        let (mut all, mut unread) = (BTreeMap::new(), Vec::new());
        for experiment in experiments {
            if all.contains_key(experiment) {
                continue;
            }
            match store.read(experiment) {
                Ok(Some(results)) => drop(all.insert(experiment.to_string(), results)),
                Ok(None) => {}
                Err(error) => unread.push(error.to_string()),
            }
        }
        unread.dedup();
        (Evidence(all), unread)
    }

    /// The evidence of these results.
    #[must_use]
    pub fn of(results: Vec<Results>) -> Self {
        Evidence(results.into_iter().map(|results| (results.experiment.clone(), results)).collect())
    }

    /// What `model` did in `experiment` where the setting has all of `setting`.
    pub(super) fn cell(&self, experiment: &str, model: &str, setting: &[(&str, &str)]) -> Option<&Cell> {
        let fits = |cell: &&Cell| {
            cell.subject == model
                && setting.iter().all(|(name, value)| cell.setting.get(*name).is_some_and(|found| found == value))
        };
        self.0.get(experiment)?.cells.iter().find(fits)
    }

    /// What became of `subject` in the situation `property`, where `callers` call it.
    pub(super) fn outcome(&self, subject: &str, property: &str, callers: &str) -> Option<&Outcome> {
        match &self.cell("conformance", subject, &[("property", property), ("callers", callers)])?.found {
            Found::Outcome(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The same, where it was observed.
    pub(super) fn seen(&self, experiment: &str, model: &str, setting: &[(&str, &str)]) -> Option<&Observation> {
        match &self.cell(experiment, model, setting)?.found {
            Found::Observed(seen) => Some(seen),
            _ => None,
        }
    }

    /// The median of a figure, timed or observed.
    pub(super) fn figure(&self, experiment: &str, model: &str, setting: &[(&str, &str)], name: &str) -> Option<f64> {
        let figures = match &self.cell(experiment, model, setting)?.found {
            Found::Figures(figures) => figures,
            Found::Observed(seen) => &seen.figures,
            _ => return None,
        };
        figures.get(name).map(Figure::median)
    }

    /// The cores on which an experiment ran, as many as its process was allowed.
    pub(super) fn cores(&self, experiment: &str) -> Option<usize> {
        Some(self.0.get(experiment)?.machine.allowed_cores)
    }
}

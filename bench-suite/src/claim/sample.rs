//! The cells by which a claim is judged: all cells of one subject in every setting that the claim covers.

use super::cover::{Cover, is_in, words};
use super::evidence::{Evidence, Gap};
use crate::spec::Outcome;
use crate::store::{Cell, Found, Machine, Observation, Series};

/// All cells of one subject in the settings that a claim covers. No required cell is missing.
pub(super) struct Sample<'a> {
    covers: &'static [Cover],
    subjects: &'static [&'static str],
    evidence: &'a Evidence,
    /// The machine on which all cells were measured.
    pub(super) machine: &'a Machine,
    /// The name of the subject.
    pub(super) subject: &'a str,
    /// The cells, at least one.
    pub(super) cells: Vec<Measured<'a>>,
}

/// One cell, and the experiment that measured it.
#[derive(Clone, Copy)]
pub(super) struct Measured<'a> {
    pub(super) experiment: &'a str,
    cell: &'a Cell,
}

impl<'a> Sample<'a> {
    /// The sample of `subject` in the settings that a claim about `subjects` covers.
    pub(super) fn of(
        covers: &'static [Cover],
        subjects: &'static [&'static str],
        evidence: &'a Evidence,
        subject: &'a str,
    ) -> Result<Self, Gap> {
        let machine = evidence.machine(covers)?;
        let mut cells = Vec::new();
        for cover in covers {
            let experiment = cover.experiment;
            let results = evidence.results(experiment)?;
            for setting in cover.settings(subject, machine.allowed_cores) {
                let fits = |cell: &&Cell| cell.subject == subject && is_in(cell, &setting);
                let before = cells.len();
                cells.extend(results.cells.iter().filter(fits).map(|cell| Measured { experiment, cell }));
                if cells.len() == before {
                    return Err(Gap(format!("`{experiment}` has no cell of {subject} with {}", words(&setting))));
                }
            }
        }
        match cells.is_empty() {
            true => Err(Gap(format!("no setting covers {subject}"))),
            false => Ok(Sample { covers, subjects, evidence, machine, subject, cells }),
        }
    }

    /// The sample of another subject in the same settings.
    pub(super) fn other(&self, subject: &'a str) -> Result<Sample<'a>, Gap> {
        Sample::of(self.covers, self.subjects, self.evidence, subject)
    }

    /// The samples of all subjects that the claim speaks of.
    pub(super) fn all(&self) -> Result<Vec<Sample<'a>>, Gap> {
        self.subjects.iter().map(|subject| self.other(subject)).collect()
    }

    /// The cells in which `parameter` has the value `value`.
    pub(super) fn with(&self, parameter: &str, value: &str) -> impl Iterator<Item = Measured<'a>> {
        self.cells.iter().filter(move |cell| cell.parameter(parameter) == value).copied()
    }

    /// The cells of `experiment`.
    pub(super) fn from(&self, experiment: &str) -> impl Iterator<Item = Measured<'a>> {
        self.cells.iter().filter(move |cell| cell.experiment == experiment).copied()
    }

    /// The cells in which all of `parameters` have the same values as in `cell`.
    pub(super) fn like(&self, cell: Measured<'a>, parameters: &[&str]) -> impl Iterator<Item = Measured<'a>> {
        let same = move |other: &&Measured<'_>| {
            parameters.iter().all(|parameter| other.parameter(parameter) == cell.parameter(parameter))
        };
        self.cells.iter().filter(same).copied()
    }
}

impl<'a> Measured<'a> {
    /// The value of a parameter; empty if the cell does not have it.
    pub(super) fn parameter(&self, name: &str) -> &'a str {
        self.cell.setting.get(name).map_or("", String::as_str)
    }

    /// The value of a parameter as a number. There is a gap if it is not a number.
    pub(super) fn number(&self, name: &str) -> Result<f64, Gap> {
        self.parameter(name).parse().map_err(|_| self.gap(&format!("its {name} is not a number")))
    }

    /// The rounds of the quantity `name`. There is a gap if something stopped the cell before its end.
    pub(super) fn figure(&self, name: &str) -> Result<&'a Series, Gap> {
        let quantities = match &self.cell.found {
            Found::Quantities(quantities) => quantities,
            Found::Observed(Observation { stopped: None, quantities, .. }) => quantities,
            Found::Observed(Observation { stopped: Some(fate), .. }) => return Err(self.gap(&fate.to_string())),
            Found::Absent { why } => return Err(self.gap(why)),
            Found::Outcome(outcome) => return Err(self.gap(&outcome.to_string())),
        };
        self.of(quantities.get(name), name)
    }

    /// The median of the quantity `name`. There is a gap if something stopped the cell before its end.
    pub(super) fn median(&self, name: &str) -> Result<f64, Gap> {
        self.figure(name).map(Series::median)
    }

    /// What was observed, even if something stopped the child before its end.
    pub(super) fn observed(&self) -> Result<&'a Observation, Gap> {
        match &self.cell.found {
            Found::Observed(seen) => Ok(seen),
            Found::Absent { why } => Err(self.gap(why)),
            _ => Err(self.gap("it was not observed")),
        }
    }

    /// The last value of the quantity `name`, even if something stopped the child after it had told that value.
    pub(super) fn told(&self, name: &str) -> Result<f64, Gap> {
        let figure = self.of(self.observed()?.quantities.get(name), name)?;
        Ok(figure.rounds[figure.rounds.len() - 1])
    }

    /// The outcome of a trial of the conformance matrix.
    pub(super) fn outcome(&self) -> Result<&'a Outcome, Gap> {
        match &self.cell.found {
            Found::Outcome(outcome) => Ok(outcome),
            Found::Absent { why } => Err(self.gap(why)),
            _ => Err(self.gap("it was not tried")),
        }
    }

    /// A gap that says what is missing in this cell.
    pub(super) fn gap(&self, what: &str) -> Gap {
        let setting: Vec<_> = self.cell.setting.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        Gap(format!("`{}` of {} with {}: {what}", self.experiment, self.cell.subject, words(&setting)))
    }

    fn of(&self, figure: Option<&'a Series>, name: &str) -> Result<&'a Series, Gap> {
        let missing = || self.gap(&format!("it has no quantity `{name}`"));
        figure.filter(|figure| !figure.rounds.is_empty()).ok_or_else(missing)
    }
}

/// Every round of the quantity `name` in all of `cells`.
pub(super) fn every<'a>(cells: impl IntoIterator<Item = Measured<'a>>, name: &str) -> Result<Vec<f64>, Gap> {
    let mut all = Vec::new();
    for cell in cells {
        all.extend_from_slice(&cell.figure(name)?.rounds);
    }
    Ok(all)
}

/// The least and the greatest of `numbers`.
pub(super) fn span(numbers: &[f64]) -> (f64, f64) {
    let fold = |pick: fn(f64, f64) -> f64, from| numbers.iter().copied().fold(from, pick);
    (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY))
}

/// The least and the greatest of `numbers` in words, or only one number if they read the same.
pub(super) fn span_words(numbers: &[f64], word: fn(f64) -> String) -> String {
    let (least, most) = span(numbers);
    match word(least) == word(most) {
        true => word(least),
        false => format!("{} to {}", word(least), word(most)),
    }
}

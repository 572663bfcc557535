//! One number, or the ratio of two, in words.

use green_threads::workload::{Quantity, Unit};

use super::fault::Fault;
use super::find::{self, NOT_HERE, PLACEMENT, Said};
use super::sources::{Source, Sources};
use crate::figure::Value;
use crate::store::{Found, Setting};

/// The address of one number, or of the ratio of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The name of the experiment.
    pub experiment: String,
    /// The subject.
    pub subject: String,
    /// The subject whose number divides the number of the first one, round by round; `None` for a single number.
    pub by: Option<String>,
    /// The name of the quantity; `None` for the time.
    pub quantity: Option<String>,
    /// The parameters that are given. Others may be left out if the reference set has one value for them. If it has
    /// two placements, each gives a number.
    pub setting: Setting,
}

/// What was measured at an address.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The unit of the numbers.
    pub unit: Unit,
    /// A value for each placement, with its name. The name is empty if the address names the placement, or if there
    /// is only one.
    pub values: Vec<(String, Value)>,
    /// Whether the values are those of the reference machine because the reader's cannot run the subject.
    pub is_lent: bool,
}

impl Address {
    /// Looks up what was measured here.
    ///
    /// # Errors
    ///
    /// If the address is unknown or ambiguous, or if the reference set has no number there.
    pub fn find(&self, sources: &Sources) -> Result<Measured, Fault> {
        let source = sources.of(&self.experiment)?;
        let reference = &source.reference;
        let name = self.quantity.as_deref().unwrap_or(Quantity::TIME.name);
        let mut settings = find::settings(reference, &self.subject, &self.setting, &[])?;
        let mut others = match &self.by {
            Some(by) => find::settings(reference, by, &self.setting, &[])?,
            None => settings.clone(),
        };
        let placement = |setting: &Setting| setting.get(PLACEMENT).cloned().unwrap_or_default();
        settings.retain(|setting| others.iter().any(|other| placement(other) == placement(setting)));
        others.retain(|other| settings.iter().any(|setting| placement(other) == placement(setting)));
        settings.sort_by_key(placement);
        others.sort_by_key(placement);
        if let (true, Some(by)) = (settings.is_empty(), &self.by) {
            let (subject, by) = (self.subject.clone(), by.clone());
            return Err(Fault::Pair { experiment: self.experiment.clone(), subject, by });
        }
        // The trials of the specification have outcomes, and no quantity.
        let has_outcome = settings.iter().any(|setting| {
            let cell = find::cell(reference, &self.subject, setting);
            cell.is_some_and(|cell| matches!(cell.found, Found::Outcome(_)))
        });
        let unit = match has_outcome && self.quantity.is_none() {
            true => Unit::Count,
            false => find::quantity(reference, name)?.0,
        };
        // An address without a number in the reference set is a fault, whatever the reader has measured.
        let only_reference = source.only_reference();
        let several = settings.len() > 1;
        let mut values = Vec::new();
        for (setting, other) in settings.iter().zip(&others) {
            self.check(&only_reference, setting, other, name)?;
            let value = self.value(&source, setting, other, name);
            values.push((if several { placement(setting) } else { String::new() }, value));
        }
        let is_lent = self.subjects().iter().any(|subject| source.is_lent(subject));
        Ok(Measured { unit: if self.by.is_some() { Unit::Ratio } else { unit }, values, is_lent })
    }

    fn subjects(&self) -> Vec<&str> {
        [Some(&self.subject), self.by.as_ref()].into_iter().flatten().map(String::as_str).collect()
    }

    /// Whether the reference set has a number, or a result that is not a number, such as a crash.
    fn check(&self, reference: &Source, setting: &Setting, other: &Setting, name: &str) -> Result<(), Fault> {
        let subjects = [(Some(&self.subject), setting), (self.by.as_ref(), other)];
        for (subject, setting) in subjects.into_iter().filter_map(|(subject, setting)| Some((subject?, setting))) {
            let cell = find::cell(&reference.reference, subject, setting);
            let said = cell.map(|cell| (find::said(&self.experiment, cell, name), find::is_disturbed(cell)));
            let why = match said {
                Some((Said::Rounds(_), true)) if self.by.is_none() => find::disturbed(),
                Some((Said::Nothing(value), _)) => value,
                Some((Said::Word(value), _)) if self.by.is_some() => value,
                _ => continue,
            };
            if let Value::Missing { why, .. } | Value::Stopped { why, .. } = why {
                let (experiment, subject) = (self.experiment.clone(), subject.clone());
                return Err(Fault::Number {
                    experiment,
                    subject,
                    why: format!("{} ({})", why, find::in_words(setting)),
                });
            }
        }
        Ok(())
    }

    fn value(&self, source: &Source, setting: &Setting, other: &Setting, name: &str) -> Value {
        let Some(by) = &self.by else { return find::value(source, &self.subject, setting, name) };
        let results = source.saying(&self.subjects());
        let cells = [(&self.subject, setting), (by, other)]
            .map(|(subject, setting)| find::cell(results, subject, setting).ok_or((subject, setting)));
        let [own, other_cell] = match cells {
            [Ok(own), Ok(by)] => [own, by],
            [Err((subject, setting)), _] | [_, Err((subject, setting))] => return find::lack(source, subject, setting),
        };
        match [own, other_cell].map(|cell| find::said(&self.experiment, cell, name)) {
            [Said::Rounds(rounds), Said::Rounds(by)] => {
                // Only the subjects of one timed setting had the same rounds.
                let is_paired = setting == other && matches!(own.found, Found::Quantities(_));
                find::finite(if is_paired { rounds.over(by) } else { rounds.estimate().over(&by.estimate()) })
            }
            [Said::Word(value) | Said::Nothing(value), _] | [_, Said::Word(value) | Said::Nothing(value)] => value,
        }
    }
}

impl Measured {
    /// The values in words, such as `48 ns with free placement, 31 ns on one core`, as Markdown.
    #[must_use]
    pub fn text(&self) -> String {
        let mark = if self.is_lent { " (reference machine)" } else { "" };
        format!("{}{mark}", self.own_text())
    }

    fn own_text(&self) -> String {
        let word = |value: &Value| match value {
            Value::Missing { word, why } if word == NOT_HERE => format!("{word}: {why}"),
            value => value.text(self.unit),
        };
        let words: Vec<String> = self.values.iter().map(|(_, value)| word(value)).collect();
        let is_missing = |(_, value): &(String, Value)| matches!(value, Value::Missing { .. });
        if words.iter().all(|word| *word == words[0]) && self.values.iter().all(is_missing) {
            return words[0].clone();
        }
        let placed = self.values.iter().zip(words).map(|((placement, _), word)| match placement.as_str() {
            "" => word,
            "free" => format!("{word} with free placement"),
            "one-core" => format!("{word} on one core"),
            other => format!("{word} with placement {other}"),
        });
        placed.collect::<Vec<_>>().join(", ")
    }
}

//! From a subject and a setting to a cell, and from a cell to a value.

use std::collections::BTreeMap;

use green_threads::probe::protocol::{Answer, Model};
use green_threads::workload::{Depth, Quantity, Shows, Unit};

use super::fault::Fault;
use super::sources::{Source, command};
use crate::child::probe::Stop;
use crate::distinct;
use crate::figure::{Value, words};
use crate::report::columns::was_disturbed;
use crate::report::shows;
use crate::store::{Cell, Found, Observation, Results, Series, Setting};

/// The name of the parameter that every time has.
pub(super) const PLACEMENT: &str = "placement";

/// The word for a value that the reader's own results lack.
pub(super) const NOT_HERE: &str = "not measured here";

/// The word for a number that a result lacks.
pub(super) const NOT_MEASURED: &str = "not measured";

/// The word for a setting that a subject does not have on any machine, such as two threads for a memo of one thread.
pub(super) const NONE: &str = "does not apply";

/// Whether a parameter has no meaning for a subject: OS threads and a current-thread runtime have no number of workers
/// to set, and a goroutine's stack has no size to set.
fn is_meaningless(subject: &str, parameter: &str) -> bool {
    match parameter {
        "workers" => [Model::Thread.name(), Model::TaskCurrentThread.name()].contains(&subject),
        "stack" => subject == Model::Goroutine.name(),
        _ => false,
    }
}

/// The settings in which `reference` has cells of `subject` that agree with `given`, without the parameters `free`.
/// Every parameter that is neither given nor free has one value in all of them, except the placement.
pub(super) fn settings(
    reference: &Results,
    subject: &str,
    given: &Setting,
    free: &[&str],
) -> Result<Vec<Setting>, Fault> {
    check(reference, given, free)?;
    let experiment = || reference.experiment.clone();
    let of_subject: Vec<&Cell> = reference.cells.iter().filter(|cell| cell.subject == subject).collect();
    if of_subject.is_empty() {
        let known = distinct(reference.cells.iter().map(|cell| cell.subject.clone()));
        return Err(Fault::Subject { experiment: experiment(), subject: subject.to_string(), known });
    }
    // A value that has no meaning for this subject selects the cells that it has.
    let has =
        |name: &str, value: &str| of_subject.iter().any(|cell| cell.setting.get(name).is_some_and(|own| own == value));
    let asked = given.iter().filter(|(name, value)| !is_meaningless(subject, name) || has(name, value));
    let agrees = |cell: &&&Cell| asked.clone().all(|(name, value)| cell.setting.get(name) == Some(value));
    let found: Vec<Setting> = of_subject
        .iter()
        .filter(agrees)
        .map(|cell| {
            let mut setting = cell.setting.clone();
            setting.retain(|name, _| !free.contains(&name.as_str()));
            setting
        })
        .collect();
    if found.is_empty() {
        return Err(Fault::Cell { experiment: experiment(), subject: subject.to_string(), setting: in_words(given) });
    }
    let found = distinct(found);
    for parameter in parameters(&found).into_iter().filter(|parameter| parameter != PLACEMENT) {
        let known = distinct(found.iter().map(|setting| setting.get(&parameter).cloned().unwrap_or_default()));
        if known.len() > 1 {
            let known = known.into_iter().map(|value| if value.is_empty() { "none".into() } else { value }).collect();
            return Err(Fault::Ambiguous { experiment: experiment(), subject: subject.to_string(), parameter, known });
        }
    }
    Ok(found)
}

/// Whether `results` have the parameters and the values that are given, and the parameters that are free.
pub(super) fn check(results: &Results, given: &Setting, free: &[&str]) -> Result<(), Fault> {
    let settings = || results.cells.iter().map(|cell| &cell.setting);
    let known = parameters(settings());
    for name in given.keys().map(String::as_str).chain(free.iter().copied()) {
        if !known.iter().any(|known| known == name) {
            let parameter = name.to_string();
            return Err(Fault::Parameter { experiment: results.experiment.clone(), parameter, known });
        }
    }
    for (parameter, value) in given {
        let known = distinct(settings().filter_map(|setting| setting.get(parameter).cloned()));
        if !known.contains(value) {
            let (parameter, value) = (parameter.clone(), value.clone());
            return Err(Fault::Value { experiment: results.experiment.clone(), parameter, value, known });
        }
    }
    Ok(())
}

/// The names of the parameters that these settings have.
fn parameters<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> Vec<String> {
    distinct(settings.into_iter().flat_map(|setting| setting.keys().cloned()))
}

/// A setting in words, such as `keys 1000, threads 2`.
pub(super) fn in_words(setting: &Setting) -> String {
    setting.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The cell of `subject` in `setting`.
pub(super) fn cell<'a>(results: &'a Results, subject: &str, setting: &Setting) -> Option<&'a Cell> {
    results.cells.iter().find(|cell| cell.subject == subject && cell.setting == *setting)
}

/// The unit of a quantity, and the words beside its axis.
pub(super) fn quantity(reference: &Results, name: &str) -> Result<(Unit, String), Fault> {
    let all = || reference.cells.iter().filter_map(quantities).flatten();
    let below = format!("{name}{}", Answer::BELOW);
    let Some((_, series)) = all().find(|(own, _)| *own == name || **own == below) else {
        let known = distinct(all().map(|(name, _)| name.strip_suffix(Answer::BELOW).unwrap_or(name).to_string()));
        return Err(Fault::Quantity { experiment: reference.experiment.clone(), quantity: name.to_string(), known });
    };
    let described = described(&reference.experiment, name).filter(|_| name != Quantity::TIME.name);
    Ok((series.unit, described.map_or_else(|| name.to_string(), |quantity| quantity.head.replace('\n', " "))))
}

/// How the experiment describes this quantity.
fn described(experiment: &str, name: &str) -> Option<&'static Quantity> {
    match shows(experiment)? {
        Shows::Times(times) => times.quantity(name),
        Shows::Observations(observations) => observations.quantity(name),
    }
}

/// The quantities of a cell; `None` if this kind of result has none.
fn quantities(cell: &Cell) -> Option<&BTreeMap<String, Series>> {
    match &cell.found {
        Found::Quantities(quantities) => Some(quantities),
        Found::Observed(seen) => Some(&seen.quantities),
        Found::Outcome(_) | Found::Absent { .. } => None,
    }
}

/// What a cell says of a quantity.
pub(super) enum Said<'a> {
    /// Its rounds.
    Rounds(&'a Series),
    /// A number, and what stopped it; or a result that is not a number, such as a crash.
    Word(Value),
    /// Nothing.
    Nothing(Value),
}

/// What `cell` of `experiment` says of the quantity `name`.
pub(super) fn said<'a>(experiment: &str, cell: &'a Cell, name: &str) -> Said<'a> {
    let missing = |word: &str, why: String| Value::Missing { word: word.to_string(), why };
    let none = || Said::Nothing(missing(NOT_MEASURED, format!("This result has no quantity `{name}`.")));
    match &cell.found {
        Found::Absent { why } => Said::Nothing(missing(NOT_MEASURED, why.clone())),
        Found::Outcome(outcome) => Said::Word(missing(outcome.word(), outcome.to_string())),
        Found::Quantities(quantities) => {
            quantities.get(name).filter(|of| !of.rounds.is_empty()).map_or_else(none, Said::Rounds)
        }
        Found::Observed(seen) => {
            // The last report is what the child said, however it ended.
            if let Some(stop) = seen.stopped.as_ref().filter(|_| name != Quantity::PROGRESS.name) {
                let stopped = stopped(experiment, seen, stop, name);
                return Said::Word(stopped.unwrap_or_else(|| missing(&stop.word(), stop.to_string())));
            }
            let bound = seen.quantities.get(&format!("{name}{}", Answer::BELOW));
            match (seen.quantities.get(name).filter(|of| !of.rounds.is_empty()), bound) {
                (Some(rounds), _) => Said::Rounds(rounds),
                (None, Some(bound)) => {
                    let word = format!("< {}", words::number(bound.median(), bound.unit));
                    Said::Word(missing(&word, "Noise hides it. This is an upper bound.".to_string()))
                }
                (None, None) => none(),
            }
        }
    }
}

/// The number of a child that something stopped; `None` if it has none.
///
/// A child that reaches a limit still answers, so its numbers are exact. A child that ends has at most reported how far
/// it has come, which is a lower bound. What it answered earlier belongs to another question, and is left out.
fn stopped(experiment: &str, seen: &Observation, stop: &Stop, name: &str) -> Option<Value> {
    let is_reported = described(experiment, name).is_some_and(|quantity| quantity.is_reported);
    let of = |name: &str| seen.quantities.get(name).filter(|series| series.rounds.len() == 1);
    let (series, is_least) = match stop {
        Stop::Limit(_) => (of(name)?, false),
        _ if is_reported => (of(Quantity::PROGRESS.name)?, true),
        _ => return None,
    };
    let link = if is_reported { "then" } else { "at" };
    let end = format!("{link} {}", stop.event());
    Some(Value::Stopped { so_far: series.estimate(), is_least, end, why: stop.to_string() })
}

/// Whether other programs ran while `cell` was measured.
pub(super) fn is_disturbed(cell: &Cell) -> bool {
    matches!(&cell.found, Found::Quantities(quantities) if was_disturbed(quantities))
}

/// The value that replaces a number which other programs disturbed.
pub(super) fn disturbed() -> Value {
    let why = "Other programs ran at the same time. Measure again when nothing else runs.";
    Value::Missing { word: "disturbed".to_string(), why: why.to_string() }
}

/// The value of one quantity of one cell, or the reason why there is none.
pub(super) fn value(source: &Source, subject: &str, setting: &Setting, name: &str) -> Value {
    let results = source.saying(&[subject]);
    let Some(cell) = cell(results, subject, setting) else { return lack(source, subject, setting) };
    // The reference machine has all that can be measured. So what is absent there is absent everywhere.
    let reference = self::cell(&source.reference, subject, setting);
    if let (Found::Absent { why }, Some(Found::Absent { .. })) = (&cell.found, reference.map(|cell| &cell.found)) {
        return Value::Missing { word: NONE.to_string(), why: why.clone() };
    }
    match said(&source.reference.experiment, cell, name) {
        Said::Rounds(_) if is_disturbed(cell) => disturbed(),
        Said::Rounds(series) => finite(series.estimate()),
        Said::Word(value) | Said::Nothing(value) => value,
    }
}

/// The name of a subject, and whether its numbers are those of the reference machine although others are not.
pub(super) fn named(source: &Source, subject: &str) -> String {
    if source.is_lent(subject) { format!("{subject} (reference)") } else { subject.to_string() }
}

/// An estimate as a value. A picture and a sentence need finite numbers.
pub(super) fn finite(estimate: crate::store::Estimate) -> Value {
    if [estimate.low, estimate.median, estimate.high].iter().all(|number| number.is_finite()) {
        return Value::Measured(estimate);
    }
    Value::Missing { word: "no ratio".to_string(), why: "The divisor is zero.".to_string() }
}

/// The value of a cell that the reader's own results lack, with what the reader can do about it.
pub(super) fn lack(source: &Source, subject: &str, setting: &Setting) -> Value {
    let (own, experiment) = (source.shown(), source.reference.experiment.as_str());
    let command = command(experiment);
    let why = if !own.cells.iter().any(|cell| cell.subject == subject) {
        format!("run `{command}`")
    } else if own.depth != Depth::Full && source.reference.depth == Depth::Full {
        format!("run `LAB_DEPTH=full {command}`")
    } else {
        // The number of cores decides some values, such as the largest number of threads.
        let values = |name: &str| {
            let cells = own.cells.iter().filter(|cell| cell.subject == subject);
            distinct(cells.filter_map(|cell| cell.setting.get(name).cloned()))
        };
        let other = setting.iter().find(|(name, value)| !values(name).contains(value));
        other.map_or_else(
            || format!("run `{command}`"),
            |(name, _)| format!("here {name} is {}", values(name).join(", ")),
        )
    };
    Value::Missing { word: NOT_HERE.to_string(), why }
}

//! The matrix of a conformance run: one row for each property, one column for each memo.

use std::fmt;

use super::sheet::{Mood, Sheet, Word};
use crate::distinct;
use crate::figure::{Figure, Heat, Picture};
use crate::spec::{Outcome, matrix};
use crate::store::{Cell, Found, Results};
use crate::subject::Callers;

/// One sheet for each kind of caller.
pub(super) fn sheets(results: &Results) -> Vec<Sheet> {
    distinct(results.cells.iter().map(callers)).into_iter().map(|callers| sheet(results, callers)).collect()
}

/// One sheet for each kind of caller with a row for each memo: how much it keeps, and what it does not keep.
pub(super) fn summaries(results: &Results) -> Vec<Sheet> {
    distinct(results.cells.iter().map(callers)).into_iter().map(|callers| summary(results, callers)).collect()
}

fn summary(results: &Results, callers: Callers) -> Sheet {
    let cells: Vec<&Cell> = results.cells.iter().filter(|cell| self::callers(cell) == callers).collect();
    let row = |subject: String| {
        let outcomes = cells.iter().filter(|cell| cell.subject == subject).filter_map(|cell| match &cell.found {
            Found::Outcome(Outcome::CannotBe { .. }) => None,
            Found::Outcome(outcome) => Some((outcome.word(), property(cell))),
            _ => None,
        });
        let (kept, failed): (Vec<_>, Vec<_>) = outcomes.partition(|(word, _)| *word == Outcome::Kept.word());
        let ways = distinct(failed.iter().map(|(word, _)| *word)).into_iter().map(|way| {
            let properties = failed.iter().filter(|(word, _)| *word == way).map(|(_, property)| *property);
            format!("{way}: {}", properties.collect::<Vec<_>>().join(", "))
        });
        let mood = if failed.is_empty() { Mood::Good } else { Mood::Plain };
        let count = format!("{} of {}", kept.len(), kept.len() + failed.len());
        (subject, vec![Word::new(count, mood), Word::new(ways.collect::<Vec<_>>().join("; "), Mood::Bad)])
    };
    Sheet {
        title: format!("conformance, {}", callers.name()),
        caption: format!(
            "How many properties each memo keeps when {} call it, of those that it can be asked for, and which it does \
             not keep.",
            callers.name()
        ),
        heads: ["memo", "kept", "not kept"].map(str::to_string).into(),
        rows: distinct(cells.iter().map(|cell| cell.subject.clone())).into_iter().map(row).collect(),
        prose: true,
        ..Sheet::default()
    }
}

/// Which memos keep every property when threads call them, and how many properties the others lack.
pub(super) fn sentence(results: &Results) -> Option<String> {
    let cells = || results.cells.iter().filter(|cell| callers(cell) == Callers::Threads);
    let lacks = |subject: &str| {
        let outcomes = cells().filter(|cell| cell.subject == subject).filter_map(|cell| match &cell.found {
            Found::Outcome(outcome) => Some(outcome),
            _ => None,
        });
        outcomes.filter(|outcome| !matches!(outcome, Outcome::Kept | Outcome::CannotBe { .. })).count()
    };
    let subjects = distinct(cells().map(|cell| cell.subject.as_str()));
    let (whole, others): (Vec<(&str, usize)>, Vec<_>) =
        subjects.into_iter().map(|subject| (subject, lacks(subject))).partition(|(_, lacks)| *lacks == 0);
    let whole: Vec<&str> = whole.into_iter().map(|(subject, _)| subject).collect();
    let keep = match whole.len() {
        0 => "No memo keeps".to_string(),
        1 => format!("{} keeps", whole[0]),
        _ => format!("{} keep", whole.join(" and ")),
    };
    let numbers = || others.iter().map(|(_, lacks)| *lacks);
    let rest = numbers().min().zip(numbers().max()).map(|(least, most)| match least == most {
        true => format!("; the others lack {least}"),
        false => format!("; the others lack {least} to {most}"),
    });
    let keeps = format!("Called by threads: {keep} every property that it can be asked for");
    (whole.len() + others.len() > 1).then(|| format!("{keeps}{}.", rest.unwrap_or_default()))
}

/// One heat map for each kind of caller, with the words of its sheet. `partial` ends each title.
pub(super) fn figures(results: &Results, partial: &str) -> Vec<Figure> {
    let figure = |callers: Callers| {
        let Sheet { heads, rows, title, .. } = sheet(results, callers);
        Figure {
            id: format!("conformance-{}-figure", callers.name()),
            title: format!("{title}, at a glance{partial}"),
            description: "A row for each property and a column for each memo. The colour of a cell repeats its word: \
                          green for kept, red for a failure, grey for what cannot be tried."
                .to_string(),
            picture: Picture::Heat(Heat { heads, rows }),
        }
    };
    distinct(results.cells.iter().map(callers)).into_iter().map(figure).collect()
}

fn sheet(results: &Results, callers: Callers) -> Sheet {
    let cells: Vec<&Cell> = results.cells.iter().filter(|cell| self::callers(cell) == callers).collect();
    let subjects = distinct(cells.iter().map(|cell| cell.subject.as_str()));
    let properties = distinct(cells.iter().map(|cell| property(cell)));
    let mut heads = vec!["property".to_string()];
    heads.extend(subjects.iter().map(|subject| head(subject)));
    let row = |property: &&str| {
        let words = subjects.iter().map(|subject| {
            let cell = cells.iter().find(|cell| cell.subject == *subject && self::property(cell) == *property);
            cell.map_or_else(|| Word::new("", Mood::Faint), |cell| word(cell))
        });
        (property.to_string(), words.collect())
    };
    let who = match callers {
        Callers::Threads => "threads",
        Callers::Coroutines => "coroutines on one worker (on two in `abort-storm`)",
        Callers::Tasks => "tasks",
    };
    Sheet {
        title: format!("conformance, {}", callers.name()),
        caption: format!(
            "What each memo does in each situation when {who} call it. Each situation runs in a process of its own. \
             `kept`: the memo keeps the property. `hangs`: the process hung and was killed. `-`: this memo cannot be \
             tried in this situation."
        ),
        heads,
        rows: properties.iter().map(row).collect(),
        notes: std::iter::once(statements(callers, &properties)).chain(failures(&cells)).collect(),
        ..Sheet::default()
    }
}

/// The kind of caller. Results of older versions do not name it, because all their callers were threads.
fn callers(cell: &Cell) -> Callers {
    cell.setting.get("callers").and_then(|name| Callers::named(name)).unwrap_or(Callers::Threads)
}

fn property(cell: &Cell) -> &str {
    cell.setting.get("property").map_or("", String::as_str)
}

/// A narrow head: each part of a path and of a long word is on a line of its own.
pub(super) fn head(subject: &str) -> String {
    subject.replace("::", "\n").replace('_', "_\n").replace("duplicating", "dupli-\ncating")
}

pub(super) fn word(cell: &Cell) -> Word {
    match &cell.found {
        Found::Outcome(outcome) => {
            let mood = match outcome {
                Outcome::Kept => Mood::Good,
                Outcome::CannotBe { .. } => Mood::Faint,
                _ => Mood::Bad,
            };
            Word::new(outcome.word(), mood)
        }
        _ => Word::new("", Mood::Faint),
    }
}

/// The statements of `properties`, as a list.
fn statements(callers: Callers, properties: &[&str]) -> String {
    let known = matrix::properties(callers);
    let lines = known.iter().filter(|property| properties.contains(&property.id));
    lines.map(|property| format!("- {}: {}", property.id, property.says)).collect::<Vec<_>>().join("\n")
}

/// The failures: each way of failing is listed once, with its properties and the memos that fail in that way.
fn failures(cells: &[&Cell]) -> Option<String> {
    let mut failures: Vec<Failure<'_>> = Vec::new();
    for cell in cells {
        match &cell.found {
            Found::Outcome(Outcome::Kept) => {}
            Found::Outcome(how) => {
                match failures.iter_mut().find(|known| known.how == how && known.properties == [property(cell)]) {
                    Some(known) => known.subjects.push(&cell.subject),
                    None => {
                        failures.push(Failure { how, properties: vec![property(cell)], subjects: vec![&cell.subject] });
                    }
                }
            }
            _ => {}
        }
    }
    let mut merged: Vec<Failure<'_>> = Vec::new();
    for failure in failures {
        match merged.iter_mut().find(|known| known.how == failure.how && known.subjects == failure.subjects) {
            Some(known) => known.properties.extend(failure.properties),
            None => merged.push(failure),
        }
    }
    let lines: Vec<_> = merged.iter().map(Failure::to_string).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// One way of failing, with the properties and the memos for which it was seen.
struct Failure<'a> {
    how: &'a Outcome,
    properties: Vec<&'a str>,
    subjects: Vec<&'a str>,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects = self.subjects.join(", ");
        match self.how {
            // The reason holds for the memo in every situation, so the situations are left out.
            Outcome::CannotBe { .. } => write!(out, "- {subjects}: {}", self.how),
            how => write!(out, "- {subjects}: {how}, in {}", self.properties.join(", ")),
        }
    }
}

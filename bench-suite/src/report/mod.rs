//! Reports: results as tables, for the terminal and for a browser.
//!
//! A [`Sheet`] is a table in words, whatever it will be shown on; [`sheets`] makes them of results, and the renderers
//! show them and know nothing of memos.

mod columns;
mod conformance;
mod html;
mod race;
mod rows;
mod terminal;
mod words;

use std::path::PathBuf;

use green_threads::workload::Shows;

use crate::measure;
use crate::store::{Results, Store, StoreError};

pub use terminal::print;
pub use words::{bytes, count, duration};

/// The experiments by name, in the order in which reports show them.
#[must_use]
pub fn experiments() -> Vec<&'static str> {
    let named = |(name, _)| name;
    let checks = ["conformance", "race"];
    measure::of_memos()
        .into_iter()
        .map(named)
        .chain(checks)
        .chain(measure::of_runtimes().into_iter().map(named))
        .collect()
}

/// How an experiment is shown that measures something.
fn shows(experiment: &str) -> Option<Shows> {
    let all = measure::of_memos().into_iter().chain(measure::of_runtimes());
    all.into_iter().find(|(name, _)| *name == experiment).map(|(_, shows)| shows)
}

/// Writes the report of all complete results in `store`, beside them, and says where. What cannot be read is left out,
/// with a note of why.
///
/// # Errors
///
/// If the file system refuses.
pub fn write_page(store: &Store) -> Result<PathBuf, StoreError> {
    let (mut results, mut unread) = (Vec::new(), Vec::new());
    for experiment in experiments() {
        match store.read(experiment) {
            Ok(found) => results.extend(found.map(|found| (sheets(&found), found))),
            Err(error) => unread.push(error.to_string()),
        }
    }
    let path = store.folder().join("report.html");
    store.write_file(&path, html::page(&results, &unread).as_bytes())?;
    Ok(path)
}

/// The sheets of `results`: one for each placement of a timed experiment, and one of anything else.
#[must_use]
pub fn sheets(results: &Results) -> Vec<Sheet> {
    let mut sheets = match results.experiment.as_str() {
        "conformance" => conformance::sheets(results),
        "race" => vec![race::sheet(results)],
        name => match shows(name) {
            Some(Shows::Times(times)) => columns::sheets(results, &times),
            Some(Shows::Observations(observations)) => rows::sheets(results, observations.tables),
            None => Vec::new(),
        },
    };
    if !results.complete {
        for sheet in &mut sheets {
            sheet.title += " (PARTIAL: a filter left out the rest)";
        }
    }
    sheets
}

/// What the terminal shows of `results`: of times the headline, which fits a screen, and of anything else all sheets.
#[must_use]
pub fn headlines(results: &Results) -> Vec<Sheet> {
    match shows(&results.experiment) {
        Some(Shows::Times(times)) if results.complete => vec![columns::headline(results, &times)],
        _ => sheets(results),
    }
}

/// The number of settings of timed `results`, and those of them in which something disturbed the measurement.
#[must_use]
pub fn steadiness(results: &[Results]) -> (usize, Vec<String>) {
    let timed = results.iter().filter(|results| matches!(shows(&results.experiment), Some(Shows::Times(_))));
    let disturbed = |results: &Results| {
        let name = results.experiment.clone();
        columns::disturbed(results).into_iter().map(move |setting| format!("{name} {setting}"))
    };
    (timed.clone().map(columns::settings).sum(), timed.flat_map(disturbed).collect())
}

/// What of `all` is new, in order.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

/// A table in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// What it shows, in a few words.
    pub title: String,
    /// How to read it, in a sentence or two.
    pub caption: String,
    /// The heads of the columns, the first of which is for the rows' names. `\n` breaks a line.
    pub heads: Vec<String>,
    /// The rows: a name, and a word for each other column.
    pub rows: Vec<(String, Vec<Word>)>,
    /// What must be known besides.
    pub notes: Vec<String>,
    /// Whether the words are sentences, which begin at the left, and not numbers, which end at the right.
    pub prose: bool,
}

/// What stands in one place of a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// What to make of it.
    pub mood: Mood,
}

/// What to make of a word: how it is coloured, where there is colour. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should be, or the best.
    Good,
    /// Nothing special.
    Plain,
    /// Not as it should be.
    Bad,
    /// Of no interest.
    Faint,
}

impl Word {
    /// A word with a mood.
    pub fn new(text: impl Into<String>, mood: Mood) -> Self {
        Word { text: text.into(), mood }
    }
}

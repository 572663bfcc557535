//! Reports: results as tables, for the terminal and for a browser.
//!
//! A [`Sheet`] is a table of words, independent of how it is shown. [`sheets`] makes sheets of results. The
//! renderers show sheets and know nothing of memos. [`figures`] describes the pictures of the page. [`select`] finds the
//! numbers that a page names.

mod columns;
mod conformance;
mod html;
mod narrow;
mod race;
mod rows;
pub mod select;
mod sheet;
mod terminal;

use std::path::PathBuf;

use green_threads::workload::Shows;

use crate::figure::{Figure, Picture};
use crate::measure;
use crate::store::{Results, Store, StoreError};

pub use crate::figure::words::{bytes, count, duration};
pub use sheet::{Mood, Sheet, Word};
pub use terminal::print;

/// The names of all experiments, in the order in which reports show them.
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

/// How the tables of `experiment` show its results; `None` for `conformance`, `race` and unknown names.
fn shows(experiment: &str) -> Option<Shows> {
    let all = measure::of_memos().into_iter().chain(measure::of_runtimes());
    all.into_iter().find(|(name, _)| *name == experiment).map(|(_, shows)| shows)
}

/// Writes a report of all complete results in `store` to its folder, and returns the path of the page. A file that
/// cannot be read is left out, and the page says why.
///
/// # Errors
///
/// If the file system reports an error.
pub fn write_page(store: &Store) -> Result<PathBuf, StoreError> {
    let (mut results, mut unread) = (Vec::new(), Vec::new());
    for experiment in experiments() {
        match store.read(experiment) {
            Ok(found) => results.extend(found.map(|found| (figures(&found), sheets(&found), found))),
            Err(error) => unread.push(error.to_string()),
        }
    }
    let path = store.folder().join("report.html");
    store.write_file(&path, html::page(&results, &unread).as_bytes())?;
    Ok(path)
}

/// The sheets of `results`. A timed experiment has at least one for each placement, an observed one has one for
/// each of its tables, `conformance` has one for each kind of caller, and `race` has one.
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
    for sheet in &mut sheets {
        sheet.title += partial(results);
    }
    sheets
}

/// What ends the title of incomplete results.
fn partial(results: &Results) -> &'static str {
    if results.complete { "" } else { " (PARTIAL: a filter left out the rest)" }
}

/// The figures of `results`. A timed experiment has one of its headline, `conformance` has one for each kind of caller,
/// and other results have none.
#[must_use]
pub fn figures(results: &Results) -> Vec<Figure> {
    let name = &results.experiment;
    if name == "conformance" {
        return conformance::figures(results, partial(results));
    }
    match shows(name) {
        Some(Shows::Times(times)) => vec![Figure {
            id: format!("{name}-figure"),
            title: format!("{name}, the headline settings{}", partial(results)),
            description: format!(
                "A row for each {}. The dot is the median of the rounds. The line through it is the interval of the \
                 median: 95% confidence from six rounds on; of fewer rounds it spans all. All panels share the axis.",
                times.rows
            ),
            picture: Picture::Dots(columns::dots(results, &times)),
        }],
        _ => Vec::new(),
    }
}

/// The sheets that the terminal shows of `results`. For the complete results of a timed experiment that is the
/// headline, which fits a screen, and for those of `conformance` a row for each memo. For any other results it is all
/// sheets.
#[must_use]
pub fn headlines(results: &Results) -> Vec<Sheet> {
    if results.experiment == "conformance" && results.complete {
        return conformance::summaries(results);
    }
    match shows(&results.experiment) {
        Some(Shows::Times(times)) if results.complete => vec![columns::headline(results, &times)],
        _ => sheets(results),
    }
}

/// The number of settings of timed `results`, and the names of those in which something disturbed the measurement.
#[must_use]
pub fn steadiness(results: &[Results]) -> (usize, Vec<String>) {
    let timed = results.iter().filter(|results| matches!(shows(&results.experiment), Some(Shows::Times(_))));
    let disturbed = |results: &Results| {
        let name = results.experiment.clone();
        columns::disturbed(results).into_iter().map(move |setting| format!("{name}: {setting}"))
    };
    (timed.clone().map(columns::settings).sum(), timed.flat_map(disturbed).collect())
}

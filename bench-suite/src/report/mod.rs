//! Reports: results as tables, for the terminal and for a browser.
//!
//! A [`Sheet`] is a table of words, independent of how it is shown. [`sheets`] makes sheets of results. The
//! renderers show sheets and know nothing of memos. [`figures`] describes the pictures of the page. [`select`] finds the
//! numbers that a page names.

mod against;
mod beside;
mod claims;
mod columns;
mod conformance;
mod html;
mod narrow;
mod race;
mod rows;
pub mod select;
mod sentence;
mod sheet;
mod terminal;

use std::path::PathBuf;

use green_threads::workload::{Shows, Times};

use self::html::{Headline, Page, Section};
use crate::claim;
use crate::figure::{Figure, Panel, Picture, Rows, Value};
use crate::measure;
use crate::store::{Results, Store, StoreError};

pub use crate::figure::{bytes, count, duration};
pub use against::{Difference, Differences};
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

/// The experiments whose figures begin the page.
const HEADLINES: [&str; 8] =
    ["memo_http", "memo_herd", "memo_hit", "memo_miss", "conformance", "spawn", "ping_pong", "skynet"];

/// Writes a report of all complete results in `store` to its folder, and returns the path of the page: the headline
/// figures, the claims, the `differences` from other results, and then all tables. A file that cannot be read is left
/// out, and the page says why.
///
/// # Errors
///
/// If the file system reports an error.
pub fn write_page(store: &Store, differences: &[Differences]) -> Result<PathBuf, StoreError> {
    let mut page = Page { title: "The lab's results".to_string(), ..Page::default() };
    let mut headlines: Vec<(usize, Headline)> = Vec::new();
    for experiment in experiments() {
        let results = match store.read(experiment) {
            Ok(Some(results)) => results,
            Ok(None) => continue,
            Err(error) => {
                page.unread.push(error.to_string());
                continue;
            }
        };
        let mut figures = figures(&results);
        if let Some(rank) = HEADLINES.iter().position(|name| *name == experiment).filter(|_| !figures.is_empty()) {
            headlines.push((rank, Headline { sentence: sentence(&results), figure: figures.remove(0) }));
        }
        page.sections.push(Section { sheets: sheets(&results), figures, results });
    }
    headlines.sort_by_key(|(rank, _)| *rank);
    page.headlines = headlines.into_iter().map(|(_, headline)| headline).collect();
    let (evidence, _) = claim::evidence(store);
    page.claims.push(claims::sheet(&claim::all().map(|claim| (claim, claim.judge(&evidence))).collect::<Vec<_>>()));
    page.differences = self::differences(differences, usize::MAX);
    let path = store.folder().join("report.html");
    store.write_file(&path, page.html().as_bytes())?;
    Ok(path)
}

/// What stands out in `results`, in one sentence.
fn sentence(results: &Results) -> Option<String> {
    match shows(&results.experiment) {
        Some(Shows::Times(times)) => sentence::of_times(results, &times),
        _ if results.experiment == "conformance" => conformance::sentence(results),
        _ => None,
    }
}

/// The differences between the results `here` and `there` that are larger than their spread, for each experiment that
/// both have.
#[must_use]
pub fn against(here: &[Results], there: &[Results]) -> Vec<Differences> {
    let pair = |own: &Results| {
        let other = there.iter().find(|other| other.experiment == own.experiment)?;
        Some(against::differences(own, other))
    };
    here.iter().filter_map(pair).collect()
}

/// These differences as tables: one for each experiment that has some, with the `most` largest, and then what does not
/// differ.
#[must_use]
pub fn differences(of: &[Differences], most: usize) -> Vec<Sheet> {
    let (differ, same): (Vec<_>, Vec<_>) = of.iter().partition(|of| !of.differ.is_empty());
    differ
        .into_iter()
        .map(|of| against::sheet(of, most))
        .chain((!same.is_empty()).then(|| against::same(&same)))
        .collect()
}

/// The results of several machines side by side. `machines` has the name of each machine and its results.
#[must_use]
pub fn side_by_side(machines: &[(String, Vec<Results>)]) -> Vec<Sheet> {
    let of = |experiment: &str| {
        let have = |(name, results): &'_ (String, Vec<Results>)| {
            let own = results.iter().find(|results| results.experiment == experiment)?;
            Some((name.clone(), headlines(own)))
        };
        beside::side_by_side(&machines.iter().filter_map(have).collect::<Vec<_>>())
    };
    experiments().into_iter().flat_map(of).collect()
}

/// Writes a page with the results of several machines side by side to the folder of `store`, and returns its path.
///
/// # Errors
///
/// If the file system reports an error.
pub fn write_class_page(store: &Store, machines: &[(String, Vec<Results>)]) -> Result<PathBuf, StoreError> {
    let described = |(name, results): &(String, Vec<Results>)| {
        results.first().map(|first| (name.clone(), first.machine.clone(), first.taken_at))
    };
    let page = Page {
        title: format!("The results of {} machines", machines.len()),
        machines: machines.iter().filter_map(described).collect(),
        beside: side_by_side(machines),
        ..Page::default()
    };
    let path = store.folder().join("class.html");
    store.write_file(&path, page.html().as_bytes())?;
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
        Some(Shows::Times(times)) => dots(results, &times).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The headline settings of timed `results` as a figure; `None` if none of them has a number to show.
fn dots(results: &Results, times: &Times) -> Option<Figure> {
    let name = &results.experiment;
    let Rows { axis, panels } = columns::dots(results, times);
    let has_number = |panel: &Panel| panel.rows.iter().any(|(_, value)| matches!(value, Value::Measured(_)));
    let (panels, without): (Vec<Panel>, Vec<Panel>) = panels.into_iter().partition(has_number);
    let without: Vec<String> = without.into_iter().map(|panel| panel.head).collect();
    let left_out = match without.is_empty() {
        true => String::new(),
        false => format!(" Left out, because something disturbed the measurement: {}.", without.join("; ")),
    };
    let shared = if panels.len() > 1 { " All panels share the axis." } else { "" };
    (!panels.is_empty()).then(|| Figure {
        id: format!("{name}-figure"),
        title: format!("{name}, the headline settings{}", partial(results)),
        description: format!(
            "A row for each {}. The dot is the median of the rounds. The line through it is the interval of the median: \
             95% confidence from six rounds on; of fewer rounds it spans all.{shared}{left_out}",
            times.rows
        ),
        picture: Picture::Dots(Rows { axis, panels }),
    })
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

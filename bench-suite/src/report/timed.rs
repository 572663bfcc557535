//! The times of an experiment: a sheet for each placement.

use super::readings::{Reading, reading};
use super::words::{duration, times};
use super::{Mood, Sheet, Word, distinct};
use crate::probe::Fate;
use crate::store::{Cell, Figure, Found, Results};

/// A sheet for each placement, and for each value of the parameter that is split; the others make the columns.
pub(super) fn sheets(results: &Results) -> Vec<Sheet> {
    let reading = reading(&results.experiment);
    let apart =
        |cell: &Cell| ["placement", reading.split].map(|name| cell.setting.get(name).cloned().unwrap_or_default());
    let sheet = |apart_by: &[String; 2]| {
        let cells: Vec<&Cell> = results.cells.iter().filter(|cell| apart(cell) == *apart_by).collect();
        let [placement, value] = apart_by;
        let words = [results.experiment.as_str(), value, placed_words(placement)];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        one(&words.join(", "), &cells, &reading)
    };
    distinct(results.cells.iter().map(apart)).iter().map(sheet).collect()
}

fn one(title: &str, cells: &[&Cell], reading: &Reading) -> Sheet {
    let column = |cell: &Cell| {
        let mut setting = cell.setting.clone();
        setting.retain(|name, _| name != "placement" && name != reading.split);
        setting
    };
    let columns = distinct(cells.iter().map(|cell| column(cell)));
    let best: Vec<f64> = columns.iter().map(|setting| best_ratio(cells, |cell| column(cell) == *setting)).collect();
    let row = |subject: String| {
        let words = columns.iter().zip(&best).map(|(setting, best)| {
            let cell = cells.iter().find(|cell| cell.subject == subject && column(cell) == *setting);
            cell.map_or_else(|| Word::new("", Mood::Faint), |cell| word(cell, *best, reading))
        });
        let words = words.collect();
        (subject, words)
    };
    let absent = cells.iter().filter_map(|cell| match &cell.found {
        Found::Absent { why } => Some(format!("- {}: {why}", cell.subject)),
        Found::Observed(seen) => Some(format!(
            "- {}, {}: {}",
            cell.subject,
            (reading.head)(&cell.setting).replace('\n', ", "),
            seen.stopped.as_ref()?
        )),
        _ => None,
    });
    Sheet {
        title: title.to_string(),
        caption: reading.caption.to_string(),
        heads: std::iter::once(reading.rows.to_string()).chain(columns.iter().map(reading.head)).collect(),
        rows: distinct(cells.iter().map(|cell| cell.subject.clone())).into_iter().map(row).collect(),
        notes: distinct(absent),
        prose: false,
    }
}

fn placed_words(placement: &str) -> &str {
    match placement {
        "free" => "threads free to run on any core",
        "one-core" => "threads all on one core",
        other => other,
    }
}

/// How much more than the best is shown as just as good: less than that is noise.
const AS_GOOD: f64 = 1.02;

/// The smallest ratio of a column, the limit's own left out.
fn best_ratio(cells: &[&Cell], in_column: impl Fn(&Cell) -> bool) -> f64 {
    let ratios = cells.iter().filter(|cell| in_column(cell) && cell.subject != crate::experiment::LIMIT);
    ratios.filter_map(|cell| ratio(cell)).fold(f64::INFINITY, f64::min)
}

fn ratio(cell: &Cell) -> Option<f64> {
    match &cell.found {
        Found::Figures(figures) => figures.get("ratio").map(Figure::median),
        _ => None,
    }
}

fn word(cell: &Cell, best: f64, reading: &Reading) -> Word {
    let figures = match &cell.found {
        Found::Figures(figures) => figures,
        Found::Outcome(outcome) => return Word::new(outcome.word(), Mood::Bad),
        Found::Observed(seen) => {
            return Word::new(seen.stopped.as_ref().map_or_else(String::new, Fate::word), Mood::Bad);
        }
        Found::Absent { .. } => return Word::new("-", Mood::Faint),
    };
    if let Some(instead) = reading.instead {
        return Word::new(instead(figures), Mood::Plain);
    }
    let mut text = figures.get("time").map(|time| duration(time.median())).unwrap_or_default();
    let ratio = ratio(cell);
    if let Some(ratio) = ratio {
        text += &format!(" {:>6}", times(ratio));
    }
    // What takes too long for rounds is measured once.
    if figures.get("time").is_some_and(|time| time.rounds.len() == 1) {
        text += " once";
    }
    let count = figures.get(reading.count).map(Figure::median);
    if let Some(count) = count {
        text += &format!(" ({count})");
    }
    let mood = match (ratio, count, reading.expected) {
        (_, Some(count), Some(expected)) if (count - expected).abs() > 0.5 => Mood::Bad,
        (Some(ratio), ..) if ratio <= best * AS_GOOD && cell.subject != crate::experiment::LIMIT => Mood::Good,
        _ => Mood::Plain,
    };
    Word::new(text, mood)
}

//! The times of an experiment: a sheet for each placement.

use std::collections::BTreeMap;

use super::{Mood, Sheet, Word, distinct};
use crate::store::{Cell, Figure, Found, Results};

/// How an experiment's columns are headed, and how its numbers are to be read.
struct Reading {
    caption: &'static str,
    /// A parameter that has sheets of its own for each of its values, as the placement has.
    split: &'static str,
    head: fn(&BTreeMap<String, String>) -> String,
    /// The figure that stands in brackets.
    count: &'static str,
    /// How often it should be counted: other numbers are marked.
    expected: Option<f64>,
}

fn reading(experiment: &str) -> Reading {
    match experiment {
        "memo_hit" => Reading {
            caption: "Every key is there. Time of one look-up as each thread sees it, and how many times the limit's: \
                      a HashMap that nobody writes.",
            split: "choice",
            head: |of| format!("{} keys\n{}", thousands(&of["keys"]), threads(of)),
            count: "",
            expected: None,
        },
        "memo_miss" => Reading {
            caption: "No key is there, and all are distinct. Time of one call as each thread sees it, and how many \
                      times the best one's. f does nothing, or computes for 50 µs.",
            split: "",
            head: |of| format!("f {}\n{}", of["f"].replace("50us", "50 µs"), threads(of)),
            count: "",
            expected: None,
        },
        "memo_herd" => Reading {
            caption: "Many callers of one cold key. Time from the value being there until the last caller has it, how \
                      many times the best one's, and in brackets the calls of f.",
            split: "",
            head: |of| several(&of["callers"], "caller"),
            count: "calls",
            expected: Some(1.0),
        },
        "memo_http" => Reading {
            caption: "Real pages over HTTP: each caller asks for all of them. Time until all have all, how many times \
                      the best one's, and in brackets the requests that the server saw.",
            split: "",
            head: |of| format!("{} callers\n{} pages\n{} ms each", of["callers"], of["pages"], of["delay ms"]),
            count: "requests",
            expected: None,
        },
        _ => Reading {
            caption: "",
            split: "",
            head: |of| of.values().cloned().collect::<Vec<_>>().join("\n"),
            count: "",
            expected: None,
        },
    }
}

fn threads(of: &BTreeMap<String, String>) -> String {
    several(&of["threads"], "thread")
}

fn several(number: &str, what: &str) -> String {
    if number == "1" { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn thousands(number: &str) -> String {
    match number.strip_suffix("000") {
        Some(thousands) if !thousands.is_empty() => format!("{thousands},000"),
        _ => number.to_string(),
    }
}

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
        _ => None,
    });
    Sheet {
        title: title.to_string(),
        caption: reading.caption.to_string(),
        heads: std::iter::once("memo".to_string()).chain(columns.iter().map(reading.head)).collect(),
        rows: distinct(cells.iter().map(|cell| cell.subject.clone())).into_iter().map(row).collect(),
        notes: distinct(absent),
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
        Found::Absent { .. } => return Word::new("-", Mood::Faint),
    };
    let mut text = figures.get("time").map(|time| duration(time.median())).unwrap_or_default();
    let ratio = ratio(cell);
    if let Some(ratio) = ratio {
        text += &format!(" {:>6}", times(ratio));
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

/// A ratio, with as many digits as can be believed.
fn times(ratio: f64) -> String {
    match ratio {
        0.0..10.0 => format!("{ratio:.2}x"),
        10.0..100.0 => format!("{ratio:.1}x"),
        _ => format!("{ratio:.0}x"),
    }
}

/// Nanoseconds in a unit that suits them, with three digits.
fn duration(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        0.0..1e3 => (nanoseconds, "ns"),
        1e3..1e6 => (nanoseconds / 1e3, "µs"),
        1e6..1e9 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    match number {
        0.0..10.0 => format!("{number:.2} {unit}"),
        10.0..100.0 => format!("{number:.1} {unit}"),
        _ => format!("{number:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let said: Vec<_> = [1.234, 12.34, 123.4, 1_234.0, 12_345_678.0, 1.5e9].map(duration).into();
        assert_eq!(said, ["1.23 ns", "12.3 ns", "123 ns", "1.23 µs", "12.3 ms", "1.50 s"]);
    }
}

//! Times as sheets: one row for each subject, one column for each setting, one sheet for each placement. A headline
//! sheet shows the most important settings.

use std::collections::BTreeMap;

use green_threads::workload::{Compared, Parameter, Quantity, Times};

use super::sheet::{Mood, Sheet, Word};
use crate::child::probe::Stop;
use crate::distinct;
use crate::figure::words::{self, count, measured, ratio};
use crate::figure::{Axis, Panel, Rows, Value};
use crate::measure::{OTHERS, PLAIN_MAP, RATIO};
use crate::store::{Cell, Estimate, Found, Results, Series, Setting};

/// A subject counts as slower than another only if the ratio of their times certainly exceeds this. A smaller
/// difference is a tie, because two runs of the same program differ by as much.
pub(super) const APART: f64 = 1.05;

/// The largest spread of the reference in an undisturbed setting. A larger spread means that the machine was doing
/// something else at the same time; then no ratio is shown.
const STEADY: f64 = 1.5;

/// The largest number of cores that other programs may use, on average, in an undisturbed setting.
const BESIDE: f64 = 0.25;

/// One sheet for each placement, and for each value of the parameter `split`. The other parameters make the
/// columns.
pub(super) fn sheets(results: &Results, shown: &Times) -> Vec<Sheet> {
    let apart =
        |cell: &Cell| ["placement", shown.split].map(|name| cell.setting.get(name).cloned().unwrap_or_default());
    let sheet = |apart_by: &[String; 2]| {
        let cells: Vec<&Cell> = results.cells.iter().filter(|cell| apart(cell) == *apart_by).collect();
        let [placement, value] = apart_by;
        let words = [results.experiment.as_str(), value, placed_words(placement)];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        one(&words.join(", "), &cells, shown, &|setting| head(shown.columns, setting))
    };
    distinct(results.cells.iter().map(apart)).iter().map(sheet).collect()
}

/// One sheet with the most important settings. It fits a screen, and its columns name the placement.
pub(super) fn headline(results: &Results, shown: &Times) -> Sheet {
    let cells = headline_cells(results, shown);
    let mut sheet = one(&results.experiment, &cells, &Times { split: "", ..*shown }, &|of| headline_head(shown, of));
    let mut add = |head: &str, word: &dyn Fn(&str) -> String| {
        sheet.heads.push(head.to_string());
        for (subject, words) in &mut sheet.rows {
            words.push(Word::new(word(subject), Mood::Plain));
        }
    };
    for compared in shown.compared {
        add(compared.head, &|subject| compare(compared, &cells, subject));
    }
    for remark in shown.remarks {
        add(remark.head, &|subject| (remark.on)(subject).to_string());
    }
    sheet
}

/// The headline as a picture: a panel for each setting, and in it the time of each subject. A table that shows another
/// quantity instead of the time has a picture of that quantity.
pub(super) fn dots(results: &Results, shown: &Times) -> Rows {
    let cells = headline_cells(results, shown);
    let (quantity, label) = match shown.instead.first() {
        Some(instead) => (*instead, format!("time ({})", instead.head.replace('\n', " "))),
        None => (Quantity::TIME, Quantity::TIME.head.to_string()),
    };
    let panel = |setting: Setting| {
        let of: Vec<&Cell> = cells.iter().copied().filter(|cell| cell.setting == setting).collect();
        let is_disturbed = Column::new(&of).is_disturbed();
        let row = |cell: &Cell| (cell.subject.clone(), value(cell, quantity, is_disturbed));
        Panel {
            head: headline_head(shown, &setting).replace('\n', ", "),
            rows: of.iter().map(|cell| row(cell)).collect(),
        }
    };
    Rows {
        axis: Axis { label, unit: quantity.unit },
        panels: distinct(cells.iter().map(|cell| cell.setting.clone())).into_iter().map(panel).collect(),
    }
}

/// The value of `of` in a picture. A number from a disturbed setting is left out.
fn value(cell: &Cell, of: Quantity, is_disturbed: bool) -> Value {
    let missing = |word: &str, why: String| Value::Missing { word: word.to_string(), why };
    match &cell.found {
        Found::Quantities(_) if is_disturbed => {
            missing("disturbed", "Something disturbed this setting. Measure again when nothing else runs.".to_string())
        }
        Found::Quantities(quantities) => match quantities.get(of.name) {
            Some(series) => Value::Measured(series.estimate()),
            None => missing("not measured", format!("This result has no {}.", of.name)),
        },
        Found::Outcome(outcome) => missing(outcome.word(), outcome.to_string()),
        Found::Observed(seen) => match &seen.stopped {
            Some(stop) => missing(&stop.word(), stop.to_string()),
            None => missing("not measured", format!("This result has no {}.", of.name)),
        },
        Found::Absent { why } => missing("not measured", why.clone()),
    }
}

/// The cells of the headline settings.
pub(super) fn headline_cells<'a>(results: &'a Results, shown: &Times) -> Vec<&'a Cell> {
    let is_in = |cell: &&Cell| shown.headline.iter().any(|of| agrees(&cell.setting, of));
    results.cells.iter().filter(is_in).collect()
}

/// The head of a headline setting, which names the placement too.
pub(super) fn headline_head(shown: &Times, of: &Setting) -> String {
    let words = [
        of.get(shown.split).cloned().unwrap_or_default(),
        head(shown.columns, of),
        of.get("placement").map(|placement| placement.replace('-', " ")).unwrap_or_default(),
    ];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Whether `setting` has all of these values.
fn agrees(setting: &Setting, values: &[(&str, &str)]) -> bool {
    values.iter().all(|(name, value)| setting.get(*name).is_some_and(|own| own == value))
}

/// The head of the column of `setting`.
fn head(columns: &[Parameter], setting: &Setting) -> String {
    let words = |of: &Parameter| Some(parameter(of, setting.get(of.name)?));
    columns.iter().filter_map(words).collect::<Vec<_>>().join("\n")
}

/// A value of a parameter in words, such as `1,000 keys`.
pub(super) fn parameter(of: &Parameter, value: &str) -> String {
    let shown = value.parse().map_or_else(|_| value.to_string(), count);
    of.head.replace("{}", &shown).replace("{s}", if value == "1" { "" } else { "s" })
}

/// The time of `subject` in one setting divided by its time in another.
fn compare(compared: &Compared, cells: &[&Cell], subject: &str) -> String {
    let time = |setting| {
        let cell = cells.iter().find(|cell| cell.subject == subject && agrees(&cell.setting, setting))?;
        match &cell.found {
            Found::Quantities(quantities) if !was_disturbed(quantities) => Some(time(cell)?.estimate()),
            _ => None,
        }
    };
    match time(compared.of).zip(time(compared.by)) {
        // The two settings had different rounds.
        Some((of, by)) => ratio(&of.over(&by)),
        None => "-".to_string(),
    }
}

/// The settings of `results` in which something disturbed the measurement.
pub(super) fn disturbed_settings(results: &Results) -> Vec<Setting> {
    let settings = distinct(results.cells.iter().map(|cell| cell.setting.clone()));
    let of = |setting: &Setting| results.cells.iter().filter(|cell| cell.setting == *setting).collect::<Vec<_>>();
    settings.into_iter().filter(|setting| Column::new(&of(setting)).is_disturbed()).collect()
}

/// The same settings, each as the values of its parameters.
pub(super) fn disturbed(results: &Results) -> Vec<String> {
    let named = |setting: &Setting| -> Vec<String> {
        setting.iter().filter(|(_, value)| *value != "default").map(|(name, value)| format!("{name} {value}")).collect()
    };
    disturbed_settings(results).iter().map(|setting| named(setting).join(", ")).collect()
}

/// The number of settings of `results` that have a time.
pub(super) fn settings(results: &Results) -> usize {
    distinct(results.cells.iter().filter(|cell| time(cell).is_some()).map(|cell| &cell.setting)).len()
}

fn one(title: &str, cells: &[&Cell], shown: &Times, head: &dyn Fn(&Setting) -> String) -> Sheet {
    let merged = shown.split.is_empty() && distinct(cells.iter().map(|cell| cell.setting.get("placement"))).len() > 1;
    let own = |cell: &Cell| {
        let mut setting = cell.setting.clone();
        setting.retain(|name, _| merged || (name != "placement" && name != shown.split));
        setting
    };
    let columns = distinct(cells.iter().map(|cell| own(cell)));
    let of = |setting: &Setting| cells.iter().copied().filter(|cell| own(cell) == *setting).collect::<Vec<_>>();
    let judged: Vec<(Setting, Column)> =
        columns.iter().map(|setting| (setting.clone(), Column::new(&of(setting)))).collect();
    let row = |subject: String| {
        let words = judged.iter().map(|(setting, column)| {
            let cell = cells.iter().find(|cell| cell.subject == subject && own(cell) == *setting);
            cell.map_or_else(|| Word::new("", Mood::Faint), |cell| column.word(cell, shown))
        });
        let words = words.collect();
        (subject, words)
    };
    let absent = cells.iter().filter_map(|cell| match &cell.found {
        Found::Absent { why } => Some(format!("- {}: {why}", cell.subject)),
        Found::Observed(seen) => {
            Some(format!("- {}, {}: {}", cell.subject, head(&cell.setting).replace('\n', ", "), seen.stopped.as_ref()?))
        }
        _ => None,
    });
    let mut notes = distinct(absent);
    for (setting, column) in judged.iter().filter(|(_, column)| column.is_disturbed()) {
        let head = head(setting).replace('\n', ", ");
        let at = if head.is_empty() { String::new() } else { format!(", {head}") };
        let why = match &column.reference {
            Some((name, time)) if time.spread() > STEADY => {
                format!("the rounds of {name} differ by a factor of {:.1}", time.spread())
            }
            _ => format!("other programs used {:.1} cores at the same time", column.others),
        };
        notes.push(format!("- disturbed{at}: {why}, so there are no ratios. Measure again when nothing else runs."));
    }
    Sheet {
        title: title.to_string(),
        caption: format!("{} Less is better.", shown.caption),
        heads: std::iter::once(shown.rows.to_string()).chain(columns.iter().map(head)).collect(),
        rows: distinct(cells.iter().map(|cell| cell.subject.clone())).into_iter().map(row).collect(),
        notes,
        ..Sheet::default()
    }
}

fn placed_words(placement: &str) -> &str {
    match placement {
        "free" => "free placement (the kernel chooses the cores)",
        "one-core" => "one-core placement (all threads share one core)",
        other => other,
    }
}

/// One setting: its reference, and its fastest subjects.
pub(super) struct Column {
    /// The name and the time of the subject that ratios refer to: the plain map, or the fastest memo or model if
    /// there is no plain map.
    pub(super) reference: Option<(String, Estimate)>,
    /// The memos or models that no other one certainly beats. The plain map does not count, because it is not a
    /// memo.
    pub(super) best: Vec<String>,
    /// The number of cores that other programs used at the same time, on average.
    others: f64,
}

impl Column {
    pub(super) fn new(cells: &[&Cell]) -> Self {
        let times: Vec<(&str, &Series)> =
            cells.iter().filter_map(|cell| Some((cell.subject.as_str(), time(cell)?))).collect();
        let memos = times.iter().filter(|(name, _)| *name != PLAIN_MAP);
        let Some((_, best)) = memos.clone().min_by(|(_, one), (_, other)| one.median().total_cmp(&other.median()))
        else {
            return Column { reference: None, best: Vec::new(), others: 0.0 };
        };
        let others = cells.iter().filter_map(|cell| quantity(cell, OTHERS)).map(Series::median).fold(0.0, f64::max);
        let is_slower = |own: &Series| memos.clone().any(|(_, other)| own.over(other).low > APART);
        let tied = memos.clone().filter(|(_, own)| !is_slower(own)).map(|(name, _)| name.to_string());
        let reference = times.iter().find(|(name, _)| *name == PLAIN_MAP);
        let reference = reference.or_else(|| times.iter().find(|(_, own)| std::ptr::eq(*own, *best)));
        let reference = reference.map(|(name, own)| (name.to_string(), own.estimate()));
        Column { reference, best: tied.collect(), others }
    }

    pub(super) fn is_disturbed(&self) -> bool {
        let is_steady = |time: &Estimate| time.rounds == 1 || time.spread() <= STEADY && self.others <= BESIDE;
        self.reference.as_ref().is_some_and(|(_, time)| !is_steady(time))
    }

    fn word(&self, cell: &Cell, shown: &Times) -> Word {
        let quantities = match &cell.found {
            Found::Quantities(quantities) => quantities,
            Found::Outcome(outcome) => return Word::new(outcome.word(), Mood::Bad),
            Found::Observed(seen) => {
                return Word::new(seen.stopped.as_ref().map_or_else(String::new, Stop::word), Mood::Bad);
            }
            Found::Absent { .. } => return Word::new("-", Mood::Faint),
        };
        let all_of = |of: &[Quantity]| -> Vec<String> {
            of.iter().filter_map(|quantity| quantities.get(quantity.name)).map(number).collect()
        };
        if !shown.instead.is_empty() {
            return Word::new(all_of(shown.instead).join(" / "), Mood::Plain);
        }
        let is_best = self.best.contains(&cell.subject);
        let mut text = time(cell).map(|time| measured(&time.estimate())).unwrap_or_default();
        let is_reference = self.reference.as_ref().is_some_and(|(name, _)| *name == cell.subject);
        if let Some(times) = quantities.get(RATIO.name).filter(|_| !self.is_disturbed()) {
            let times = match (is_best, self.best.len(), is_reference) {
                // With the plain map as the reference, the fastest memos have a ratio too, and a star marks them.
                (true, ..) if self.by_plain_map() => ratio(&times.estimate()) + "*",
                (true, 1, _) => "best".to_string(),
                (true, ..) => "tie".to_string(),
                (false, _, true) => "1x".to_string(),
                (false, ..) => ratio(&times.estimate()),
            };
            text += &format!(" {times:>6}");
        }
        let brackets = all_of(shown.in_brackets);
        if !brackets.is_empty() {
            text += &format!(" ({})", brackets.join(", "));
        }
        let first = shown.in_brackets.first().and_then(|quantity| quantities.get(quantity.name)).map(Series::median);
        let mood = match (first, shown.expected) {
            (Some(first), Some(expected)) if (first - expected).abs() > 0.5 => Mood::Bad,
            _ if self.is_disturbed() => Mood::Faint,
            _ if is_best => Mood::Good,
            _ => Mood::Plain,
        };
        Word::new(text, mood)
    }

    fn by_plain_map(&self) -> bool {
        self.reference.as_ref().is_some_and(|(name, _)| name == PLAIN_MAP)
    }
}

/// Whether other programs used too many cores while these quantities were measured.
pub(super) fn was_disturbed(quantities: &BTreeMap<String, Series>) -> bool {
    quantities.get(OTHERS.name).is_some_and(|others| others.median() > BESIDE)
}

pub(super) fn time(cell: &Cell) -> Option<&Series> {
    quantity(cell, Quantity::TIME)
}

fn quantity(cell: &Cell, of: Quantity) -> Option<&Series> {
    match &cell.found {
        Found::Quantities(quantities) => quantities.get(of.name),
        _ => None,
    }
}

/// The median of a quantity, in words.
fn number(series: &Series) -> String {
    words::number(series.median(), series.unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use green_threads::workload::{Depth, Unit};

    fn cell(subject: &str, time: impl Fn(usize) -> f64) -> Cell {
        let figure = |unit, rounds| Series { unit, rounds };
        let rounds: Vec<f64> = (0..11).map(time).collect();
        let quantities = BTreeMap::from([
            ("time".to_string(), figure(Unit::Nanoseconds, rounds.clone())),
            ("ratio".to_string(), figure(Unit::Ratio, rounds.iter().map(|time| time / 100.0).collect())),
        ]);
        Cell {
            subject: subject.to_string(),
            setting: BTreeMap::from([("placement".to_string(), "free".to_string())]),
            found: Found::Quantities(quantities),
        }
    }

    fn words(cells: Vec<Cell>) -> (Vec<String>, Vec<String>) {
        let results = Results::new("made-up", Depth::Quick, true, cells);
        let [sheet] = &*sheets(&results, &Times::OF_MODELS) else { panic!("one placement") };
        (sheet.rows.iter().map(|(_, words)| words[0].text.clone()).collect(), sheet.notes.clone())
    }

    /// Subjects `a` and `b` differ by a few percent in every round, and `c` is now faster, now slower. The
    /// measurement cannot tell which of the three is the fastest.
    #[test]
    fn whom_the_spread_cannot_separate_is_a_tie() {
        let (found, _) = words(vec![
            cell("a", |_| 100.0),
            cell("b", |_| 103.0),
            cell("c", |round| if round.is_multiple_of(2) { 99.0 } else { 140.0 }),
            cell("d", |_| 120.0),
        ]);
        assert_eq!(found, ["100 ns    tie", "103 ns    tie", "99–140 ns    tie", "120 ns  1.20x"]);
    }

    #[test]
    fn who_is_ahead_by_more_than_the_spread_is_the_best() {
        let (found, _) = words(vec![cell("a", |round| 100.0 + round as f64), cell("b", |round| 200.0 + round as f64)]);
        assert_eq!(found[0], "110 ns   best");
        assert!(found[1].contains("2.0"), "{found:?}");
    }

    /// The plain map took a hundred times as long in most rounds, as on a machine where other programs use the
    /// cores.
    #[test]
    fn where_the_reference_was_disturbed_there_are_no_ratios() {
        let disturbed = |round: usize| if round.is_multiple_of(3) { 10.0 } else { 1_000.0 };
        let (found, notes) = words(vec![cell(PLAIN_MAP, disturbed), cell("a", |_| 12.0)]);
        assert_eq!(found, ["10–1000 ns", "12.0 ns"]);
        assert!(notes[0].starts_with("- disturbed: the rounds of HashMap differ by a factor of 100.0"), "{notes:?}");
    }

    /// All rounds were equally slow, because another program used a core all the time.
    #[test]
    fn a_steady_load_disturbs_as_well() {
        let mut beside = cell("a", |_| 100.0);
        if let Found::Quantities(quantities) = &mut beside.found {
            quantities.insert(OTHERS.name.to_string(), Series { unit: Unit::Count, rounds: vec![1.25] });
        }
        let (found, notes) = words(vec![beside, cell("b", |_| 200.0)]);
        assert_eq!(found, ["100 ns", "200 ns"]);
        assert!(notes[0].starts_with("- disturbed: other programs used 1.2 cores at the same time"), "{notes:?}");
    }

    /// A picture shows no number that its table would not compare.
    #[test]
    fn a_picture_has_words_for_disturbed_and_absent_values() {
        let of = |cells: Vec<Cell>| {
            let results = Results::new("made-up", Depth::Quick, true, cells);
            let [panel] = &*dots(&results, &Times::OF_MODELS).panels else { panic!("one placement") };
            assert_eq!(panel.head, "free");
            panel.rows.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let absent = Cell { found: Found::Absent { why: "It has no threads.".to_string() }, ..cell("b", |_| 1.0) };
        let [Value::Measured(time), Value::Missing { word, why }] = &*of(vec![cell("a", |_| 100.0), absent]) else {
            panic!("a time and no time")
        };
        assert_eq!((time.median, word.as_str(), why.as_str()), (100.0, "not measured", "It has no threads."));
        let disturbed = |round: usize| if round.is_multiple_of(3) { 10.0 } else { 1_000.0 };
        let rows = of(vec![cell(PLAIN_MAP, disturbed), cell("a", |_| 12.0)]);
        assert!(
            rows.iter().all(|value| matches!(value, Value::Missing { word, .. } if word == "disturbed")),
            "{rows:?}"
        );
    }
}

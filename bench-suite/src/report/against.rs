//! Two sets of results compared: which numbers differ by more than their spread?

use green_threads::workload::{Better, Quantity, Shows, Unit};
use serde::Serialize;

use super::columns::{APART, disturbed_settings, time, was_disturbed};
use super::sheet::{Mood, Sheet, Word};
use super::shows;
use crate::child::probe::Stop;
use crate::figure::words::{estimated, times};
use crate::measure::{OTHERS, RATIO};
use crate::store::{Cell, Estimate, Found, Results, Series};

/// The factor by which two sizes or times must differ that were measured once. They have no spread.
const APART_ONCE: f64 = 1.5;

/// The differences between two results of one experiment.
#[derive(Debug, Serialize)]
pub struct Differences {
    /// The experiment.
    pub experiment: String,
    /// The number of values that both have and that do not differ by more than their spread.
    pub alike: usize,
    /// The number of values that are in one of the two only, or that were disturbed.
    pub not_compared: usize,
    /// The times here divided by those there, in the median: how much slower the machine is as a whole. `None` if no
    /// times were compared.
    pub slower: Option<f64>,
    /// The values that differ.
    pub differ: Vec<Difference>,
}

/// One value that differs.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The memo or model.
    pub subject: String,
    /// The setting, in words.
    pub setting: String,
    /// The quantity, or what else differs.
    pub quantity: String,
    /// The value in the other results.
    pub there: String,
    /// The value in these results.
    pub here: String,
    /// This value divided by the other, if both are numbers.
    pub ratio: Option<f64>,
    /// Whether this value is the better one; `None` if neither is.
    pub better: Option<bool>,
}

/// Compares `here` with `there`, which are results of the same experiment. Of a timed experiment the ratios to the fastest
/// subject are compared: a machine that is slower as a whole, or at another hour, does not change them.
pub(super) fn differences(here: &Results, there: &Results) -> Differences {
    let experiment = here.experiment.clone();
    let mut found = Differences { experiment, alike: 0, not_compared: 0, slower: None, differ: Vec::new() };
    // In a disturbed setting every ratio may be wrong, because that of the fastest subject is.
    let disturbed = [disturbed_settings(here), disturbed_settings(there)].concat();
    for cell in &here.cells {
        if disturbed.contains(&cell.setting) {
            found.not_compared += 1;
            continue;
        }
        let other = there.cells.iter().find(|other| other.subject == cell.subject && other.setting == cell.setting);
        match other {
            Some(other) => compare(&mut found, cell, other),
            None => found.not_compared += 1,
        }
    }
    let is_new =
        |cell: &&Cell| !here.cells.iter().any(|own| own.subject == cell.subject && own.setting == cell.setting);
    found.not_compared += there.cells.iter().filter(is_new).count();
    found.slower = slower(here, there);
    found.differ.sort_by(|one, other| other.distance().total_cmp(&one.distance()));
    found
}

/// The median of the times here divided by those there.
fn slower(here: &Results, there: &Results) -> Option<f64> {
    let ratio = |cell: &Cell| {
        let other = there.cells.iter().find(|other| other.subject == cell.subject && other.setting == cell.setting)?;
        // A disturbed time is not excluded: few of them do not move the median.
        Some(time(cell)?.median() / time(other)?.median())
    };
    let ratios: Vec<f64> = here.cells.iter().filter_map(ratio).filter(|ratio| ratio.is_finite()).collect();
    (!ratios.is_empty()).then(|| Estimate::of(&ratios).median)
}

impl Difference {
    /// How far the two values are apart. What is not a number is the farthest.
    fn distance(&self) -> f64 {
        self.ratio.map_or(f64::INFINITY, |ratio| ratio.ln().abs())
    }
}

fn compare(found: &mut Differences, here: &Cell, there: &Cell) {
    let (own, other) = match (&here.found, &there.found) {
        (Found::Quantities(own), Found::Quantities(other)) => {
            if was_disturbed(own) || was_disturbed(other) {
                found.not_compared += 1;
                return;
            }
            (own, other)
        }
        (Found::Observed(own), Found::Observed(other)) => {
            let [own_end, other_end] =
                [own, other].map(|seen| seen.stopped.as_ref().map_or("went to its end".to_string(), Stop::word));
            if own_end != other_end {
                found.differ.push(words(here, "end", other_end, own_end));
                return;
            }
            (&own.quantities, &other.quantities)
        }
        (own, other) => {
            match (word(own), word(other)) {
                (own, other) if own == other => found.alike += 1,
                (own, other) => found.differ.push(words(here, "result", other, own)),
            }
            return;
        }
    };
    // The time is not compared where its ratio is.
    let has_ratio = own.contains_key(RATIO.name) && other.contains_key(RATIO.name);
    let left_out = [OTHERS.name, if has_ratio { Quantity::TIME.name } else { RATIO.name }];
    for (name, series) in own.iter().filter(|(name, _)| !left_out.contains(&name.as_str())) {
        let Some(quantity) = quantity(&found.experiment, name) else { continue };
        let Some(other) = other.get(name).filter(|other| !other.rounds.is_empty() && !series.rounds.is_empty()) else {
            found.not_compared += 1;
            continue;
        };
        match difference(here, quantity, series, other) {
            Some(difference) => found.differ.push(difference),
            None => found.alike += 1,
        }
    }
}

/// The difference of two series, if it is larger than their spread.
fn difference(cell: &Cell, quantity: Quantity, here: &Series, there: &Series) -> Option<Difference> {
    let (own, other) = (here.estimate(), there.estimate());
    let is_measure = matches!(here.unit, Unit::Nanoseconds | Unit::Bytes | Unit::Ratio);
    let least = if is_measure && own.rounds.min(other.rounds) == 1 { APART_ONCE } else { APART };
    let apart = |less: &Estimate, more: &Estimate| less.high < more.low && more.median > least * less.median;
    let (is_less, is_more) = (apart(&own, &other), apart(&other, &own));
    let better = match quantity.better {
        Better::Less => Some(is_less),
        Better::More => Some(is_more),
        Better::Neither => None,
    };
    (is_less || is_more).then(|| Difference {
        subject: cell.subject.clone(),
        setting: setting(cell),
        quantity: quantity.head.replace('\n', " "),
        there: estimated(&other, here.unit),
        here: estimated(&own, here.unit),
        ratio: (other.median > 0.0).then(|| own.median / other.median),
        better,
    })
}

fn words(cell: &Cell, quantity: &str, there: String, here: String) -> Difference {
    let (subject, setting, quantity) = (cell.subject.clone(), setting(cell), quantity.to_string());
    Difference { subject, setting, quantity, there, here, ratio: None, better: None }
}

/// The result of a cell without numbers.
fn word(found: &Found) -> String {
    match found {
        Found::Outcome(outcome) => outcome.word().to_string(),
        Found::Observed(seen) => seen.stopped.as_ref().map_or("measured".to_string(), Stop::word),
        Found::Quantities(_) => "measured".to_string(),
        Found::Absent { .. } => "not measured".to_string(),
    }
}

fn quantity(experiment: &str, name: &str) -> Option<Quantity> {
    if name == RATIO.name {
        return Some(RATIO);
    }
    let declared = match shows(experiment)? {
        Shows::Times(times) => times.quantity(name).copied(),
        Shows::Observations(observations) => observations.quantity(name).copied(),
    };
    declared.or_else(|| (name == Quantity::TIME.name).then_some(Quantity::TIME))
}

fn setting(cell: &Cell) -> String {
    let said = cell.setting.iter().filter(|(_, value)| *value != "default");
    said.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The differences as a table: the largest first, and no more than `most`.
pub(super) fn sheet(of: &Differences, most: usize) -> Sheet {
    let row = |one: &Difference| {
        let mood = match one.better {
            Some(true) => Mood::Good,
            Some(false) => Mood::Bad,
            None => Mood::Plain,
        };
        let ratio = one.ratio.map_or(String::new(), times);
        let plain = |text: &str| Word::new(text, Mood::Plain);
        let words = vec![
            plain(&one.quantity),
            plain(&one.there),
            Word::new(one.here.clone(), mood),
            Word::new(ratio, mood),
            plain(&one.setting),
        ];
        (one.subject.clone(), words)
    };
    let mut caption = format!("{} values differ by more than their spread, and {} do not.", of.differ.len(), of.alike);
    if of.not_compared > 0 {
        caption += &format!(" Not compared, because one is missing or was disturbed: {}.", of.not_compared);
    }
    if let Some(slower) = of.slower {
        caption += &format!(
            " All times together are {} those there; compared are their ratios to the fastest.",
            times(slower)
        );
    }
    if of.differ.len() > most {
        caption += &format!(" Shown are the {most} largest differences; the page and --json have all.");
    }
    Sheet {
        title: format!("{}, against the others", of.experiment),
        caption,
        heads: ["subject", "quantity", "there", "here", "here /\nthere", "setting"].map(str::to_string).into(),
        rows: of.differ.iter().take(most).map(row).collect(),
        prose: true,
        ..Sheet::default()
    }
}

/// The experiments without a difference, as a table.
pub(super) fn same(of: &[&Differences]) -> Sheet {
    let number = |number: usize| Word::new(number.to_string(), Mood::Plain);
    let row = |of: &&Differences| (of.experiment.clone(), vec![number(of.alike), number(of.not_compared)]);
    Sheet {
        title: "No difference".to_string(),
        caption: "The experiments in which no value differs by more than its spread.".to_string(),
        heads: ["experiment", "values\nalike", "not\ncompared"].map(str::to_string).into(),
        rows: of.iter().map(row).collect(),
        ..Sheet::default()
    }
}

//! What stands out in the results of an experiment, in one sentence.

use green_threads::workload::Times;

use super::columns::{Column, headline_cells, headline_head, time};
use crate::distinct;
use crate::figure::words::{measured, ratio};
use crate::store::{Cell, Results, Series};

/// Says which subjects are the fastest and which is the slowest, in the first headline setting that nothing disturbed.
/// `None` if there is no such setting.
pub(super) fn of_times(results: &Results, shown: &Times) -> Option<String> {
    let cells = headline_cells(results, shown);
    let settings = distinct(cells.iter().map(|cell| cell.setting.clone()));
    settings.iter().find_map(|setting| {
        let here: Vec<&Cell> = cells.iter().copied().filter(|cell| cell.setting == *setting).collect();
        let column = Column::new(&here);
        let times: Vec<(&str, &Series)> =
            here.iter().filter_map(|cell| Some((cell.subject.as_str(), time(cell)?))).collect();
        let (reference, _) = column.reference.as_ref().filter(|_| !column.is_disturbed() && times.len() > 1)?;
        let of = |name: &str| times.iter().find(|(own, _)| *own == name).map(|(_, series)| *series);
        let fastest = match &*column.best {
            [one] => format!("{one} is the fastest ({})", measured(&of(one)?.estimate())),
            several if several.len() <= 4 => {
                format!("the spread cannot separate {}", several.join(", "))
            }
            several => format!("{} of {} are tied as the fastest", several.len(), times.len()),
        };
        let (slowest, its_time) =
            times.iter().max_by(|(_, one), (_, other)| one.median().total_cmp(&other.median()))?;
        let rest = match column.best.iter().any(|best| best == slowest) {
            true => String::new(),
            false => format!("; {slowest} takes {} the time of {reference}", ratio(&its_time.over(of(reference)?))),
        };
        let head = headline_head(shown, setting).replace('\n', ", ");
        Some(if head.is_empty() { format!("{fastest}{rest}.") } else { format!("{head}: {fastest}{rest}.") })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use green_threads::workload::{Depth, Unit};

    use super::*;
    use crate::store::Found;

    /// The time of a subject in each round.
    type Times = fn(usize) -> f64;

    fn sentence(times: &[(&str, Times)]) -> Option<String> {
        let cell = |(subject, time): &(&str, Times)| {
            let series = Series { unit: Unit::Nanoseconds, rounds: (0..11).map(time).collect() };
            Cell {
                subject: subject.to_string(),
                setting: BTreeMap::from([("placement".to_string(), "free".to_string())]),
                found: Found::Quantities(BTreeMap::from([("time".to_string(), series)])),
            }
        };
        let cells = times.iter().map(cell).collect();
        of_times(&Results::new("made-up", Depth::Quick, true, cells), &super::Times::OF_MODELS)
    }

    #[test]
    fn the_fastest_and_the_slowest_are_named() {
        let said = sentence(&[("a", |_| 100.0), ("b", |_| 150.0), ("c", |_| 400.0)]);
        assert_eq!(said.as_deref(), Some("free: a is the fastest (100 ns); c takes 4.00x the time of a."));
    }

    #[test]
    fn a_tie_is_no_order() {
        let said = sentence(&[("a", |_| 100.0), ("b", |round| if round % 2 == 0 { 99.0 } else { 104.0 })]);
        assert_eq!(said.as_deref(), Some("free: the spread cannot separate a, b."));
    }

    #[test]
    fn a_disturbed_setting_says_nothing() {
        assert_eq!(sentence(&[("a", |round| if round % 3 == 0 { 1_000.0 } else { 10.0 }), ("b", |_| 12.0)]), None);
        assert_eq!(sentence(&[("a", |_| 100.0)]), None, "one subject is no comparison");
    }
}

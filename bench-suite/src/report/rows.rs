//! Observations as sheets: one sheet for each table of a workload, with one row for each model in each setting.

use green_threads::probe::protocol::Answer;
use green_threads::workload::{Fact, Parameter, Quantity, Table, Unit};

use super::sheet::{Mood, Sheet, Word, arrow, directions};
use crate::distinct;
use crate::figure::words::{bytes, count, duration, times};
use crate::store::{Cell, Found, Results, Series};

pub(super) fn sheets(results: &Results, tables: &[Table]) -> Vec<Sheet> {
    tables.iter().map(|table| sheet(&results.experiment, table, &results.cells)).collect()
}

fn sheet(experiment: &str, table: &Table, cells: &[Cell]) -> Sheet {
    let every = table.variant == Table::EVERY_VARIANT;
    let variant = |cell: &Cell| cell.setting.get("variant").cloned().unwrap_or_default();
    let cells: Vec<&Cell> = cells.iter().filter(|cell| every || variant(cell) == table.variant).collect();
    // A quantity or fact that no cell has gets no column.
    let quantities: Vec<&Quantity> =
        table.quantities.iter().filter(|of| cells.iter().any(|cell| shown(cell, of).is_some())).collect();
    let facts: Vec<&Fact> =
        table.facts.iter().filter(|of| cells.iter().any(|cell| fact(cell, of.name).is_some())).collect();
    let stopped = cells.iter().any(|cell| matches!(&cell.found, Found::Observed(seen) if seen.stopped.is_some()));
    let mut heads = vec!["model".to_string()];
    heads.extend(table.parameters.iter().map(|parameter| parameter.head.to_string()));
    heads.extend(quantities.iter().map(|quantity| quantity.head.to_string() + arrow(quantity.better)));
    heads.extend(facts.iter().map(|fact| fact.head.to_string()));
    heads.extend(stopped.then(|| "what stopped it".to_string()));

    let present = cells.iter().filter(|cell| !matches!(cell.found, Found::Absent { .. }));
    let row = |cell: &&Cell| {
        let plain = |text| Word::new(text, Mood::Plain);
        let mut words: Vec<Word> = table.parameters.iter().map(|of| plain(parameter(cell, of))).collect();
        words.extend(quantities.iter().map(|of| shown(cell, of).map_or_else(nothing, plain)));
        words.extend(facts.iter().map(|of| fact(cell, of.name).map(str::to_string).map_or_else(nothing, plain)));
        if stopped {
            words.push(match &cell.found {
                Found::Observed(seen) => {
                    seen.stopped.as_ref().map_or_else(nothing, |fate| Word::new(fate.word(), Mood::Bad))
                }
                _ => nothing(),
            });
        }
        (cell.subject.clone(), words)
    };
    Sheet {
        title: if every { experiment.to_string() } else { format!("{experiment}, {}", table.variant) },
        caption: [table.caption, &directions(&heads)].join(" ").trim_end().to_string(),
        heads,
        keys: table.parameters.len(),
        rows: present.map(row).collect(),
        notes: distinct(cells.iter().filter_map(|cell| note(cell, every))),
        ..Sheet::default()
    }
}

fn nothing() -> Word {
    Word::new("", Mood::Faint)
}

/// Why a cell has no row, or an incomplete one. If the table shows `every` variant, the note names the variant.
fn note(cell: &Cell, every: bool) -> Option<String> {
    let variant = cell.setting.get("variant").filter(|_| every);
    let of = variant.map_or_else(String::new, |variant| format!(" ({variant})"));
    match &cell.found {
        Found::Absent { why } => Some(format!("- {}{of}: {why}", cell.subject)),
        Found::Observed(seen) => Some(format!("- {}{of}: {}", cell.subject, seen.stopped.as_ref()?)),
        _ => None,
    }
}

fn parameter(cell: &Cell, of: &Parameter) -> String {
    let value = cell.setting.get(of.name).cloned().unwrap_or_default();
    match value.parse::<f64>() {
        // OS threads have no workers, and a goroutine's stack has no size to set. So these values of a setting have
        // no meaning.
        Ok(_) if of.name == "workers" && cell.subject == "thread" => "-".to_string(),
        Ok(_) if of.name == "stack" && cell.subject == "goroutine" => "-".to_string(),
        Ok(number) if of.unit == Unit::Bytes => bytes(number),
        Ok(number) => count(number),
        Err(_) => value,
    }
}

/// The quantity in words, or else a bound of it; `None` if the cell has neither.
fn shown(cell: &Cell, of: &Quantity) -> Option<String> {
    let bound = || Some(format!("< {}", number(quantity(cell, &format!("{}{}", of.name, Answer::BELOW))?)));
    let least =
        || Some(format!("{} or more", number(quantity(cell, Quantity::PROGRESS.name).filter(|_| of.is_reported)?)));
    quantity(cell, of.name).map(number).or_else(bound).or_else(least)
}

fn number(series: &Series) -> String {
    let median = series.median();
    match series.unit {
        // Older results have no bounds, so a difference can be below zero.
        Unit::Bytes if median < 0.0 => "noise".to_string(),
        Unit::Nanoseconds => duration(median),
        Unit::Bytes => bytes(median),
        Unit::Ratio => times(median),
        Unit::Count | Unit::Share => count(median),
    }
}

fn quantity<'a>(cell: &'a Cell, name: &str) -> Option<&'a Series> {
    match &cell.found {
        Found::Observed(seen) => seen.quantities.get(name),
        _ => None,
    }
}

fn fact<'a>(cell: &'a Cell, name: &str) -> Option<&'a str> {
    match &cell.found {
        Found::Observed(seen) => seen.facts.get(name).map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::child::End;
    use crate::child::probe::Stop;

    use super::*;
    use green_threads::workload::{Depth, Shows};

    use crate::measure;
    use crate::store::Observation;

    #[test]
    fn a_bound_is_shown_as_one_and_a_difference_below_zero_as_noise() {
        let cell = |subject: &str, quantities: &[(&str, f64)]| {
            let figure =
                |(name, number): &(&str, f64)| (name.to_string(), Series { unit: Unit::Bytes, rounds: vec![*number] });
            let seen = Observation { quantities: quantities.iter().map(figure).collect(), ..Observation::default() };
            Cell {
                subject: subject.to_string(),
                setting: BTreeMap::from([("variant".to_string(), "slope".to_string())]),
                found: Found::Observed(seen),
            }
        };
        let cells = vec![
            cell("thread", &[("resident", 8192.0), ("kernel", 27.0 * 1024.0)]),
            cell("task", &[("resident", 512.0), ("kernel_below", 1536.0)]),
            cell("coroutine", &[("resident", 8192.0), ("kernel", -4096.0)]),
        ];
        let parked = measure::of_runtimes().into_iter().find(|(name, _)| *name == "parked");
        let Some((_, Shows::Observations(parked))) = parked else { panic!("parked is observed") };
        let sheet = &sheets(&Results::new("parked", Depth::Quick, true, cells), parked.tables)[0];
        let at = sheet.heads.iter().position(|head| head == "kernel ↓").unwrap();
        assert!(sheet.caption.ends_with("↓: less is better."), "{}", sheet.caption);
        let kernel: Vec<&str> = sheet.rows.iter().map(|(_, words)| &*words[at - 1].text).collect();
        assert_eq!(kernel, ["27.0 KiB", "< 1.50 KiB", "noise"]);
    }

    /// A process that crashed has only reported how many units it had, and one that met a limit has counted them.
    #[test]
    fn a_last_report_is_shown_as_a_lower_bound() {
        let cell = |subject: &str, quantities: &[(&str, f64)], stopped: Option<Stop>| {
            let series =
                |(name, number): &(&str, f64)| (name.to_string(), Series { unit: Unit::Count, rounds: vec![*number] });
            let quantities = quantities.iter().map(series).collect();
            let seen = Observation { quantities, stopped, ..Observation::default() };
            let setting = BTreeMap::from([("variant".to_string(), "how_many".to_string())]);
            Cell { subject: subject.to_string(), setting, found: Found::Observed(seen) }
        };
        let crash = Stop::Ended(End::Crashes { signal: "SIGABRT".to_string(), says: "no room".to_string() });
        let cells = vec![
            cell("thread", &[("progress", 15_360.0)], Some(crash)),
            cell("coroutine", &[("progress", 31_744.0), ("units", 32_501.0)], Some(Stop::Limit("mappings".into()))),
            cell("task", &[("progress", 999_424.0), ("units", 1e6)], None),
        ];
        let parked = measure::of_runtimes().into_iter().find(|(name, _)| *name == "parked");
        let Some((_, Shows::Observations(parked))) = parked else { panic!("parked is observed") };
        let sheet = &sheets(&Results::new("parked", Depth::Quick, true, cells), parked.tables)[1];
        assert_eq!(sheet.heads, ["model", "units ↑", "what stopped it"]);
        let units: Vec<[&str; 2]> = sheet.rows.iter().map(|(_, words)| [&*words[0].text, &*words[1].text]).collect();
        assert_eq!(units, [["15,360 or more", "SIGABRT"], ["32,501", "a limit"], ["1,000,000", ""]]);
    }
}

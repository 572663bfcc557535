use std::collections::BTreeMap;
use std::fs;

use green_threads::probe::trace::{Event, Trace};
use green_threads::workload::{Depth, Unit};

use super::{Address, Described, Fault, Kind, Sources};
use crate::child::End;
use crate::child::probe::Stop;
use crate::figure::{Heat, Mood, Picture, Strip, Value, Word};
use crate::spec::Outcome;
use crate::store::{Cell, Found, KeptTrace, Observation, Results, Series, Setting, Store};

fn setting(of: &[(&str, &str)]) -> Setting {
    of.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn series(unit: Unit, rounds: &[f64]) -> Series {
    Series { unit, rounds: rounds.to_vec() }
}

fn timed(rounds: &[f64]) -> Found {
    Found::Quantities(BTreeMap::from([("time".to_string(), series(Unit::Nanoseconds, rounds))]))
}

fn cell(subject: &str, of: &[(&str, &str)], found: Found) -> Cell {
    Cell { subject: subject.to_string(), setting: setting(of), found }
}

fn hit(subject: &str, threads: &str, placement: &str, rounds: &[f64]) -> Cell {
    cell(subject, &[("keys", "1000"), ("placement", placement), ("threads", threads)], timed(rounds))
}

/// Two memos, up to two threads, two placements. The first memo is absent where there are two threads.
fn reference() -> Vec<Cell> {
    let mut cells = Vec::new();
    for placement in ["free", "one-core"] {
        let one_core = if placement == "free" { 1.0 } else { 2.0 };
        cells.push(hit("memo1", "1", placement, &[10.0 * one_core; 3]));
        cells.push(hit("memo2", "1", placement, &[20.0 * one_core; 3]));
        let absent = Found::Absent { why: "it is not Sync".to_string() };
        cells.push(Cell { found: absent, ..hit("memo1", "2", placement, &[]) });
        cells.push(hit("memo2", "2", placement, &[40.0, 60.0, 80.0]));
        cells.push(hit("memo3", "2", placement, &[80.0, 60.0, 160.0]));
    }
    cells
}

fn write(store: &Store, experiment: &str, cells: Vec<Cell>) {
    store.write(&Results::new(experiment, Depth::Quick, true, cells)).unwrap();
}

/// Two stores: the reader's own, which is empty, and a reference set of `memo_hit`.
fn sources() -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let [own, reference] = ["own", "reference"].map(|name| Store::at(&folder.path().join(name)));
    write(&reference, "memo_hit", self::reference());
    (folder, Sources::new(own, reference))
}

fn at(subject: &str, of: &[(&str, &str)]) -> Address {
    let (subject, by) = subject.split_once('/').map_or((subject, None), |(subject, by)| (subject, Some(by)));
    Address {
        experiment: "memo_hit".to_string(),
        subject: subject.to_string(),
        by: by.map(str::to_string),
        quantity: None,
        setting: setting(of),
    }
}

#[track_caller]
fn faulty(address: &Address, said: &str) {
    let (_folder, sources) = sources();
    assert_eq!(address.find(&sources).unwrap_err().to_string(), said);
}

#[track_caller]
fn says(sources: &Sources, address: &Address, said: &str) {
    assert_eq!(address.find(sources).unwrap().text(), said);
}

#[test]
fn what_is_unknown_is_told_with_what_exists() {
    let experiment = Address { experiment: "memo_hits".to_string(), ..at("memo1", &[]) };
    let (_folder, sources) = sources();
    let fault = experiment.find(&sources).unwrap_err();
    assert!(matches!(fault, Fault::Experiment { .. }) && fault.to_string().contains("memo_hit, "), "{fault}");
    let unmeasured = Address { experiment: "spawn".to_string(), ..at("memo1", &[]) };
    let fault = unmeasured.find(&sources).unwrap_err();
    assert_eq!(fault.to_string(), "the reference set has no results of `spawn`");
    faulty(&at("memo4", &[]), "`memo_hit` has no subject `memo4`; it has memo1, memo2, memo3");
    faulty(&at("memo2/memo4", &[("threads", "2")]), "`memo_hit` has no subject `memo4`; it has memo1, memo2, memo3");
    faulty(&at("memo2", &[("key", "1000")]), "`memo_hit` has no parameter `key`; it has keys, placement, threads");
    faulty(&at("memo2", &[("threads", "3")]), "`memo_hit` has no `threads` 3; it has 1, 2");
    let quantity = Address { quantity: Some("calls".to_string()), ..at("memo2", &[("threads", "2")]) };
    faulty(&quantity, "`memo_hit` has no quantity `calls`; it has time");
}

#[test]
fn an_ambiguous_address_is_a_fault() {
    faulty(&at("memo2", &[]), "`memo_hit` of memo2 has several values of `threads`: 1, 2; name one");
}

#[test]
fn a_cell_that_the_reference_lacks_is_a_fault() {
    faulty(&at("memo3", &[("threads", "1")]), "the reference set has no `memo_hit` of memo3 with threads 1");
    let absent = at("memo1", &[("threads", "2"), ("placement", "free")]);
    faulty(
        &absent,
        "the reference set has no number for `memo_hit` of memo1: it is not Sync (keys 1000, placement free, threads 2)",
    );
}

#[test]
fn without_a_placement_there_are_two_numbers() {
    let (_folder, sources) = sources();
    says(&sources, &at("memo1", &[("threads", "1")]), "10.0 ns with free placement, 20.0 ns on one core");
    says(&sources, &at("memo1", &[("threads", "1"), ("placement", "one-core")]), "20.0 ns");
}

/// The rounds differ widely. Each of one memo is one half of the other's, except for one.
#[test]
fn a_ratio_is_taken_round_by_round() {
    let (_folder, sources) = sources();
    let free = [("threads", "2"), ("placement", "free")];
    let ratio = at("memo3/memo2", &free).find(&sources).unwrap();
    let [(placement, Value::Measured(of))] = &*ratio.values else { panic!("one number") };
    assert_eq!((placement.as_str(), of.median, of.low, of.high), ("", 2.0, 1.0, 2.0));
    assert_eq!(ratio.text(), "1.0–2.0x");
}

#[test]
fn a_number_whose_interval_has_no_width_has_three_digits() {
    let (_folder, sources) = sources();
    let free = [("threads", "1"), ("placement", "free")];
    says(&sources, &at("memo2/memo1", &free), "2.00x");
}

#[test]
fn the_readers_own_results_come_first() {
    let (_folder, sources) = sources();
    let mut cells = reference();
    cells.retain(|cell| cell.subject != "memo3");
    cells[0] = hit("memo1", "1", "free", &[7.0; 3]);
    write(sources.own(), "memo_hit", cells);
    says(&sources, &at("memo1", &[("threads", "1"), ("placement", "free")]), "7.00 ns");
    // The reference has memo3, so the address exists.
    let lacking = "not measured here: run `cargo bench -- memo_hit`";
    says(&sources, &at("memo3", &[("threads", "2")]), lacking);
    says(&sources, &at("memo2/memo3", &[("threads", "2")]), lacking);
}

/// On another machine the largest number of threads is another one. Measuring again would not help.
#[test]
fn a_setting_that_this_machine_does_not_have_says_so() {
    let (_folder, sources) = sources();
    write(sources.own(), "memo_hit", ["free", "one-core"].map(|at| hit("memo2", "16", at, &[1.0])).into());
    says(&sources, &at("memo2", &[("threads", "2")]), "not measured here: here threads is 16");
}

#[test]
fn partial_results_trials_and_garbage_are_ignored() {
    let own_memo1 = || vec![hit("memo1", "1", "free", &[7.0; 3])];
    let address = at("memo1", &[("threads", "1"), ("placement", "free")]);
    for (depth, complete) in [(Depth::Quick, false), (Depth::Trial, true)] {
        let (_folder, sources) = sources();
        let mut results = Results::new("memo_hit", depth, true, own_memo1());
        let path = sources.own().write(&results).unwrap();
        results.complete = complete;
        fs::write(path, serde_json::to_vec(&results).unwrap()).unwrap();
        says(&sources, &address, "10.0 ns");
    }
    for garbage in ["", "no JSON", r#"{ "schema": 999 }"#, r#"{ "schema": 1 }"#] {
        let (_folder, sources) = sources();
        fs::create_dir_all(sources.own().folder()).unwrap();
        fs::write(sources.own().folder().join("memo_hit.json"), garbage).unwrap();
        says(&sources, &address, "10.0 ns");
        let source = sources.of("memo_hit").unwrap();
        assert!(source.unread.as_ref().is_some_and(|why| why.contains("memo_hit.json")), "{garbage:?}");
    }
}

fn observed(subject: &str, quantities: &[(&str, f64)], stopped: Option<Stop>) -> Cell {
    let quantities = quantities.iter().map(|(name, number)| (name.to_string(), series(Unit::Bytes, &[*number])));
    let seen = Observation { quantities: quantities.collect(), facts: BTreeMap::new(), stopped };
    cell(subject, &[("workers", if subject == "thread" { "1" } else { "2" })], Found::Observed(seen))
}

/// A crash and a bound are results, also where the reference has them.
#[test]
fn a_failure_is_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let [own, reference] = ["own", "reference"].map(|name| Store::at(&folder.path().join(name)));
    let stop = Stop::Ended(End::Crashes { signal: "SIGABRT".to_string(), says: "no stack".to_string() });
    let cells = vec![
        observed("thread", &[("resident", 8192.0)], None),
        observed("task", &[("resident_below", 1536.0)], None),
        observed("coroutine", &[("progress", 32_000.0), ("resident", 1.0)], Some(stop)),
    ];
    write(&reference, "parked", cells);
    let sources = Sources::new(own, reference);
    let of = |subject: &str, quantity: &str| Address {
        experiment: "parked".to_string(),
        quantity: Some(quantity.to_string()),
        ..at(subject, &[("workers", "2")])
    };
    // Threads have no workers, so each value of `workers` selects the only cell.
    says(&sources, &of("thread", "resident"), "8.00 KiB");
    says(&sources, &of("task", "resident"), "< 1.50 KiB");
    says(&sources, &of("coroutine", "resident"), "SIGABRT");
    says(&sources, &of("coroutine", "progress"), "31.2 KiB");
    let fault = of("coroutine/thread", "resident").find(&sources).unwrap_err().to_string();
    assert!(fault.contains("no number for `parked` of coroutine: crashes with SIGABRT: no stack"), "{fault}");
}

/// The number of a child that something stopped, and how it ended. A lower bound says so.
#[test]
fn a_stopped_number_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let [own, reference] = ["own", "reference"].map(|name| Store::at(&folder.path().join(name)));
    let crash = Stop::Ended(End::Crashes { signal: "SIGABRT".to_string(), says: "no room".to_string() });
    let limit = Stop::Limit("no mapping is left".to_string());
    let earlier = || vec![("units", 7.0), ("progress", 15_360.0), ("resident", 9.0)];
    let mut cells = vec![
        observed("thread", &earlier(), Some(crash)),
        observed("coroutine", &[("progress", 31_744.0), ("units", 32_501.0), ("resident", 4096.0)], Some(limit)),
        observed("task", &[("progress", 999_424.0), ("units", 1_000_000.0)], None),
        observed("goroutine", &[], Some(Stop::Ended(End::Hangs { asleep: true }))),
    ];
    for cell in &mut cells {
        let Found::Observed(seen) = &mut cell.found else { unreachable!() };
        seen.quantities.iter_mut().filter(|(name, _)| *name != "resident").for_each(|(_, of)| of.unit = Unit::Count);
    }
    write(&reference, "parked", cells);
    let sources = Sources::new(own, reference);
    let of = |subject: &str, quantity: &str| Address {
        experiment: "parked".to_string(),
        quantity: Some(quantity.to_string()),
        ..at(subject, &[])
    };
    says(&sources, &of("thread", "units"), "15,360 or more, then SIGABRT");
    says(&sources, &of("thread", "progress"), "15,360");
    // What it answered before it crashed is no number of the question that crashed it.
    says(&sources, &of("thread", "resident"), "SIGABRT");
    says(&sources, &of("coroutine", "units"), "32,501, then a limit");
    says(&sources, &of("coroutine", "resident"), "4.00 KiB, at a limit");
    says(&sources, &of("task", "units"), "1,000,000");
    says(&sources, &of("goroutine", "units"), "hangs, all asleep");
    let ratio = of("task/coroutine", "units").find(&sources).unwrap_err().to_string();
    assert!(ratio.contains("no number for `parked` of coroutine: reached a limit: no mapping is left"), "{ratio}");

    let figure = Described {
        experiment: "parked".to_string(),
        quantity: Some("units".to_string()),
        ..described(Kind::Ends, &[])
    };
    let Picture::Ends(rows) = figure.figure("units", &sources).unwrap().picture else { panic!("ends") };
    let is_least: Vec<Option<bool>> = rows.panels[0]
        .rows
        .iter()
        .map(|(_, value)| match value {
            Value::Stopped { is_least, .. } => Some(*is_least),
            _ => None,
        })
        .collect();
    assert_eq!(is_least, [Some(true), Some(false), None, None]);
}

#[test]
fn a_disturbed_number_is_not_shown() {
    let (_folder, sources) = sources();
    let mut cells = reference();
    for cell in &mut cells {
        if let Found::Quantities(quantities) = &mut cell.found {
            quantities.insert("others".to_string(), series(Unit::Count, &[1.0]));
        }
    }
    write(sources.own(), "memo_hit", cells.clone());
    let free = [("threads", "1"), ("placement", "free")];
    says(&sources, &at("memo2", &free), "disturbed");
    // A steady load slows down both alike, round by round.
    says(&sources, &at("memo2/memo1", &free), "2.00x");
    write(sources.reference(), "memo_hit", cells);
    let again = Sources::new(sources.own().clone(), sources.reference().clone());
    let fault = at("memo2", &free).find(&again).unwrap_err().to_string();
    assert!(fault.contains("Other programs ran"), "{fault}");
}

fn described(kind: Kind, fixed: &[(&str, &str)]) -> Described {
    Described {
        title: "A title".to_string(),
        description: "A description.".to_string(),
        kind,
        experiment: "memo_hit".to_string(),
        quantity: None,
        rows: None,
        fixed: setting(fixed),
        panels: None,
        over: None,
        columns: None,
        quantities: None,
        trace: None,
        traces: None,
        counts: None,
        good: None,
    }
}

#[test]
fn rows_have_a_panel_for_each_placement() {
    let (_folder, sources) = sources();
    let figure = described(Kind::Dots, &[("threads", "2")]).figure("hit", &sources).unwrap();
    let Picture::Dots(rows) = &figure.picture else { panic!("dots") };
    let heads: Vec<&str> = rows.panels.iter().map(|panel| panel.head.as_str()).collect();
    assert_eq!(heads, ["free placement", "one core"]);
    let values: Vec<_> =
        rows.panels[0].rows.iter().map(|(name, value)| (name.as_str(), value.text(Unit::Nanoseconds))).collect();
    let expected = [("memo1", "does not apply"), ("memo2", "40–80 ns"), ("memo3", "60–160 ns")];
    assert_eq!(values, expected.map(|(name, word)| (name, word.to_string())));
    let chosen = Described {
        rows: Some(vec!["memo3".to_string(), "memo2".to_string()]),
        ..described(Kind::Bars, &[("threads", "2"), ("placement", "free")])
    };
    let Picture::Bars(rows) = chosen.figure("hit", &sources).unwrap().picture else { panic!("bars") };
    let names: Vec<&str> = rows.panels[0].rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((rows.panels[0].head.as_str(), names), ("", vec!["memo3", "memo2"]));
}

/// Whatever a reader has measured, the book can be built.
#[test]
fn a_figure_may_be_without_numbers_where_the_reader_has_none() {
    let (_folder, sources) = sources();
    let mut cells = reference();
    // Each memo has a number elsewhere, so the machine can run it.
    for cell in cells.iter_mut().filter(|cell| cell.setting["threads"] == "2") {
        cell.found = Found::Absent { why: "it is not installed".to_string() };
    }
    cells.push(hit("memo3", "1", "free", &[1.0]));
    write(sources.own(), "memo_hit", cells);
    let chosen = Described {
        rows: Some(vec!["memo2".to_string(), "memo3".to_string()]),
        ..described(Kind::Dots, &[("threads", "2")])
    };
    let Picture::Dots(rows) = chosen.figure("hit", &sources).unwrap().picture else { panic!("dots") };
    let mut values = rows.panels.iter().flat_map(|panel| &panel.rows);
    let is_missing = |value: &Value| matches!(value, Value::Missing { word, why } if word == "not measured" && why == "it is not installed");
    assert!(values.all(|(name, value)| !name.contains("reference") && is_missing(value)));
}

/// Goroutines without Go: the numbers of the reference set stand in, and say so.
#[test]
fn what_this_machine_cannot_run_is_lent_by_the_reference() {
    let (_folder, sources) = sources();
    let mut cells = reference();
    for cell in &mut cells {
        cell.found = match &*cell.subject {
            "memo2" => Found::Absent { why: "it is not installed".to_string() },
            _ => timed(&[7.0]),
        };
    }
    write(sources.own(), "memo_hit", cells);
    let free = [("threads", "1"), ("placement", "free")];
    says(&sources, &at("memo1", &free), "7.00 ns");
    says(&sources, &at("memo2", &free), "20.0 ns (reference machine)");
    // Both numbers of a ratio are of one machine.
    says(&sources, &at("memo2/memo1", &free), "2.00x (reference machine)");
    says(&sources, &at("memo1/memo2", &free), "0.500x (reference machine)");
    let Picture::Dots(rows) = described(Kind::Dots, &free).figure("hit", &sources).unwrap().picture else {
        panic!("dots")
    };
    let values: Vec<_> =
        rows.panels[0].rows.iter().map(|(name, value)| (name.as_str(), value.text(Unit::Nanoseconds))).collect();
    let expected = [("memo1", "7.00 ns"), ("memo2 (reference)", "20.0 ns")];
    assert_eq!(values, expected.map(|(name, word)| (name, word.to_string())));
}

#[test]
fn a_panel_has_the_words_of_the_tables() {
    let (_folder, sources) = sources();
    let of = Described { panels: Some("threads".to_string()), ..described(Kind::Dots, &[("placement", "free")]) };
    let Picture::Dots(rows) = of.figure("hit", &sources).unwrap().picture else { panic!("dots") };
    let panels: Vec<_> = rows.panels.iter().map(|panel| (panel.head.as_str(), panel.rows.len())).collect();
    assert_eq!(panels, [("1 thread", 2), ("2 threads", 3)]);
}

/// The reader's machine has more cores than the reference machine, so the reader's axis has other places.
#[test]
fn lines_have_the_places_of_the_results_that_they_show() {
    let (_folder, sources) = sources();
    let of = Described { over: Some("threads".to_string()), ..described(Kind::Lines, &[("placement", "free")]) };
    let places = |sources: &Sources| {
        let Picture::Lines(lines) = of.figure("hit", sources).unwrap().picture else { panic!("lines") };
        let places = |points: &[(f64, Value)]| points.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        lines.lines.iter().map(|(name, points)| (name.clone(), places(points))).collect::<Vec<_>>()
    };
    let named = |name: &str, places: &[f64]| (name.to_string(), places.to_vec());
    assert_eq!(places(&sources), [named("memo1", &[1.0, 2.0]), named("memo2", &[1.0, 2.0]), named("memo3", &[2.0])]);
    let own = ["16", "1"].map(|threads| hit("memo2", threads, "free", &[1.0]));
    write(sources.own(), "memo_hit", own.into());
    let again = Sources::new(sources.own().clone(), sources.reference().clone());
    assert_eq!(places(&again)[1], named("memo2", &[1.0, 16.0]));
}

/// The axis has the words of the table: the bytes that were used, and not `n`.
#[test]
fn an_axis_over_observations_has_the_head_of_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let [own, reference] = ["own", "reference"].map(|name| Store::at(&folder.path().join(name)));
    let touch = |bytes: &str, resident: f64| {
        let quantities = BTreeMap::from([("resident".to_string(), series(Unit::Bytes, &[resident]))]);
        let seen = Observation { quantities, ..Observation::default() };
        cell("thread", &[("variant", "touch"), ("n", bytes)], Found::Observed(seen))
    };
    write(&reference, "stack", vec![touch("1024", 8192.0), touch("1048576", 1_056_768.0)]);
    let figure = Described {
        experiment: "stack".to_string(),
        quantity: Some("resident".to_string()),
        over: Some("n".to_string()),
        ..described(Kind::Lines, &[])
    };
    let Picture::Lines(lines) = figure.figure("touch", &Sources::new(own, reference)).unwrap().picture else {
        panic!("lines")
    };
    assert_eq!((lines.over.label.as_str(), lines.over.unit), ("used", Unit::Bytes));
}

#[test]
fn a_wrong_description_is_a_fault() {
    let (_folder, sources) = sources();
    let fault = |of: Described| of.figure("hit", &sources).unwrap_err().to_string();
    let two = || described(Kind::Dots, &[("threads", "2")]);
    assert_eq!(
        fault(described(Kind::Dots, &[])),
        "`memo_hit` of memo1 has several values of `threads`: 1, 2; name one"
    );
    assert_eq!(
        fault(Described { over: Some("threads".to_string()), ..two() }),
        "a figure of this kind has no `over`; it has experiment, rows, where, quantity, panels"
    );
    assert_eq!(
        fault(Described { panels: Some("thread".to_string()), ..two() }),
        "`memo_hit` has no parameter `thread`; it has keys, placement, threads"
    );
    assert_eq!(
        fault(Described { rows: Some(vec!["memo4".to_string()]), ..two() }),
        "`memo_hit` has no subject `memo4`; it has memo1, memo2, memo3"
    );
    assert_eq!(
        fault(Described { quantity: Some("calls".to_string()), ..two() }),
        "`memo_hit` has no quantity `calls`; it has time"
    );
    assert_eq!(
        fault(Described { rows: Some(vec!["memo1".to_string()]), ..two() }),
        "`memo_hit` has no numbers in these settings"
    );
    assert_eq!(
        fault(described(Kind::Lines, &[("placement", "free")])),
        "lines need the parameter along their axis: `over`"
    );
    let of_placements =
        Described { over: Some("placement".to_string()), ..described(Kind::Lines, &[("threads", "2")]) };
    assert!(fault(of_placements).contains("free is not a number"));
    assert_eq!(
        fault(described(Kind::Heat, &[])),
        "a heat map shows a trace or the experiment `conformance`, and no other"
    );
}

#[test]
fn a_heat_map_has_a_row_for_each_memo() {
    let (_folder, sources) = sources();
    let tried = |subject: &str, property: &str, outcome: Outcome| {
        cell(subject, &[("callers", "threads"), ("property", property)], Found::Outcome(outcome))
    };
    let hangs = Outcome::Hangs { asleep: true };
    let cells = vec![
        tried("memo2", "one-call", Outcome::Kept),
        tried("memo3", "one-call", Outcome::Kept),
        tried("memo2", "cycle", hangs.clone()),
        tried("memo3", "cycle", hangs),
    ];
    write(sources.reference(), "conformance", cells);
    let of = Described { experiment: "conformance".to_string(), ..described(Kind::Heat, &[("callers", "threads")]) };
    let Picture::Heat(Heat { heads, rows }) = of.figure("heat", &sources).unwrap().picture else { panic!("heat") };
    assert_eq!(heads, ["property", "memo2", "memo3"]);
    assert_eq!(rows.iter().map(|(property, _)| property.as_str()).collect::<Vec<_>>(), ["one-call", "cycle"]);
    let moods = |row: usize| rows[row].1.iter().map(|word| word.mood).collect::<Vec<_>>();
    assert_eq!((moods(0), moods(1)), (vec![Mood::Good; 2], vec![Mood::Bad; 2]));
    let fault = Described { rows: Some(vec!["cycles".to_string()]), ..of }.figure("heat", &sources).unwrap_err();
    assert_eq!(fault.to_string(), "`conformance` has no `property` cycles; it has one-call, cycle");
    let address = Address { experiment: "conformance".to_string(), ..at("memo2", &[("property", "cycle")]) };
    says(&sources, &address, "hangs");
}

fn kept(name: &str, actors: &[&str]) -> KeptTrace {
    let event = |(at, actor): (usize, &&str)| Event {
        actor: actor.to_string(),
        did: "runs".to_string(),
        thread: None,
        at: at as u64,
        until: Some(at as u64 + 1),
    };
    let trace = Trace { events: actors.iter().enumerate().map(event).collect(), ..Trace::default() };
    KeptTrace::new(name, &format!("line: {name}"), "cargo lab trace line", trace)
}

#[test]
fn traces_come_from_the_reader_or_else_from_the_reference() {
    let (_folder, sources) = sources();
    let of = |name: &str| {
        let lanes =
            Described { experiment: String::new(), trace: Some(name.to_string()), ..described(Kind::Lanes, &[]) };
        lanes.figure("lanes", &sources).map(|figure| figure.picture)
    };
    sources.reference().write_trace(&kept("one", &["a"])).unwrap();
    assert_eq!(of("two").unwrap_err().to_string(), "the reference set has no trace `two`; it has one");
    assert_eq!(of("one").unwrap(), Picture::Lanes(kept("one", &["a"]).trace));
    let path = sources.own().write_trace(&kept("one", &["a", "b"])).unwrap();
    assert_eq!(of("one").unwrap(), Picture::Lanes(kept("one", &["a", "b"]).trace));
    fs::write(path, "no JSON").unwrap();
    assert_eq!(of("one").unwrap(), Picture::Lanes(kept("one", &["a"]).trace));
    assert!(sources.trace("one").unwrap().unread.is_some_and(|why| why.contains("one.json")));
}

#[test]
fn a_heat_map_of_a_trace_has_a_row_for_each_actor_and_a_column_for_each_thread() {
    let (_folder, sources) = sources();
    let event = |(actor, did, thread): (u64, &str, Option<usize>)| Event {
        actor: format!("unit {actor}"),
        did: did.to_string(),
        thread,
        at: 0,
        until: None,
    };
    let events = [
        (10, "right", Some(1)),
        (2, "wrong", Some(1)),
        (2, "right", Some(1)),
        (2, "right", Some(1)),
        (2, "wrong", Some(0)),
        (3, "sleeps", None),
        (10, "right", Some(1)),
    ];
    let trace = Trace { threads: vec![7, 8, 9], events: events.map(event).into(), ..Trace::default() };
    sources.reference().write_trace(&KeptTrace::new("moves", "identity: task", "cargo lab trace", trace)).unwrap();
    let of = |good: Option<&str>, columns: Option<Vec<String>>| {
        let of = Described {
            experiment: String::new(),
            trace: Some("moves".to_string()),
            good: good.map(str::to_string),
            columns,
            ..described(Kind::Heat, &[])
        };
        of.figure("heat", &sources)
    };
    let Picture::Heat(heat) = of(Some("right"), None).unwrap().picture else { panic!("heat") };
    assert_eq!(heat.heads, ["", "thread 1", "thread 2"]);
    let word = |text: &str, mood| Word::new(text, mood);
    let none = || word("-", Mood::Faint);
    assert_eq!(
        heat.rows,
        [
            ("unit 2".to_string(), vec![word("1 wrong", Mood::Bad), word("2 right, 1 wrong", Mood::Bad)]),
            ("unit 3".to_string(), vec![none(), none()]),
            ("unit 10".to_string(), vec![none(), word("2 right", Mood::Good)]),
        ]
    );
    let Picture::Heat(heat) = of(None, None).unwrap().picture else { panic!("heat") };
    assert_eq!(heat.rows[2].1, [none(), word("2 right", Mood::Plain)]);
    let fault = of(None, Some(Vec::new())).unwrap_err().to_string();
    assert_eq!(fault, "a figure of this kind has no `columns`; it has trace, good");
}

#[test]
fn a_strip_has_the_runs_of_two_actors() {
    let (_folder, sources) = sources();
    for (name, actors) in [("one", &["b", "a", "a"][..]), ("two", &["a", "b"]), ("three", &["a", "b", "c"])] {
        sources.reference().write_trace(&kept(name, actors)).unwrap();
    }
    let of = |traces: &[&str]| {
        let traces = Some(traces.iter().map(ToString::to_string).collect());
        let counts = Some("digits".to_string());
        Described { experiment: String::new(), traces, counts, ..described(Kind::Strips, &[]) }.figure("id", &sources)
    };
    let Picture::Strips(strips) = of(&["one", "two"]).unwrap().picture else { panic!("strips") };
    assert_eq!(strips.kinds, ["a", "b"]);
    let rows = [("one", vec![0, 1, 2]), ("two", vec![1, 1])];
    assert_eq!(strips.panels[0].rows, rows.map(|(name, runs)| (name.to_string(), Strip::Runs(runs))));
    assert!(of(&["three"]).unwrap_err().to_string().contains("has not two actors"));
    assert_eq!(of(&[]).unwrap_err().to_string(), "`traces` names no trace");
}

#[test]
fn a_stacked_bar_has_a_value_for_each_quantity() {
    let folder = tempfile::tempdir().unwrap();
    let [own, reference] = ["own", "reference"].map(|name| Store::at(&folder.path().join(name)));
    let cells = vec![
        observed("thread", &[("resident", 8192.0), ("kernel", 4096.0)], None),
        observed("task", &[("resident", 512.0), ("kernel_below", 64.0)], None),
    ];
    write(&reference, "parked", cells);
    let sources = Sources::new(own, reference);
    let of = |quantities: &[&str]| {
        let quantities = Some(quantities.iter().map(ToString::to_string).collect());
        let parked = Described { experiment: "parked".to_string(), quantities, ..described(Kind::Stacked, &[]) };
        parked.figure("id", &sources)
    };
    let Picture::Stacked(stacked) = of(&["resident", "kernel"]).unwrap().picture else { panic!("stacked") };
    assert_eq!((stacked.axis.unit, stacked.segments.len()), (Unit::Bytes, 2));
    let words = |(name, values): &(String, Vec<Value>)| {
        (name.clone(), values.iter().map(|value| value.text(Unit::Bytes)).collect::<Vec<_>>())
    };
    let rows: Vec<_> = stacked.panels[0].rows.iter().map(words).collect();
    let expected = [("thread", ["8.00 KiB", "4.00 KiB"]), ("task", ["512 B", "< 64 B"])];
    assert_eq!(rows, expected.map(|(name, words)| (name.to_string(), words.map(str::to_string).to_vec())));
    assert_eq!(of(&["resident"]).unwrap_err().to_string(), "a stacked bar needs two `quantities` or more");
}

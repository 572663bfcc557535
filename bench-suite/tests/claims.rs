//! Every claim can fail: each is judged by evidence that agrees with it, and then by doctored evidence.
//!
//! The evidence is made up from the settings that the claims cover, so it is complete whatever was measured.

use std::collections::{BTreeMap, BTreeSet};

use bench_suite::child::End;
use bench_suite::child::probe::Stop;
use bench_suite::claim::{self, Claim, EVERY_CORE, Evidence, Finding, Verdict};
use bench_suite::spec::Outcome;
use bench_suite::store::{Cell, Found, Machine, Observation, Results, Series};
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use green_threads::workload::{Depth, Unit};

const CORES: usize = 2;
const MIB: f64 = 1024.0 * 1024.0;

type Setting = BTreeMap<String, String>;

fn figure(number: f64) -> Series {
    Series { unit: Unit::Count, rounds: vec![number] }
}

fn crash(says: &str) -> Stop {
    Stop::Ended(End::Crashes { signal: "SIGABRT".into(), says: says.into() })
}

/// The result of an experiment if every claim were right.
fn right(experiment: &str, subject: &str, setting: &Setting) -> Found {
    let is = |name: &str, value: &str| setting.get(name).is_some_and(|found| found == value);
    let (thread, goroutine) = (subject == "thread", subject == "goroutine");
    let mut stopped = None;
    let quantities: &[(&str, f64)] = match experiment {
        "stack" if is("variant", "deepest") => {
            stopped = Some(crash("it has overflowed its stack"));
            let asked = setting.get("stack").map_or(0.0, |stack| stack.parse().unwrap());
            &[("progress", if goroutine { 512.0 * MIB } else { asked * 0.95 })]
        }
        "stack" => &[("reserved", 2.0 * MIB), ("stack_most", 128.0 * MIB), ("stack_left", 4096.0)],
        "parked" => &[("resident", 2700.0), ("threads", f64::from(thread)), ("units", 1e6)],
        "switch" => &[("time", if thread { 4000.0 } else { 100.0 }), ("handed", 1.0)],
        "hog" => &[("before", if goroutine && !is("preemption", "asyncpreemptoff") { 100.0 } else { 0.0 })],
        "default_workers" => &[("default_workers", CORES as f64)],
        "blocking" => {
            let most = if is("variant", "syscall") { 66.0 } else { 4.0 };
            &[("threads_before", 4.0), ("threads_most", most), ("total", 6e7)]
        }
        "identity" => &[("thread_local_right", if thread { 16.0 } else { 1.0 }), ("argument_right", 16.0)],
        "runtime_herd" => &[("calls", 1.0), ("resident", 600.0)],
        "runtime_http" => &[("most_a_page", 1.0), ("requests", 1000.0)],
        "runtime_hit" if is("variant", "memo2") => &[("time", 50.0)],
        "runtime_hit" => &[("time", if thread { 5000.0 } else { 500.0 })],
        "conformance" if matches!(subject, "memo3::task" | "memo2::coroutine" | "memo3::coroutine") => {
            return Found::Outcome(Outcome::Kept);
        }
        "conformance" => return Found::Outcome(Outcome::Hangs { asleep: true }),
        _ => panic!("no result is made up for {experiment}"),
    };
    let quantities = quantities.iter().map(|(name, number)| (name.to_string(), figure(*number))).collect();
    match experiment {
        "switch" | "runtime_hit" => Found::Quantities(quantities),
        _ => Found::Observed(Observation { quantities, stopped, ..Observation::default() }),
    }
}

/// Results that agree with every claim: a cell of each subject in each setting that a claim covers.
fn complete() -> Vec<Results> {
    let mut all: BTreeMap<&str, Vec<Cell>> = BTreeMap::new();
    for claim in claim::all() {
        for (cover, subject) in claim
            .covers
            .iter()
            .flat_map(|cover| claim.subjects.iter().chain(claim.beside).map(move |subject| (cover, *subject)))
        {
            let cells = all.entry(cover.experiment).or_default();
            for setting in cover.settings(subject, CORES) {
                let setting: Setting = setting.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
                if !cells.iter().any(|cell| cell.subject == subject && cell.setting == setting) {
                    let found = right(cover.experiment, subject, &setting);
                    cells.push(Cell { subject: subject.to_string(), setting, found });
                }
            }
        }
    }
    let machine = Machine { cores: CORES, allowed_cores: CORES, limits: BTreeMap::new(), ..Machine::this() };
    let results = |(experiment, cells)| Results {
        machine: machine.clone(),
        ..Results::new(experiment, Depth::Quick, true, cells)
    };
    all.into_iter().map(results).collect()
}

/// A wrong value for a claim: the quantity, its wrong value, and the cells that get it. Without a quantity, kept
/// properties become hangs, and hangs become kept properties.
struct Wrong {
    claim: &'static str,
    figure: &'static str,
    value: f64,
    only: Option<(&'static str, &'static str)>,
}

const fn wrong(claim: &'static str, figure: &'static str, value: f64) -> Wrong {
    Wrong { claim, figure, value, only: None }
}

const WRONG: &[Wrong] = &[
    wrong("fixed-stack", "progress", 8.0 * MIB),
    wrong("two-megabytes", "reserved", 65_536.0),
    wrong("two-kilobytes", "resident", 8192.0),
    wrong("grows-to-1-gb", "progress", 256.0 * MIB),
    wrong("grows-to-1-gb", "stack_left", 128.0 * MIB),
    wrong("hundreds-of-thousands", "units", 15_000.0),
    wrong("cheaper-switch", "time", 3000.0),
    Wrong { only: Some(("variant", "yield")), ..wrong("cheaper-switch", "handed", 0.5) },
    Wrong { only: Some(("preemption", "default")), ..wrong("no-timer", "before", 0.0) },
    Wrong { only: Some(("preemption", "asyncpreemptoff")), ..wrong("no-timer", "before", 100.0) },
    wrong("gomaxprocs-default", "default_workers", 1.0),
    wrong("waiting-needs-no-thread", "threads", 1.0),
    wrong("waiting-needs-no-thread", "threads_most", 68.0),
    Wrong { only: Some(("variant", "syscall")), ..wrong("system-call-takes-a-thread", "threads_most", 6.0) },
    wrong("no-identity", "thread_local_right", 16.0),
    wrong("one-call-for-a-crowd", "calls", 9999.0),
    wrong("one-request-a-page", "most_a_page", 2.0),
    wrong("one-request-a-page", "requests", 999.0),
    wrong("a-hit-needs-no-runtime", "time", 500.0),
    Wrong { only: Some(("variant", "memo3")), ..wrong("a-monitor-suits-light-units", "time", 2500.0) },
    wrong("a-waiter-is-light", "resident", 4096.0),
    wrong("thread-memos-stay-on-threads", "", 0.0),
    wrong("a-call-of-its-own", "", 0.0),
];

impl Wrong {
    /// Whether `cell` has the quantity that gets the wrong value.
    fn is_in(&self, cell: &Cell) -> bool {
        let has = match &cell.found {
            Found::Quantities(quantities) => quantities.contains_key(self.figure),
            Found::Observed(seen) => seen.quantities.contains_key(self.figure),
            _ => self.figure.is_empty(),
        };
        has && self.only.is_none_or(|(name, value)| cell.setting.get(name).is_some_and(|found| found == value))
    }

    fn put(&self, cell: &mut Cell) {
        let wrong = figure(self.value);
        match &mut cell.found {
            Found::Quantities(quantities) => drop(quantities.insert(self.figure.into(), wrong)),
            Found::Observed(seen) => drop(seen.quantities.insert(self.figure.into(), wrong)),
            Found::Outcome(outcome) if *outcome == Outcome::Kept => *outcome = Outcome::Hangs { asleep: true },
            Found::Outcome(outcome) => *outcome = Outcome::Kept,
            Found::Absent { .. } => unreachable!("the made-up evidence has no absent cells"),
        }
    }
}

/// The cells of `subject` that `claim` covers.
fn covered<'a>(claim: &Claim, subject: &str, store: &'a mut [Results]) -> Vec<&'a mut Cell> {
    let is = |experiment: &str, cell: &Cell| {
        let covers = claim.covers.iter().filter(|cover| cover.experiment == experiment);
        covers
            .flat_map(|cover| cover.settings(subject, CORES))
            .any(|setting| setting.iter().all(|(name, value)| cell.setting.get(*name) == Some(value)))
    };
    let of = |results: &'a mut Results| {
        let experiment = &results.experiment;
        results.cells.iter_mut().filter(|cell| cell.subject == subject && is(experiment, cell)).collect::<Vec<_>>()
    };
    store.iter_mut().flat_map(of).collect()
}

/// The verdict of `claim` on `subject`.
fn verdict(claim: &Claim, subject: &str, store: &[Results]) -> Verdict {
    let findings = claim.judge(&Evidence::of(store.to_vec()));
    let of = |finding: &&Finding| finding.subject == subject;
    findings.iter().find(of).and_then(|finding| finding.verdict).expect("every subject has a verdict")
}

/// Makes the stores in which the results of one subject are doctored. The list is empty if the claim offers no way
/// to do that: a single cell has no half.
type Doctor = fn(&Claim, &str) -> Vec<Vec<Results>>;

const WAYS: &[(&str, Doctor)] = &[
    ("wrong value", |claim, subject| {
        let doctored = |wrong: &Wrong| {
            let mut store = complete();
            let cells = covered(claim, subject, &mut store).into_iter().filter(|cell| wrong.is_in(cell));
            let changed = cells.map(|cell| wrong.put(cell)).count();
            (changed > 0).then_some(store)
        };
        WRONG.iter().filter(|wrong| wrong.claim == claim.id).filter_map(doctored).collect()
    }),
    ("crash", |claim, subject| {
        let mut store = complete();
        for cell in covered(claim, subject, &mut store) {
            cell.found = match cell.found {
                Found::Outcome(_) => Found::Outcome(Outcome::Crashes { signal: "SIGSEGV".into() }),
                _ => Found::Observed(Observation { stopped: Some(crash("nothing")), ..Observation::default() }),
            };
        }
        vec![store]
    }),
    ("no experiment", |claim, _| {
        let experiments: BTreeSet<_> = claim.covers.iter().map(|cover| cover.experiment).collect();
        let without = |experiment| complete().into_iter().filter(|results| results.experiment != experiment).collect();
        experiments.into_iter().map(without).collect()
    }),
    ("half of it", |claim, subject| {
        let mut store = complete();
        let cells = covered(claim, subject, &mut store);
        if cells.len() < 2 {
            return Vec::new();
        }
        cells.into_iter().step_by(2).for_each(|cell| cell.subject = "another".to_string());
        vec![store]
    }),
    ("one wrong cell", |claim, subject| {
        let doctored = |wrong: &Wrong| {
            let mut store = complete();
            let cells = covered(claim, subject, &mut store);
            if cells.len() < 2 {
                return None;
            }
            cells.into_iter().rfind(|cell| wrong.is_in(cell)).map(|cell| wrong.put(cell))?;
            Some(store)
        };
        WRONG.iter().filter(|wrong| wrong.claim == claim.id).filter_map(doctored).collect()
    }),
    ("3 cores", |_, _| {
        let mut store = complete();
        store.iter_mut().for_each(|results| results.machine.allowed_cores = 3);
        vec![store]
    }),
    ("partial", |claim, _| {
        let mut store = complete();
        let is = |results: &&mut Results| claim.covers.iter().any(|cover| cover.experiment == results.experiment);
        store.iter_mut().filter(is).for_each(|results| results.complete = false);
        vec![store]
    }),
    ("a trial", |_, _| {
        let mut store = complete();
        store.iter_mut().for_each(|results| results.depth = Depth::Trial);
        vec![store]
    }),
    ("two machines", |claim, _| {
        let (first, last) = (claim.covers[0].experiment, claim.covers[claim.covers.len() - 1].experiment);
        let mut store = complete();
        store
            .iter_mut()
            .filter(|results| results.experiment == last)
            .for_each(|results| results.machine.kernel.push('x'));
        if first == last { Vec::new() } else { vec![store] }
    }),
];

/// Whether the number of cores of the machine matters to what `claim` says of `subject`.
fn depends_on_cores(claim: &Claim, subject: &str) -> bool {
    let settings = |cores| claim.covers.iter().map(move |cover| cover.settings(subject, cores)).collect::<Vec<_>>();
    claim.id == "gomaxprocs-default" || settings(CORES) != settings(3)
}

#[test]
fn doctored_results_never_bear_a_claim_out() {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["claim", "complete"].into_iter().chain(WAYS.iter().map(|way| way.0)));
    let mut survived = Vec::new();
    for claim in claim::all() {
        let before: BTreeMap<_, _> = claim.subjects.iter().map(|of| (*of, verdict(claim, of, &complete()))).collect();
        for (subject, verdict) in &before {
            let expected = claim.pinned.unwrap_or(match claim.id {
                "no-timer" => Verdict::OutdatedSince("Go 1.14"),
                _ => Verdict::Holds,
            });
            assert_eq!(*verdict, expected, "{} of {subject}, judged by complete evidence", claim.id);
        }
        let mut row = vec![claim.id.to_string(), words(before.values().copied())];
        for (way, doctor) in WAYS {
            let mut after = Vec::new();
            for (subject, before) in &before {
                let stores = doctor(claim, subject);
                assert!(
                    *way != "wrong value" || !stores.is_empty(),
                    "{} of {subject} has no wrong value to be tried with",
                    claim.id
                );
                for store in stores {
                    let verdict = verdict(claim, subject, &store);
                    let immune = *way == "3 cores" && !depends_on_cores(claim, subject);
                    if verdict == *before && !immune {
                        survived.push(format!("{} of {subject}: {way}", claim.id));
                    }
                    after.push(verdict);
                }
            }
            row.push(words(after.into_iter()));
        }
        table.add_row(row);
    }
    println!("{table}");
    assert!(survived.is_empty(), "these claims have the same verdict by doctored results: {survived:#?}");
}

fn words(verdicts: impl Iterator<Item = Verdict>) -> String {
    let distinct: BTreeSet<String> = verdicts.map(Verdict::words).collect();
    if distinct.is_empty() { "-".to_string() } else { distinct.into_iter().collect::<Vec<_>>().join(", ") }
}

#[test]
fn cores_matter_to_some_claims() {
    let mentions = |claim: &&Claim| {
        let values = claim.covers.iter().flat_map(|cover| cover.setting).flat_map(|(_, values)| *values);
        values.copied().any(|value| value == EVERY_CORE)
    };
    assert!(claim::all().filter(mentions).count() >= 5);
}

/// Times differ from machine to machine, so no test asserts them.
#[test]
fn no_claim_about_a_time_is_pinned() {
    let timed = ["switch", "runtime_hit"];
    for claim in claim::all().filter(|claim| timed.contains(&claim.covers[0].experiment)) {
        assert_eq!(claim.pinned, None, "{}", claim.id);
    }
}

#[test]
fn what_a_statement_does_not_speak_of_gets_no_verdict() {
    let evidence = Evidence::of(complete());
    for claim in claim::all() {
        for finding in claim.judge(&evidence) {
            let is_subject = claim.subjects.contains(&finding.subject);
            assert_eq!(finding.verdict.is_some(), is_subject, "{}: {finding:?}", claim.id);
            assert!(is_subject || (finding.pinned.is_none() && !finding.is_broken()), "{}: {finding:?}", claim.id);
        }
    }
}

/// The verdict *outdated* needs both runs: with the signals that Go 1.14 introduced, and without them.
#[test]
fn the_timer_is_judged_by_both_runs() {
    let claim = claim::all().find(|claim| claim.id == "no-timer").unwrap();
    let judged = |by_default: &[f64; 2], off: &[f64; 2]| {
        let mut store = complete();
        for cell in covered(claim, "goroutine", &mut store) {
            let placement = usize::from(cell.setting["placement"] == "one-core");
            let before = if cell.setting["preemption"] == "default" { by_default } else { off };
            wrong("no-timer", "before", before[placement]).put(cell);
        }
        verdict(claim, "goroutine", &store)
    };
    assert_eq!(judged(&[100.0, 97.0], &[0.0, 1.0]), Verdict::OutdatedSince("Go 1.14"));
    assert_eq!(judged(&[0.0, 1.0], &[1.0, 0.0]), Verdict::Holds);
    for (by_default, off) in
        [([100.0; 2], [100.0; 2]), ([0.0; 2], [100.0; 2]), ([100.0, 0.0], [0.0; 2]), ([9.0; 2], [0.0; 2])]
    {
        assert_eq!(judged(&by_default, &off), Verdict::DoesNotHold, "{by_default:?} {off:?}");
    }
}

/// Only a kept property and a hang decide the claims about hangs.
#[test]
fn what_is_neither_kept_nor_hangs_decides_nothing() {
    let undecided = [
        Outcome::Undecided,
        Outcome::Broken { how: "two calls".into() },
        Outcome::Crashes { signal: "SIGSEGV".into() },
        Outcome::CannotBe { why: "it has no futures".into() },
    ];
    for claim in claim::all().filter(|claim| claim.covers[0].experiment == "conformance") {
        for (subject, outcome) in
            claim.subjects.iter().flat_map(|of| undecided.iter().map(move |outcome| (of, outcome)))
        {
            let mut store = complete();
            covered(claim, subject, &mut store)
                .into_iter()
                .for_each(|cell| cell.found = Found::Outcome(outcome.clone()));
            assert_eq!(verdict(claim, subject, &store), Verdict::NotMeasured, "{} of {subject}: {outcome}", claim.id);
        }
    }
}

/// If threads have a monitor that is just as fast, a fast monitor is not a merit of light units.
#[test]
fn light_units_are_compared_with_threads() {
    let claim = claim::all().find(|claim| claim.id == "a-monitor-suits-light-units").unwrap();
    let mut store = complete();
    for cell in covered(claim, "thread", &mut store).into_iter().filter(|cell| cell.setting["variant"] == "memo3") {
        wrong("", "time", 100.0).put(cell);
    }
    assert_eq!(verdict(claim, "task", &store), Verdict::DoesNotHold);
}

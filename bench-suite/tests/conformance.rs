//! Every subject keeps what it promises, and fails where it is declared to fail.

use std::process::Command;
use std::time::Duration;

use bench_suite::child::{self, Patience};
use bench_suite::place::lab;
use bench_suite::spec::matrix::{self, Situation, Tried};
use bench_suite::spec::{Outcome, PROPERTIES, storm};
use bench_suite::subject::Callers::{self, Threads};

fn outcome(callers: Callers, subject: &'static str, property: &'static str) -> Tried {
    matrix::try_one(&lab(), Situation { callers, subject, property }, storm::SEED).unwrap()
}

#[test]
fn the_matrix_is_as_declared() {
    let situations = matrix::all();
    let tried = matrix::run(&lab(), &situations, storm::SEED, &|_| {}).unwrap();
    assert_eq!(tried.len(), situations.len());
    let surprises: Vec<_> = tried.iter().filter(|tried| tried.as_declared == Some(false)).collect();
    assert!(surprises.is_empty(), "not as declared: {surprises:#?}");
    // An undecided outcome is not a failure: the machine was too busy, or it does not run Linux.
    let undecided: Vec<_> = tried.iter().filter(|tried| tried.outcome == Outcome::Undecided).collect();
    println!("undecided: {undecided:#?}");
}

/// The student's memo is tried like the others, but never judged: this test passes whatever that memo does.
#[test]
fn mine_is_never_judged() {
    for property in ["right-values", "same-key"] {
        let tried = outcome(Threads, "mine", property);
        assert_eq!(tried.as_declared, None, "{tried:?}");
    }
}

/// The outcome of a hang differs from that of a crash and from that of a wrong answer.
#[test]
fn each_kind_of_failure_is_told() {
    let outcome = |subject, property| outcome(Threads, subject, property).outcome;
    let hang = if cfg!(target_os = "linux") { Outcome::Hangs { asleep: true } } else { Outcome::Undecided };
    assert_eq!(outcome("memo2::coarse", "distinct-keys-overlap"), hang);
    let crash = outcome("memo2::duplicating", "same-key");
    match cfg!(unix) {
        true => assert_eq!(crash, Outcome::Crashes { signal: "SIGABRT".into() }),
        false => assert!(matches!(crash, Outcome::Crashes { .. }), "{crash:?}"),
    }
    assert!(matches!(outcome("memo2::duplicating", "one-call"), Outcome::Broken { .. }));
    assert!(matches!(outcome("memo1", "one-call"), Outcome::CannotBe { .. }));
    assert_eq!(outcome("memo1", "errors-are-kept"), Outcome::Kept);
}

/// No two properties have the same id. Coroutines and tasks try the storms, and threads do not.
#[test]
fn a_property_is_listed_once() {
    let ids: Vec<_> = PROPERTIES.iter().map(|property| property.id).collect();
    assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:?}");
    for callers in Callers::ALL {
        let ids: Vec<_> = matrix::properties(callers).iter().map(|property| property.id).collect();
        assert!(storm::PROPERTIES.iter().any(|id| ids.contains(id)) == (callers != Threads));
    }
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let patience = Patience::new(Duration::from_secs(10), Duration::from_secs(60));
    let report = child::run(Command::new(lab()).args(["conformance", "memo9"]), patience).unwrap();
    assert_eq!(report.end.status(), Some(2));
    assert!(report.stderr.contains("\"memo9\"") && report.stderr.contains("memos: memo1, "), "{}", report.stderr);
    assert!(report.stderr.contains("properties: one-call, "), "{}", report.stderr);
}

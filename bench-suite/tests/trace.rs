//! Traces of real runs, and `cargo lab trace` as a user sees it.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};
use std::time::Duration;

use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{NoAnswer, Programs, Session, Stop};
use bench_suite::place;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Answer, Model, Preemption, Setup};
use green_threads::probe::trace::Trace;

fn ask(setup: &Setup, iterations: u64) -> Result<Answer, NoAnswer> {
    let programs = Programs { lab: place::lab(), twin: Twin::Skipped("it records no trace".to_string()) };
    Session::start(&programs, setup, Duration::from_secs(60))?.ask(iterations)
}

fn setup(workload: &str, variant: &str, model: Model, n: u64) -> Setup {
    let workers = match model {
        Model::Thread => 0,
        Model::TaskCurrentThread => 1,
        _ => 2,
    };
    Setup {
        workload: workload.to_string(),
        variant: variant.to_string(),
        model,
        workers,
        stack: 256 << 10,
        placement: Placement::Free,
        n,
        preemption: Preemption::Default,
        trace: true,
    }
}

fn trace(setup: &Setup, iterations: u64) -> Trace {
    let answer = ask(setup, iterations).unwrap_or_else(|ended| panic!("{setup:?}: {}", ended.why));
    answer.trace.unwrap_or_else(|| panic!("{setup:?}: no trace"))
}

fn lab(arguments: &[&str]) -> Output {
    Command::new(place::lab()).arg("trace").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn without_being_asked_a_child_records_nothing() {
    let off = Setup { trace: false, ..setup("identity", "", Model::Coroutine, 5) };
    let answer = ask(&off, 1).unwrap();
    assert_eq!(answer.trace, None);
    assert!(!serde_json::to_string(&answer).unwrap().contains("trace"));
}

#[test]
fn a_trace_that_cannot_be_is_refused_with_the_reason() {
    for (setup, iterations, reason) in [
        (setup("ping_pong", "", Model::Coroutine, 2), 1, "ping_pong records no trace"),
        (setup("wakeup", "", Model::Coroutine, 10), 101, "a trace has at most 100 iterations"),
    ] {
        match ask(&setup, iterations) {
            Err(NoAnswer { why: Stop::Refused(why), .. }) => assert!(why.contains(reason), "{why}"),
            other => panic!("{setup:?}: {other:?}"),
        }
    }
}

/// `may` gives half of the short coroutines to the hog's worker, where they wait for the hog's end.
#[test]
fn the_short_coroutines_behind_a_hog_run_after_it() {
    const SHORTS: usize = 100;
    let trace = trace(&setup("hog", "calls", Model::Coroutine, SHORTS as u64), 1);
    let hog = trace.events.iter().find(|event| event.actor == "hog").unwrap();
    let shorts: Vec<_> = trace.events.iter().filter(|event| event.actor.starts_with("short ")).collect();
    assert_eq!((shorts.len(), trace.threads.len(), trace.dropped), (SHORTS, 2, 0));
    let behind = shorts.iter().filter(|short| short.thread == hog.thread);
    assert!(behind.clone().all(|short| short.at >= hog.end()), "a hog never yields: {trace:?}");
    assert!(behind.count() > 0, "{trace:?}");
    // A busy machine may give the other worker its turn late, but none of the shorts behind the hog can run early.
    let before = shorts.iter().filter(|short| short.at < hog.end()).count();
    assert!((1..=SHORTS * 2 / 3).contains(&before), "{before} of {SHORTS} ran before the hog's end: {trace:?}");
}

#[test]
fn every_model_that_is_traced_says_what_its_units_did() {
    for model in [Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread] {
        let hog = trace(&setup("hog", "calls", model, 3), 1);
        assert_eq!(hog.events.len(), 4, "{model}: {hog:?}");
        let identity = trace(&setup("identity", "", model, 10), 1);
        assert_eq!(identity.events.len(), 160, "{model}: {identity:?}");
        assert!(identity.events.windows(2).all(|pair| pair[0].at <= pair[1].at), "{model}: {identity:?}");
        let wakeup = trace(&setup("wakeup", "", model, 1000), 5);
        let did = |what: &str| wakeup.events.iter().filter(|event| event.did == what).count();
        assert_eq!((did("works"), did("ran")), (5, 5), "{model}: {wakeup:?}");
        for variant in ["sleep", "syscall"] {
            let blocking = trace(&setup("blocking", variant, model, 4), 1);
            assert_eq!(blocking.events.len(), 4, "{model} {variant}: {blocking:?}");
            let waits = model != Model::Thread && variant == "sleep";
            for event in &blocking.events {
                assert_eq!(event.thread.is_none(), waits, "{model} {variant}: {event:?}");
                assert!(event.until > Some(event.at), "{model} {variant}: {event:?}");
            }
        }
    }
}

/// A worker that blocks runs nothing else, so the spans on one thread never overlap.
#[test]
fn one_worker_makes_blocking_calls_one_after_the_other() {
    for model in [Model::Coroutine, Model::Task, Model::TaskCurrentThread] {
        let trace = trace(&Setup { workers: 1, ..setup("blocking", "syscall", model, 4) }, 1);
        assert_eq!(trace.threads.len(), 1, "{model}: {trace:?}");
        assert!(trace.events.windows(2).all(|pair| pair[0].end() <= pair[1].at), "{model}: {trace:?}");
    }
}

#[test]
fn the_command_shows_lanes_and_writes_a_file_for_perfetto() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hog.json");
    let output = lab(&["hog", "--chrome", file.to_str().unwrap()]);
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    for line in ["hog (calls): thread, ", "hog (calls): coroutine, 2 workers", "H hog   s short (12)", "thread 2 "] {
        assert!(says.contains(line), "{line}: {says}");
    }
    assert!(says.contains("Goroutines are not traced"), "{says}");
    assert_eq!(says.contains("This is a debug build"), cfg!(debug_assertions), "{says}");
    assert!(!says.contains('\u{1b}'), "no colour without a terminal: {says}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let processes = json["traceEvents"].as_array().unwrap().iter().filter(|event| event["name"] == "process_name");
    assert_eq!(processes.count(), 3, "a process for each model: {json}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");

    let output = lab(&["blocking", "--model", "task-current-thread", "--placement", "one-core"]);
    let says = text(&output.stdout);
    assert!(says.contains("\nblocking (syscall): task-current-thread, 1 worker, on one core\n"), "{says}");
    assert!(says.contains("  8 units\n\n01234567 unit by number   . nothing\n"), "{says}");

    let output = lab(&["blocking", "--variant", "sleep", "--model", "coroutine", "--workers", "2", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json[0]["setup"]["workers"], &json[0]["setup"]["variant"]), (&2.into(), &"sleep".into()));
    assert_eq!(json[0]["trace"]["events"].as_array().unwrap().len(), 8);
}

#[test]
fn a_command_that_makes_no_sense_is_an_error_with_all_that_there_are() {
    for (arguments, reasons) in [
        (&["pingpong"] as &[&str], &["\"pingpong\"", "hog, blocking, wakeup, identity"] as &[&str]),
        (&["spawn"], &["\"spawn\"", "hog, blocking, wakeup, identity"]),
        (&["hog", "--variant", "x"], &["hog has no variant \"x\"", "calls, no-calls"]),
        (&["identity", "--variant", "x"], &["identity has no variants"]),
        (&["hog", "--model", "goroutine"], &["task-current-thread"]),
        (&["hog", "--placement", "x"], &["one-core"]),
        (&["hog", "--workers", "0"], &["0 workers run nothing"]),
        (&["hog", "--model", "thread", "--workers", "2"], &["OS threads have no workers"]),
        (&["hog", "--model", "task-current-thread", "--workers", "2"], &["has one worker, not 2"]),
        (&["blocking", "--model", "thread", "--variant", "offload"], &["it makes its system calls itself"]),
    ] {
        let output = lab(arguments);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {says}");
        assert!(reasons.iter().all(|reason| says.contains(reason)), "{arguments:?}: {says}");
    }
}

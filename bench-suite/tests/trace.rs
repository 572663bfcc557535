//! Traces of real runs, and `cargo lab trace` as a user sees it.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{NoAnswer, Programs, Session, Stop};
use bench_suite::figure::Strip;
use bench_suite::place;
use bench_suite::store::{KeptTrace, Store};
use bench_suite::trace::{Herd, lanes};
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Answer, Model, Preemption, Setup};
use green_threads::probe::trace::{Event, Trace};
use serde_json::Value;

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

/// Runs `cargo lab trace` with a store of its own.
fn lab(store: &Path, arguments: &[&str]) -> Output {
    Command::new(place::lab()).arg("trace").args(arguments).env("LAB_STORE", store).output().unwrap()
}

/// Checks that the file is what Perfetto reads, and returns the number of its processes.
fn processes_in_chrome(file: &Path) -> usize {
    let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    for event in events {
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        let has_time = event["ts"].as_f64().is_some_and(|time| time >= 0.0);
        match event["ph"].as_str().unwrap() {
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            "X" => assert!(has_time && event["dur"].as_f64().is_some_and(|time| time >= 0.0), "{event}"),
            "i" => assert!(has_time && event["s"] == "t", "{event}"),
            other => panic!("{other}: {event}"),
        }
        let track = |other: &&Value| other["name"] == "thread_name" && other["pid"] == event["pid"];
        let has_track = events.iter().filter(track).any(|track| track["tid"] == event["tid"]);
        assert!(has_track || event["ph"] == "M", "no track has a name for {event}");
    }
    events.iter().filter(|event| event["name"] == "process_name").count()
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

/// The end of the recording is no evidence of a hang; the suite has other evidence. On a busy machine B may not have
/// begun when a recording ends. Then there is another one.
#[test]
fn units_that_hang_are_recorded_until_they_wait_for_each_other() {
    let lock = |variant: &str, model: Model| {
        let workers = usize::from(model != Model::Thread);
        trace(&Setup { workers, ..setup("lock_across_yield", variant, model, 2) }, 1)
    };
    let find = |trace: &Trace, actor: &str, did: &str| {
        trace.events.iter().find(|event| event.actor == actor && event.did == did).cloned()
    };
    let recorded = (0..20).find_map(|_| {
        let trace = lock("os", Model::Coroutine);
        find(&trace, "B", "blocks in lock").map(|blocks| (trace, blocks))
    });
    let (hang, blocks) = recorded.expect("B runs in one of twenty recordings");
    let end = hang.events.iter().map(Event::end).max();
    let waits = find(&hang, "A", "waits, and holds the lock").unwrap();
    assert_eq!((waits.thread, blocks.thread, hang.threads.len()), (None, Some(0), 1), "{hang:?}");
    assert_eq!([Some(waits.end()), Some(blocks.end())], [end, end], "{hang:?}");
    assert_eq!([find(&hang, "A", "unlocks"), find(&hang, "B", "has had the lock")], [None, None], "{hang:?}");

    for model in [Model::Task, Model::TaskCurrentThread] {
        let own = lock("own", model);
        let waits = find(&own, "B", "waits for the lock").unwrap();
        let unlocks = find(&own, "A", "unlocks").unwrap();
        assert_eq!(waits.thread, None, "{model}: {own:?}");
        assert!(waits.at <= unlocks.at && unlocks.at <= waits.end(), "{model}: {own:?}");
    }
    let threads = lock("os", Model::Thread);
    let [unlocks, has] = [("A", "unlocks"), ("B", "has had the lock")].map(|(unit, did)| find(&threads, unit, did));
    assert!(unlocks.unwrap().at <= has.unwrap().at, "{threads:?}");
    let hangs = Setup { trace: true, ..setup("lock_across_yield", "os", Model::TaskCurrentThread, 2) };
    match ask(&hangs, 1) {
        Err(NoAnswer { why: Stop::Refused(why), .. }) => assert!(why.contains("it hangs"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_model_that_is_traced_says_what_its_units_did() {
    for model in [Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread] {
        let hog = trace(&setup("hog", "calls", model, 3), 1);
        assert_eq!(hog.events.len(), 4, "{model}: {hog:?}");
        let identity = trace(&setup("identity", "", model, 10), 1);
        assert_eq!(identity.events.len(), 160, "{model}: {identity:?}");
        // No unit writes any more, so each thread's copy belongs to one unit. With several copies, it may be none.
        let right = identity.events.iter().filter(|event| event.did == "right");
        let right: BTreeSet<_> = right.map(|event| (event.thread, &event.actor)).collect();
        let threads: BTreeSet<_> = right.iter().map(|(thread, _)| thread).collect();
        assert_eq!(right.len(), threads.len(), "{model}: {identity:?}");
        assert!(identity.events.iter().all(|event| ["right", "wrong"].contains(&&*event.did)), "{model}: {identity:?}");
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

/// The spans of a trace of `zero_one` are the digits of its line, so they show whether units take turns.
#[test]
fn one_worker_writes_all_ones_before_all_zeros() {
    for model in [Model::Coroutine, Model::Task, Model::TaskCurrentThread] {
        let line = trace(&Setup { workers: 1, ..setup("zero_one", "", model, 100) }, 1);
        assert_eq!(Strip::of(&line, "ones"), Strip::Runs(vec![100, 100]), "{model}: {line:?}");
        assert_eq!(Strip::of(&line, "zeros"), Strip::Runs(vec![0, 100, 100]), "{model}: {line:?}");
    }
    let line = trace(&setup("zero_one", "", Model::Thread, 100), 1);
    let Strip::Runs(runs) = Strip::of(&line, "ones") else { panic!("{line:?}") };
    assert_eq!((runs.iter().sum::<u64>(), line.dropped), (200, 0), "{line:?}");
    assert!(line.events.windows(2).all(|pair| pair[0].actor != pair[1].actor), "{line:?}");
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
    let store = folder.path().join("lab");
    let file = folder.path().join("hog.json");
    let output = lab(&store, &["hog", "--chrome", file.to_str().unwrap()]);
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    for line in ["hog (calls): thread, ", "hog (calls): coroutine, 2 workers", "H hog   s short (12)", "thread 2 "] {
        assert!(says.contains(line), "{line}: {says}");
    }
    assert!(says.contains("Goroutines are not traced"), "{says}");
    assert_eq!(says.contains("This is a debug build"), cfg!(debug_assertions), "{says}");
    assert!(!says.contains('\u{1b}'), "no colour without a terminal: {says}");
    assert_eq!(processes_in_chrome(&file), 3, "a process for each model");
    let files = std::fs::read_dir(store.join("traces")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["hog-calls-coroutine-2.json", "hog-calls-task-2.json", "hog-calls-thread.json"]);
    let kept = Store::at(&store).read_trace("hog-calls-coroutine-2").unwrap().unwrap();
    assert_eq!(kept.command, "cargo lab trace hog --variant calls --model coroutine --workers 2");
    assert!(says.contains(&format!("{}\n{}", kept.title, lanes(&kept.trace))), "{kept:?}: {says}");

    let output = lab(&store, &["blocking", "--model", "task-current-thread", "--placement", "one-core"]);
    let says = text(&output.stdout);
    assert!(says.contains("\nblocking (syscall): task-current-thread, 1 worker, on one core\n"), "{says}");
    assert!(says.contains("  8 units\n\n01234567 unit by number   . nothing\n"), "{says}");

    let output = lab(&store, &["blocking", "--variant", "sleep", "--model", "coroutine", "--workers", "2", "--json"]);
    let traces: Vec<KeptTrace> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((traces.len(), &*traces[0].name), (1, "blocking-sleep-coroutine-2"));
    assert_eq!(traces[0].trace.events.len(), 8);
    assert_eq!(Store::at(&store).read_trace(&traces[0].name).unwrap(), Some(traces[0].clone()));
}

#[test]
fn a_trace_that_cannot_be_kept_is_shown_and_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let output = lab(&file, &["herd", "--delay", "1"]);
    let (says, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{says}{error}");
    assert!(says.contains("caller 6 ") && error.contains("error: herd-memo2-delay-1 is not kept: "), "{says}{error}");
}

/// The calls of `f` in a trace.
fn runs(trace: &Trace) -> Vec<&Event> {
    trace.events.iter().filter(|event| event.did.starts_with("runs f for ")).collect()
}

fn overlap(one: &Event, other: &Event) -> bool {
    one.at < other.end() && other.at < one.end()
}

#[test]
fn every_memo_gives_each_caller_its_value() {
    for about in bench_suite::subject::made_for(bench_suite::subject::Callers::Threads) {
        let herd = Herd { memo: about.name.to_string(), callers: 7, keys: 3, delay: Duration::from_millis(1) };
        let Some(trace) = herd.record() else {
            assert_eq!(about.name, "memo1", "threads can share every other memo");
            continue;
        };
        for number in 1..=7 {
            let name = format!("caller {number}");
            let its: Vec<_> = trace.events.iter().filter(|event| event.actor == name).collect();
            let key = ["c", "a", "b"][number % 3];
            let waits = its[0];
            assert_eq!(waits.did, format!("waits for {key}"), "{}: {trace:?}", about.name);
            let (last, between) = its[1..].split_last().unwrap();
            assert_eq!((&*last.did, last.until), ("has the value", None), "{}: {trace:?}", about.name);
            assert!(between.len() <= 1 && waits.end() <= its[1].at, "{}: {trace:?}", about.name);
            assert!(between.iter().all(|runs| runs.did == format!("runs f for {key}")), "{}: {trace:?}", about.name);
        }
        let runs = runs(&trace);
        assert!(runs.iter().all(|run| run.did != "runs f for c"), "{}: c is a hit: {trace:?}", about.name);
        assert!(runs.iter().any(|run| run.did == "runs f for b"), "{}: {trace:?}", about.name);
    }
}

/// What each memo is there to show. `f` takes so long that all callers have asked before it ends.
#[test]
fn the_memos_of_the_ladder_differ_as_their_lessons_say() {
    let record = |memo: &str| {
        let herd = Herd { memo: memo.to_string(), callers: 6, keys: 3, delay: Duration::from_millis(500) };
        herd.record().unwrap()
    };
    let coarse = record("memo2::coarse");
    let [first, second] = runs(&coarse)[..] else { panic!("two keys are cold: {coarse:?}") };
    assert!(!overlap(first, second), "one call at a time: {coarse:?}");

    let duplicating = record("memo2::duplicating");
    assert_eq!(runs(&duplicating).len(), 4, "each caller of a cold key calls f: {duplicating:?}");

    let memo2 = record("memo2");
    let [first, second] = runs(&memo2)[..] else { panic!("two keys are cold: {memo2:?}") };
    assert!(overlap(first, second) && first.did != second.did, "distinct keys at the same time: {memo2:?}");
    assert!(first.actor.starts_with("caller "), "a caller makes the call: {memo2:?}");

    let memo3 = record("memo3");
    let [first, second] = runs(&memo3)[..] else { panic!("two keys are cold: {memo3:?}") };
    assert!(overlap(first, second), "distinct keys at the same time: {memo3:?}");
    assert_ne!(first.actor, second.actor, "{memo3:?}");
    assert!([first, second].iter().all(|run| run.actor.starts_with("memo thread ")), "{memo3:?}");
}

#[test]
fn the_command_shows_the_herds_of_several_memos() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("herds.json");
    let memos = ["--memo", "memo2::coarse", "--memo", "memo3"];
    let rest = ["--callers", "4", "--keys", "2", "--chrome", file.to_str().unwrap()];
    let output = lab(folder.path(), &[&["herd"] as &[_], &memos, &rest].concat());
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    for line in ["herd: memo2::coarse, 4 callers, 2 keys", "caller 4 ", "memo thread 1", "A runs f for a"] {
        assert!(says.contains(line), "{line}: {says}");
    }
    assert_eq!(processes_in_chrome(&file), 2);
    for (name, memo) in [("herd-memo2-coarse", "memo2::coarse"), ("herd-memo3", "memo3")] {
        let kept = Store::at(folder.path()).read_trace(&format!("{name}-callers-4-keys-2")).unwrap().unwrap();
        assert_eq!(kept.command, format!("cargo lab trace herd --memo {memo} --callers 4 --keys 2"));
    }
}

#[test]
fn a_command_that_makes_no_sense_is_an_error_with_all_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, reasons) in [
        (&["herd", "--memo", "memo1"] as &[&str], &["memo1", "memo2::coarse, "] as &[&str]),
        (&["herd", "--callers", "0"], &["1..=64"]),
        (&["herd", "--keys", "7"], &["1..=6"]),
        (&["herd", "--model", "task"], &["--model"]),
        (&[], &["<WORKLOAD>"]),
        (&["pingpong"], &["\"pingpong\"", "zero_one, hog, blocking, wakeup, identity, lock_across_yield"]),
        (&["spawn"], &["\"spawn\"", "zero_one, hog, blocking, wakeup, identity, lock_across_yield"]),
        (&["hog", "--variant", "x"], &["hog has no variant \"x\"", "calls, no-calls"]),
        (&["identity", "--variant", "x"], &["identity has no variants"]),
        (&["hog", "--model", "goroutine"], &["task-current-thread"]),
        (&["hog", "--placement", "x"], &["one-core"]),
        (&["hog", "--workers", "0"], &["0 workers run nothing"]),
        (&["hog", "--model", "thread", "--workers", "2"], &["OS threads have no workers"]),
        (&["hog", "--model", "task-current-thread", "--workers", "2"], &["has one worker, not 2"]),
        (&["blocking", "--model", "thread", "--variant", "offload"], &["it makes its system calls itself"]),
    ] {
        let output = lab(folder.path(), arguments);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {says}");
        assert!(reasons.iter().all(|reason| says.contains(reason)), "{arguments:?}: {says}");
    }
}

/// The figures of the book are drawn from them.
#[test]
fn the_reference_traces_can_be_read_and_are_small() {
    let reference = Store::reference().unwrap();
    let mut herds = 0;
    for file in std::fs::read_dir(reference.folder().join("traces")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let name = name.strip_suffix(".json").unwrap();
        let kept = reference.read_trace(name).unwrap().unwrap();
        assert!(kept.name == name && kept.trace.dropped == 0 && !kept.trace.events.is_empty(), "{kept:?}");
        assert!(file.metadata().unwrap().len() <= 60 << 10, "{name}");
        herds += usize::from(name.starts_with("herd-"));
    }
    assert_eq!(herds, 5);
}

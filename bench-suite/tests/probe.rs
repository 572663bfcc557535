//! Setups that cannot run and children that misbehave: each is reported, and none takes the suite down.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bench_suite::child::End;
use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{NoAnswer, Programs, Session, Stop};
use bench_suite::place;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Model, Preemption, Setup};

fn lab() -> Programs {
    Programs { lab: place::lab(), twin: Twin::Skipped("it is not needed".to_string()) }
}

fn setup() -> Setup {
    Setup {
        workload: "ping_pong".to_string(),
        variant: String::new(),
        model: Model::Coroutine,
        workers: 1,
        stack: 64 << 10,
        placement: Placement::Free,
        n: 2,
        preemption: Preemption::Default,
        trace: false,
    }
}

fn refusal(setup: &Setup) -> String {
    match Session::start(&lab(), setup, Duration::from_secs(60)) {
        Err(NoAnswer { why: Stop::Refused(why), .. }) => why,
        other => panic!("{setup:?}: {other:?}"),
    }
}

#[test]
fn a_setup_that_cannot_be_is_refused_with_the_reason() {
    let odd = |change: fn(&mut Setup)| {
        let mut setup = setup();
        change(&mut setup);
        refusal(&setup)
    };
    for (change, reason) in [
        ((|setup| setup.stack = 0) as fn(&mut Setup), "a stack of 0 bytes"),
        (|setup| setup.stack = 65537, "not a whole number of pages"),
        (|setup| setup.stack = 12345, "the next valid size is 16384 bytes"),
        (|setup| setup.stack = 1 << 50, "larger than this machine's memory"),
        (|setup| setup.workers = 0, "0 workers run nothing"),
        (|setup| setup.workers = 1_000_000, "give 1 to 1024"),
        (|setup| (setup.model, setup.workers) = (Model::Thread, 2), "OS threads have no workers"),
        (|setup| (setup.model, setup.workers) = (Model::TaskCurrentThread, 2), "has one worker, not 2"),
        (|setup| setup.workload = "pingpong".to_string(), "there is no workload \"pingpong\""),
        (|setup| setup.variant = "table".to_string(), "ping_pong has no variant \"table\""),
        (|setup| setup.n = 0, "takes an n of 1 to 10000000, not 0"),
        (|setup| setup.n = u64::MAX, "not 18446744073709551615"),
        (|setup| setup.model = Model::Goroutine, "it is not needed"),
        (|setup| setup.preemption = Preemption::AsyncPreemptOff, "only Go preempts its units"),
    ] {
        let why = odd(change);
        assert!(why.contains(reason), "{why:?} does not say {reason:?}");
    }
}

/// If the machine cannot hold all units, the answer is a limit with a number, neither a panic nor a hang.
#[test]
fn more_coroutines_than_there_can_be_are_a_limit() {
    let wall = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse::<u64>().unwrap() / 2;
    if wall > 1_000_000 {
        return eprintln!("skipped: the limit of this machine is too high");
    }
    let tree = Setup { workload: "skynet".to_string(), n: 1_000_000, ..setup() };
    let answer = Session::start(&lab(), &tree, Duration::from_secs(60)).unwrap().ask(1).unwrap();
    assert!(answer.failure.is_some_and(|failure| failure.contains("vm.max_map_count")));
    assert!(answer.quantities["units"] >= wall as f64 * 0.9, "{:?}", answer.quantities);
}

#[test]
fn a_placement_is_kept_or_refused() {
    let one_core = Setup { placement: Placement::OneCore, ..setup() };
    Session::start(&lab(), &one_core, Duration::from_secs(60)).unwrap();
    // A child that is started by hand is not placed.
    if std::thread::available_parallelism().unwrap().get() > 1 {
        let json = serde_json::to_string(&one_core).unwrap();
        let output = std::process::Command::new(lab().lab).args(["child", "probe", &json]).output().unwrap();
        let says = String::from_utf8_lossy(&output.stdout);
        assert!(says.contains("placed on one core"), "{says}");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn what_is_no_setup_and_what_is_no_number_is_refused() {
    for argument in ["", "{}", "[1", "{\"workload\":\"ping_pong\"}"] {
        let output = std::process::Command::new(lab().lab).args(["child", "probe", argument]).output().unwrap();
        let says = String::from_utf8_lossy(&output.stdout);
        assert!(says.starts_with("{\"refused\":\"the setup cannot be read"), "{argument:?}: {says}");
        assert_eq!(output.status.code(), Some(2));
    }
    let script = r#"printf 'ten\n' | "$0" child probe "$1""#;
    let json = serde_json::to_string(&setup()).unwrap();
    let output = std::process::Command::new("sh").args(["-c", script]).arg(lab().lab).arg(json).output().unwrap();
    let says = String::from_utf8_lossy(&output.stdout);
    assert!(says.contains("asked for \\\"ten\\\" iterations, which is not a number"), "{says}");
}

/// Programs whose `lab` is the shell script `text`.
fn script(folder: &Path, text: &str) -> Programs {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("child");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Programs { lab: path, ..lab() }
}

const READY: &str = r#"echo '{"ready":{"parallelism":1,"threads":1}}'; read iterations"#;

#[test]
fn a_child_that_misbehaves_is_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let ended = |text: &str, patience: Duration| {
        let programs = script(folder.path(), text);
        let asked = Session::start(&programs, &setup(), patience).and_then(|mut session| session.ask(10));
        asked.expect_err(text)
    };
    const LONG: Duration = Duration::from_secs(60);
    let nothing = "nothing".to_string();
    for (text, expected) in [
        ("exit 3".to_string(), Stop::Ended(End::Exits { status: 3, says: nothing.clone() })),
        (format!("{READY}; exit 0"), Stop::Ended(End::Exits { status: 0, says: nothing.clone() })),
        (format!("{READY}; kill -SEGV $$"), Stop::Ended(End::Crashes { signal: "SIGSEGV".to_string(), says: nothing })),
        (
            format!("{READY}; echo why error >&2; kill -ABRT $$"),
            Stop::Ended(End::Crashes { signal: "SIGABRT".to_string(), says: "why error".to_string() }),
        ),
        (format!("{READY}; echo hm; read more"), Stop::Garbled("hm".to_string())),
        (
            "echo '{\"answer\":{\"nanoseconds\":1}}'; read more".to_string(),
            Stop::Garbled(
                "Answer(Answer { nanoseconds: 1.0, quantities: {}, facts: {}, waits: [], failure: None, trace: None })"
                    .to_string(),
            ),
        ),
        (
            "echo '{\"ready\":{\"parallelism\":7,\"threads\":1}}'; read more".to_string(),
            Stop::Refused("the setup asks for a parallelism of 1, but the child has 7".to_string()),
        ),
    ] {
        assert_eq!(ended(&text, LONG).why, expected, "{text}");
    }
    let hanging = ended(&format!("{READY}; echo '{{\"progress\":7}}'; exec sleep 1000"), Duration::from_millis(300));
    assert_eq!(hanging, NoAnswer { why: Stop::Ended(End::Hangs { asleep: true }), progress: Some(7) });
    let babbling = ended("exec cat /dev/zero", LONG);
    assert!(matches!(babbling.why, Stop::Garbled(_)), "{babbling:?}");
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let programs = Programs { lab: PathBuf::from("/no/such/program"), ..lab() };
    let ended = Session::start(&programs, &setup(), Duration::from_secs(1)).unwrap_err();
    assert!(ended.why.to_string().contains("its process cannot be started"), "{}", ended.why);
}

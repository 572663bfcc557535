//! What each model does, as far as it is an order or a count: these hold on every machine, however fast.
//!
//! Each measurement has a child of its own, under a deadline. Goroutines are looked at where a `go` is on PATH.

#![cfg(target_os = "linux")]

use std::sync::OnceLock;
use std::time::Duration;

use bench_suite::place;
use bench_suite::probe::trace::{self, Untraced};
use bench_suite::probe::twin::Twin;
use bench_suite::probe::{Ended, Fate, Programs, Session};
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Answer, Model, Setup};

const PATIENCE: Duration = Duration::from_secs(60);

fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| Programs::here(place::lab(), &place::target().join("tmp").join("twin")))
}

/// The models that can be looked at here.
fn models() -> Vec<Model> {
    let mut models = Model::ALL.to_vec();
    if let Twin::Skipped(why) = &programs().twin {
        eprintln!("goroutines are skipped: {why}");
        models.retain(|model| *model != Model::Goroutine);
    }
    models
}

fn setup(workload: &str, variant: &str, model: Model, workers: usize, n: u64) -> Setup {
    Setup {
        workload: workload.to_string(),
        variant: variant.to_string(),
        model,
        workers: if model == Model::Thread { 0 } else { workers },
        // Enough for what a debug build takes.
        stack: 256 << 10,
        placement: Placement::Free,
        n,
    }
}

fn start(setup: &Setup) -> Session {
    Session::start(programs(), setup, PATIENCE).unwrap_or_else(|ended| panic!("{setup:?}: {}", ended.fate))
}

fn ask(setup: &Setup, iterations: u64) -> Answer {
    start(setup).ask(iterations).unwrap_or_else(|ended| panic!("{setup:?}: {}", ended.fate))
}

/// The numbers of workers that a model can have.
fn workers(model: Model) -> &'static [usize] {
    if model == Model::TaskCurrentThread { &[1] } else { &[1, 2, 3] }
}

#[test]
fn as_many_units_run_at_once_as_workers_were_asked_for() {
    for model in models().into_iter().filter(|model| *model != Model::Thread) {
        for &workers in workers(model) {
            let session = start(&setup("ping_pong", "", model, workers, 2));
            assert_eq!(session.ready.parallelism, workers, "{model}");
        }
    }
}

#[test]
fn a_runtime_has_its_workers_and_few_threads_more() {
    for model in models() {
        for &workers in workers(model) {
            let threads = start(&setup("ping_pong", "", model, workers, 2)).ready.threads;
            match model {
                Model::Thread | Model::TaskCurrentThread => assert_eq!(threads, 1),
                // The main thread, and one for timers.
                Model::Coroutine => assert_eq!(threads, 1 + workers + 1),
                Model::Task => assert_eq!(threads, 1 + workers),
                // Go starts and keeps threads as it likes, a monitor among them.
                Model::Goroutine => assert!(threads > workers, "{threads}"),
            }
        }
    }
}

#[test]
fn a_spawn_takes_these_system_calls() {
    const UNITS: u64 = 1000;
    for model in models() {
        let mut session = start(&setup("spawn", "inside", model, 1, UNITS));
        session.ask(UNITS).unwrap();
        let counts = match trace::ask(&mut session, UNITS) {
            Ok((_, counts)) => counts,
            Err(Untraced::Refused(why)) => return eprintln!("skipped: {why}"),
            Err(Untraced::Ended(ended)) => panic!("{model}: {}", ended.fate),
        };
        let per_unit =
            |names: &[&str]| names.iter().filter_map(|name| counts.get(*name)).sum::<u64>() as f64 / UNITS as f64;
        let (new_threads, writes) = (per_unit(&["clone", "clone3"]), per_unit(&["write"]));
        let all = counts.values().sum::<u64>() as f64 / UNITS as f64;
        match model {
            // Beside the thread itself its two stacks, and what it tells the kernel of itself.
            Model::Thread => assert!((new_threads - 1.0).abs() < 0.01 && all > 5.0, "{counts:?}"),
            // One word to the worker, that there is work.
            Model::Coroutine => assert!(new_threads < 0.01 && (0.99..1.1).contains(&writes), "{counts:?}"),
            Model::Task | Model::TaskCurrentThread => {
                assert!(new_threads < 0.01 && writes < 0.1 && all < 0.5, "{counts:?}");
            }
            Model::Goroutine => assert!(new_threads < 0.1 && all < 0.5, "{counts:?}"),
        }
    }
}

#[test]
fn a_unit_that_waits_takes_these_mappings_and_threads() {
    for model in models() {
        let answer = ask(&setup("parked", "slope", model, 1, 2000), 1);
        let (mappings, threads) = (answer.figures["mappings"], answer.figures["threads"]);
        let (expected_mappings, expected_threads) = match model {
            // A stack and an alternative one for signals, each with its guard.
            Model::Thread => (4.0, 1.0),
            // A stack and its guard.
            Model::Coroutine => (2.0, 0.0),
            Model::Task | Model::TaskCurrentThread | Model::Goroutine => (0.0, 0.0),
        };
        assert!((mappings - expected_mappings).abs() < 0.1, "{model}: {mappings} mappings each");
        assert!((threads - expected_threads).abs() < 0.01, "{model}: {threads} threads each");
    }
}

#[test]
fn one_hog_on_one_worker_keeps_it_unless_somebody_takes_it_away() {
    for model in models() {
        let before = ask(&setup("hog", "", model, 1, 100), 1).figures["before"];
        match model {
            // The kernel preempts threads; Go has preempted goroutines since 1.14.
            Model::Thread | Model::Goroutine => assert!(before > 0.0, "{model}"),
            Model::Coroutine | Model::Task | Model::TaskCurrentThread => assert!(before == 0.0, "{model}: {before}"),
        }
    }
}

#[test]
fn only_a_thread_keeps_what_is_put_into_a_thread_local() {
    for model in models() {
        let figures = ask(&setup("identity", "", model, 1, 100), 1).figures;
        assert_eq!(figures["argument_right"], 16.0, "{model}");
        assert_eq!(figures["threads_seen"], 1.0, "{model}: with one worker there is one thread to be seen");
        match model {
            Model::Thread => assert_eq!(figures["thread_local_right"], 16.0),
            Model::Goroutine => assert!(!figures.contains_key("thread_local_right")),
            _ => {
                assert!(figures["thread_local_right"] < 16.0, "{model}: {figures:?}");
                assert_eq!(figures["own_local_right"], 16.0, "{model}");
            }
        }
    }
}

#[test]
fn an_os_mutex_held_across_a_yield_stops_the_only_worker() {
    let stopped = |model| {
        let session =
            Session::start(programs(), &setup("lock_across_yield", "os", model, 1, 2), Duration::from_secs(3));
        session.unwrap_or_else(|ended| panic!("{model}: {}", ended.fate)).ask(1)
    };
    for model in [Model::Coroutine, Model::TaskCurrentThread] {
        assert_eq!(stopped(model), Err(Ended { fate: Fate::Hangs { asleep: true }, progress: None }), "{model}");
    }
    assert_eq!(stopped(Model::Thread).unwrap().figures["done"], 1.0);
    for model in models().into_iter().filter(|model| *model != Model::Thread) {
        assert_eq!(ask(&setup("lock_across_yield", "own", model, 1, 2), 1).figures["done"], 1.0, "{model}");
    }
}

#[test]
fn one_worker_makes_blocking_calls_one_after_the_other_unless_others_take_them() {
    for model in models() {
        // Eight calls of 50 ms: whether they overlap is a question of threads, not of time.
        let figures = ask(&setup("blocking", "syscall", model, 1, 8), 1).figures;
        let more = figures["threads_most"] - figures["threads_before"];
        match model {
            Model::Thread => assert!(more >= 8.0, "{figures:?}"),
            Model::Coroutine | Model::Task | Model::TaskCurrentThread => assert_eq!(more, 0.0, "{model}: {figures:?}"),
            Model::Goroutine => assert!(more >= 4.0, "{figures:?}"),
        }
    }
}

#[test]
fn a_tree_has_all_its_units() {
    for model in models() {
        let answer = ask(&setup("skynet", "", model, workers(model)[workers(model).len() - 1], 1000), 1);
        assert_eq!((answer.figures["units"], answer.failure), (1111.0, None), "{model}");
    }
}

#[test]
fn an_overflow_of_a_stack_ends_a_coroutine_and_takes_down_every_other_process() {
    for model in models().into_iter().filter(|model| *model != Model::TaskCurrentThread) {
        let answer = start(&setup("stack", "overflow", model, 1, 512)).ask(1);
        match (model, answer) {
            (Model::Thread | Model::Task, Err(Ended { fate: Fate::Crashes { signal, says }, progress: None })) => {
                assert_eq!(signal, "SIGABRT");
                assert!(says.contains("overflowed its stack"), "{says}");
            }
            (Model::Coroutine, Ok(answer)) => {
                assert!(answer.facts["joiner"].contains("overflowed its stack"), "{answer:?}");
            }
            // Where the last frames wrote the lowest words of the stack, `may` ends the process itself.
            (Model::Coroutine, Err(Ended { fate: Fate::Exits { status: 1, .. }, progress: None })) => {}
            (Model::Goroutine, Err(Ended { fate: Fate::Exits { status: 2, says }, progress: None })) => {
                assert!(says.contains("stack overflow") || says.contains("stack exceeds"), "{says}");
            }
            (model, other) => panic!("{model}: {other:?}"),
        }
    }
}

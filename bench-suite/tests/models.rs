//! The orders and counts that each model must show: they hold on every machine, however fast it is.
//!
//! Each measurement runs in a child process of its own, under a deadline. Goroutines are measured if there is a
//! `go` on PATH.

#![cfg(target_os = "linux")]

use std::sync::OnceLock;
use std::time::Duration;

use bench_suite::child::End;
use bench_suite::child::probe::system_calls::{self, Untraced};
use bench_suite::child::probe::twin::Twin;
use bench_suite::child::probe::{NoAnswer, Programs, Session, Stop};
use bench_suite::place;
use bench_suite::store::Machine;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::{Answer, Model, Preemption, Setup};

const PATIENCE: Duration = Duration::from_secs(60);

fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| Programs::here(place::lab(), &place::target().join("tmp").join("twin")))
}

/// The models that can run here.
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
        // Enough for the stack frames of a debug build.
        stack: 256 << 10,
        placement: Placement::Free,
        n,
        preemption: Preemption::Default,
        trace: false,
    }
}

fn start(setup: &Setup) -> Session {
    Session::start(programs(), setup, PATIENCE).unwrap_or_else(|ended| panic!("{setup:?}: {}", ended.why))
}

fn ask(setup: &Setup, iterations: u64) -> Answer {
    start(setup).ask(iterations).unwrap_or_else(|ended| panic!("{setup:?}: {}", ended.why))
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
                // The main thread, the workers, and one thread for timers.
                Model::Coroutine => assert_eq!(threads, 1 + workers + 1),
                Model::Task => assert_eq!(threads, 1 + workers),
                // Go starts and keeps as many threads as it likes, including a monitor.
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
        let counts = match system_calls::ask(&mut session, UNITS) {
            Ok((_, counts)) => counts,
            Err(Untraced::Refused(why)) => return eprintln!("skipped: {why}"),
            Err(Untraced::Ended(ended)) => panic!("{model}: {}", ended.why),
        };
        let per_unit =
            |names: &[&str]| names.iter().filter_map(|name| counts.get(*name)).sum::<u64>() as f64 / UNITS as f64;
        let (new_threads, writes) = (per_unit(&["clone", "clone3"]), per_unit(&["write"]));
        let all = counts.values().sum::<u64>() as f64 / UNITS as f64;
        match model {
            // A thread needs one call for itself, and others for its two stacks and for what it tells the kernel
            // about itself.
            Model::Thread => assert!((new_threads - 1.0).abs() < 0.01 && all > 5.0, "{counts:?}"),
            // One write tells the worker that there is work.
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
        let (mappings, threads) = (answer.quantities["mappings"], answer.quantities["threads"]);
        for name in ["resident", "reserved", "page_tables", "kernel"] {
            let bound = format!("{name}_below");
            assert!(
                answer.quantities.contains_key(name) != answer.quantities.contains_key(&bound),
                "{model}: {answer:?}"
            );
        }
        assert!(answer.quantities.values().all(|figure| *figure >= 0.0), "{model}: {answer:?}");
        let (expected_mappings, expected_threads) = match model {
            // A stack and an alternative stack for signals, each with its guard.
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
fn a_yield_hands_over_where_two_units_share_a_worker_or_a_core() {
    const YIELDS: u64 = 10_000;
    for model in models() {
        let placement = if model == Model::Thread { Placement::OneCore } else { Placement::Free };
        let answer = ask(&Setup { placement, ..setup("switch", "yield", model, 1, 2) }, YIELDS);
        // Other processes may use the core as well, but they are not counted: the two units still take turns.
        let least = if model == Model::TaskCurrentThread { 0.4 } else { 0.9 };
        assert!(answer.quantities["handed"] > least, "{model}: {:?}", answer.quantities);
    }
}

#[test]
fn where_a_yield_hands_over_to_nobody_it_is_refused() {
    let cores = std::thread::available_parallelism().unwrap().get();
    for model in models() {
        let workers = match model {
            Model::Thread if cores > 1 => 0,
            Model::Thread | Model::TaskCurrentThread => continue,
            _ => 2,
        };
        match Session::start(programs(), &setup("switch", "yield", model, workers, 2), PATIENCE) {
            Err(NoAnswer { why: Stop::Refused(why), .. }) => {
                assert!(why.contains("a yield then hands over to no other"), "{model}: {why}");
            }
            other => panic!("{model}: {other:?}"),
        }
        ask(&setup("switch", "yield-alone", model, workers, 1), 100);
    }
}

#[test]
fn one_hog_on_one_core_keeps_it_unless_something_takes_it_away() {
    for model in models() {
        for (variant, placement) in
            [("calls", Placement::OneCore), ("no-calls", Placement::OneCore), ("no-calls", Placement::Free)]
        {
            let quantities = ask(&Setup { placement, ..setup("hog", variant, model, 1, 100) }, 1).quantities;
            let before = quantities["before"];
            match model {
                // The kernel preempts threads. Go has preempted loops without calls since 1.14.
                Model::Thread | Model::Goroutine => assert!(before > 0.0, "{model} {variant}"),
                _ => assert!(before == 0.0, "{model} {variant}: {quantities:?}"),
            }
        }
    }
}

/// Go preempted loops at calls before it preempted them by a signal. Only a loop without calls tells the two apart.
#[test]
fn without_asynchronous_preemption_a_goroutine_keeps_its_worker_unless_it_calls() {
    if !models().contains(&Model::Goroutine) {
        return;
    }
    for placement in [Placement::Free, Placement::OneCore] {
        for (variant, preempted) in [("calls", true), ("no-calls", false)] {
            let hog = setup("hog", variant, Model::Goroutine, 1, 100);
            let hog = Setup { placement, preemption: Preemption::AsyncPreemptOff, ..hog };
            let before = ask(&hog, 1).quantities["before"];
            assert_eq!(before > 0.0, preempted, "{variant}, {placement}: {before} units ran before the hog ended");
        }
    }
}

#[test]
fn only_a_thread_keeps_what_is_put_into_a_thread_local() {
    for model in models() {
        let quantities = ask(&setup("identity", "", model, 1, 100), 1).quantities;
        assert_eq!(quantities["argument_right"], 16.0, "{model}");
        assert_eq!(quantities["threads_seen"], 1.0, "{model}: one worker is one thread");
        match model {
            Model::Thread => assert_eq!(quantities["thread_local_right"], 16.0),
            // Go has no thread-local, so the number is stored under the id of the thread.
            Model::Goroutine => assert!(quantities["thread_local_right"] < 16.0, "{quantities:?}"),
            _ => {
                assert!(quantities["thread_local_right"] < 16.0, "{model}: {quantities:?}");
                assert_eq!(quantities["own_local_right"], 16.0, "{model}");
            }
        }
    }
}

#[test]
fn an_os_mutex_held_across_a_yield_stops_the_only_worker() {
    let stopped = |model| {
        let session =
            Session::start(programs(), &setup("lock_across_yield", "os", model, 1, 2), Duration::from_secs(3));
        session.unwrap_or_else(|ended| panic!("{model}: {}", ended.why)).ask(1)
    };
    for model in [Model::Coroutine, Model::TaskCurrentThread] {
        assert_eq!(
            stopped(model),
            Err(NoAnswer { why: Stop::Ended(End::Hangs { asleep: true }), progress: None }),
            "{model}"
        );
    }
    assert_eq!(stopped(Model::Thread).unwrap().quantities["done"], 1.0);
    for model in models().into_iter().filter(|model| *model != Model::Thread) {
        assert_eq!(ask(&setup("lock_across_yield", "own", model, 1, 2), 1).quantities["done"], 1.0, "{model}");
    }
}

#[test]
fn one_worker_makes_blocking_calls_one_after_the_other_unless_others_take_them() {
    for model in models() {
        // Eight calls of 50 ms. The number of threads, not the time, shows whether they overlap.
        let quantities = ask(&setup("blocking", "syscall", model, 1, 8), 1).quantities;
        let more = quantities["threads_most"] - quantities["threads_before"];
        match model {
            Model::Thread => assert!(more >= 8.0, "{quantities:?}"),
            Model::Coroutine | Model::Task | Model::TaskCurrentThread => {
                assert_eq!(more, 0.0, "{model}: {quantities:?}");
            }
            Model::Goroutine => assert!(more >= 4.0, "{quantities:?}"),
        }
    }
}

/// Each call that blocks takes a thread of its own. On a busy machine the first calls may be over before the last
/// begin, so the test repeats the measurement until one of the tries sees enough threads.
#[test]
fn sixty_four_goroutines_that_sleep_take_no_thread_and_in_system_calls_one_each() {
    if !models().contains(&Model::Goroutine) {
        return;
    }
    let more = |variant| {
        let quantities = ask(&setup("blocking", variant, Model::Goroutine, 1, 64), 1).quantities;
        quantities["threads_most"] - quantities["threads_before"]
    };
    let asleep = more("sleep");
    assert!(asleep <= 8.0, "{asleep} more threads");
    let tries: Vec<f64> = (0..20).map(|_| more("syscall")).take_while(|more| *more < 60.0).collect();
    assert!(tries.len() < 20, "never 60 more threads: {tries:?}");
}

#[test]
fn a_recursion_ends_at_the_size_that_a_stack_was_asked_for() {
    for model in [Model::Thread, Model::Coroutine, Model::Task] {
        for stack in [64 << 10, 2 << 20] {
            let session = start(&Setup { stack, ..setup("stack", "deepest", model, 1, 512) });
            let reached = depth(session);
            assert!(
                (stack / 2..=stack).contains(&reached),
                "{model}: the stack has {stack} bytes, and the recursion reached {reached}"
            );
        }
    }
}

/// The depth in bytes that a recursion reached, whether or not its process survived.
fn depth(mut session: Session) -> usize {
    match session.ask(1) {
        Ok(_) => session.progress().unwrap_or_default() as usize,
        Err(ended) => ended.progress.unwrap_or_default() as usize,
    }
}

#[test]
fn a_thread_has_two_megabytes_of_stack_if_no_size_is_given() {
    let reserved = ask(&setup("stack", "default", Model::Thread, 1, 1), 1).quantities["reserved"];
    assert!(reserved >= 2e6, "{reserved} bytes");
}

#[test]
fn a_goroutine_s_stack_grows_up_to_a_gigabyte_and_shrinks() {
    if !models().contains(&Model::Goroutine) {
        return;
    }
    // The stack doubles, and 1 GiB is more than the limit of 1 GB.
    let reached = depth(start(&setup("stack", "deepest", Model::Goroutine, 1, 512)));
    assert!((1 << 29..1 << 30).contains(&reached), "{reached} bytes");
    let quantities = ask(&setup("stack", "growing", Model::Goroutine, 1, 64 << 20), 1).quantities;
    assert!(quantities["stack_most"] >= f64::from(64 << 20), "{quantities:?}");
    assert!(quantities["stack_left"] <= quantities["stack_most"] / 100.0, "{quantities:?}");
}

#[test]
fn a_runtime_takes_as_many_workers_by_default_as_it_is_allowed_cores() {
    let allowed = Machine::this().default_workers();
    for model in models().into_iter().filter(|model| ![Model::Thread, Model::TaskCurrentThread].contains(model)) {
        let workers = ask(&setup("default_workers", "", model, 1, 1), 1).quantities["default_workers"] as usize;
        assert!(allowed.contains(&workers), "{model}: {workers} workers, allowed are {allowed:?}");
    }
}

/// Fewer callers than the ten thousand of the claims, so that a debug build ends soon.
#[test]
fn a_crowd_makes_one_call_and_fetches_each_page_once() {
    for model in [Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread] {
        for memo in ["memo2", "memo3"] {
            let herd = ask(&setup("runtime_herd", memo, model, workers(model).len(), 500), 1);
            assert_eq!(herd.quantities["calls"], 1.0, "{model} {memo}");
            let http = ask(&setup("runtime_http", memo, model, workers(model).len(), 2000), 1);
            let [all, most] = ["requests", "most_a_page"].map(|name| http.quantities[name]);
            assert_eq!((all, most, http.failure), (1000.0, 1.0, None), "{model} {memo}");
        }
    }
}

#[test]
fn a_tree_has_all_its_units() {
    for model in models() {
        let answer = ask(&setup("skynet", "", model, workers(model)[workers(model).len() - 1], 1000), 1);
        assert_eq!((answer.quantities["units"], answer.failure), (1111.0, None), "{model}");
    }
}

#[test]
fn an_overflow_of_a_stack_ends_a_coroutine_and_takes_down_every_other_process() {
    for model in models().into_iter().filter(|model| *model != Model::TaskCurrentThread) {
        let answer = start(&setup("stack", "overflow", model, 1, 512)).ask(1);
        match (model, answer) {
            (
                Model::Thread | Model::Task,
                Err(NoAnswer { why: Stop::Ended(End::Crashes { signal, says }), progress: Some(0) }),
            ) => {
                assert_eq!(signal, "SIGABRT");
                assert!(says.contains("overflowed its stack"), "{says}");
            }
            (Model::Coroutine, Ok(answer)) => {
                assert!(answer.facts["joiner"].contains("overflowed its stack"), "{answer:?}");
            }
            // If the last frames wrote to the lowest words of the stack, `may` ends the process itself.
            (Model::Coroutine, Err(NoAnswer { why: Stop::Ended(End::Exits { status: 1, .. }), progress: Some(0) })) => {
            }
            (
                Model::Goroutine,
                Err(NoAnswer { why: Stop::Ended(End::Exits { status: 2, says }), progress: Some(0) }),
            ) => {
                assert!(says.contains("stack overflow") || says.contains("stack exceeds"), "{says}");
            }
            (model, other) => panic!("{model}: {other:?}"),
        }
    }
}

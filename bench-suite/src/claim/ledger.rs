//! The claims of gopl's section 9.8, and what decides each.

use super::Verdict::{DoesNotHold, Holds, NotMeasured, OutdatedSince};
use super::{Claim, Evidence, Finding, Verdict};
use crate::report::{bytes, count, duration};
use crate::store::Observation;

/// gopl's claims, in the order of the text.
pub(super) const GOPL: &[Claim] = &[
    Claim {
        id: "fixed-stack",
        source: "gopl 9.8.1",
        statement: "An OS thread has a stack of a fixed size.",
        experiments: &["stack"],
        judge: fixed_stack,
    },
    Claim {
        id: "two-megabytes",
        source: "gopl 9.8.1",
        statement: "That stack is large, often as much as 2 MB.",
        experiments: &["parked"],
        judge: two_megabytes,
    },
    Claim {
        id: "two-kilobytes",
        source: "gopl 9.8.1",
        statement: "A goroutine starts with a small stack, about 2 KB.",
        experiments: &["parked"],
        judge: two_kilobytes,
    },
    Claim {
        id: "grows-to-1-gb",
        source: "gopl 9.8.1",
        statement: "A goroutine's stack grows and shrinks as needed, to a limit of some 1 GB.",
        experiments: &["stack"],
        judge: grows_to_1_gb,
    },
    Claim {
        id: "hundreds-of-thousands",
        source: "gopl 9.8.1",
        statement: "It is not uncommon to have hundreds of thousands of goroutines at a time.",
        experiments: &["parked"],
        judge: hundreds_of_thousands,
    },
    Claim {
        id: "cheaper-switch",
        source: "gopl 9.8.2",
        statement: "Rescheduling a goroutine is much cheaper than rescheduling a thread.",
        experiments: &["switch"],
        judge: cheaper_switch,
    },
    Claim {
        id: "no-timer",
        source: "gopl 9.8.2",
        statement: "Go's scheduler is not invoked by a timer, but only by what the program does.",
        experiments: &["hog"],
        judge: no_timer,
    },
    Claim {
        id: "gomaxprocs-default",
        source: "gopl 9.8.3",
        statement: "The default number of workers is the number of processors.",
        experiments: &["default_workers"],
        judge: gomaxprocs_default,
    },
    Claim {
        id: "waiting-needs-no-thread",
        source: "gopl 9.8.3",
        statement: "A goroutine that sleeps or is blocked in a communication needs no thread at all.",
        experiments: &["parked", "blocking"],
        judge: waiting_needs_no_thread,
    },
    Claim {
        id: "system-call-takes-a-thread",
        source: "gopl 9.8.3",
        statement: "A goroutine in a blocking system call takes a thread, which GOMAXPROCS does not count: others go on.",
        experiments: &["blocking"],
        judge: system_call_takes_a_thread,
    },
    Claim {
        id: "no-identity",
        source: "gopl 9.8.4",
        statement: "A goroutine has no identity by which code could find out where it runs, and so no local storage.",
        experiments: &["identity"],
        judge: no_identity,
    },
];

pub(super) const THREAD: &str = "thread";
pub(super) const COROUTINE: &str = "coroutine";
pub(super) const TASK: &str = "task";
const GOROUTINE: &str = "goroutine";
const MODELS: [&str; 4] = [THREAD, COROUTINE, TASK, GOROUTINE];

/// A finding for each of `models`: `look` gives a figure and whether the claim holds, if there is a result.
pub(super) fn each(
    models: &[&'static str],
    pinned: &[(&str, Verdict)],
    look: impl Fn(&'static str) -> Option<(String, Verdict)>,
) -> Vec<Finding> {
    let finding = |&model: &&'static str| {
        let (figure, verdict) = look(model).unwrap_or_else(|| (String::new(), NotMeasured));
        let pinned = pinned.iter().find(|(of, _)| *of == model).map(|(_, verdict)| *verdict);
        Finding { model, figure, verdict, pinned }
    };
    models.iter().map(finding).collect()
}

pub(super) fn holds(so: bool) -> Verdict {
    if so { Holds } else { DoesNotHold }
}

const MIB_2: f64 = 2.0 * 1024.0 * 1024.0;

/// A recursion ends at the size that the stack was given.
fn fixed_stack(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(THREAD, Holds), (COROUTINE, Holds), (TASK, Holds), (GOROUTINE, DoesNotHold)];
    each(&MODELS, &pinned, |model| {
        let setting = [("variant", "deepest"), ("stack", "2097152")];
        let depth = evidence.figure("stack", model, &setting, "progress")?;
        Some((format!("asked for 2 MiB, it came to {}", bytes(depth)), holds(depth <= MIB_2)))
    })
}

fn two_megabytes(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(THREAD, Holds), (COROUTINE, DoesNotHold), (TASK, DoesNotHold), (GOROUTINE, DoesNotHold)];
    each(&MODELS, &pinned, |model| {
        let reserved = evidence.figure("parked", model, &SLOPE, "reserved")?;
        Some((format!("{} of addresses each", bytes(reserved)), holds(reserved >= MIB_2)))
    })
}

const SLOPE: [(&str, &str); 2] = [("variant", "slope"), ("n", "10000")];

fn two_kilobytes(evidence: &Evidence) -> Vec<Finding> {
    each(&MODELS, &[], |model| {
        let resident = evidence.figure("parked", model, &SLOPE, "resident")?;
        // A task that waits has no stack: what it takes is its future and its bookkeeping.
        Some((format!("{} resident each", bytes(resident)), holds((1024.0..4096.0).contains(&resident))))
    })
}

fn grows_to_1_gb(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(THREAD, DoesNotHold), (COROUTINE, DoesNotHold), (TASK, DoesNotHold), (GOROUTINE, Holds)];
    each(&MODELS, &pinned, |model| {
        let setting = [("variant", "deepest"), ("stack", "2097152")];
        let seen = evidence.seen("stack", model, &setting)?;
        let depth = seen.figures.get("progress")?.median();
        let end = end_of(seen);
        // Progress is told at doublings: what is past the last one is not.
        Some((format!("it came to {}; {end}", bytes(depth)), holds((250e6..=1e9).contains(&depth))))
    })
}

/// What stopped an observation, in a few words.
fn end_of(seen: &Observation) -> String {
    let joiner = || seen.facts.get("joiner").cloned().unwrap_or_else(|| "nothing stopped it".to_string());
    seen.stopped.as_ref().map_or_else(joiner, crate::probe::Fate::word)
}

fn hundreds_of_thousands(evidence: &Evidence) -> Vec<Finding> {
    each(&MODELS, &[], |model| {
        let seen = evidence.seen("parked", model, &[("variant", "how_many")])?;
        // One that crashed has told how many there were at least.
        let units = seen.figures.get("units").or_else(|| seen.figures.get("progress"))?.median();
        let end =
            seen.stopped.as_ref().map_or_else(|| "as many as were asked for".to_string(), crate::probe::Fate::word);
        Some((format!("{} at once; {end}", count(units)), holds(units >= 100_000.0)))
    })
}

/// Compared within one run, with one worker, in both placements; "much" is taken to be twice.
fn cheaper_switch(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(COROUTINE, Holds), (TASK, Holds)];
    each(&[COROUTINE, TASK, GOROUTINE], &pinned, |model| {
        // A goroutine cannot be woken by name; it is compared in what both can do.
        let variant = if model == GOROUTINE { "yield" } else { "park" };
        let times = ["free", "one-core"].map(|placement| {
            let setting = [("variant", variant), ("workers", "1"), ("placement", placement)];
            let time = |model| evidence.figure("switch", model, &setting, "time");
            Some((placement, time(THREAD)? / time(model)?, time(model)?))
        });
        let known: Vec<_> = times.into_iter().flatten().collect();
        let words: Vec<_> = known
            .iter()
            .map(|(placement, ratio, time)| {
                format!("{placement}: {} a {variant}, a thread {ratio:.1} times that", duration(*time))
            })
            .collect();
        let least = known.iter().map(|(_, ratio, _)| *ratio).fold(f64::INFINITY, f64::min);
        (!known.is_empty()).then(|| (words.join("; "), holds(least >= 2.0)))
    })
}

/// One worker, and a unit that computes and never yields: if others run before it ends, something has taken the worker
/// from it.
fn no_timer(evidence: &Evidence) -> Vec<Finding> {
    const SINCE: Verdict = OutdatedSince("Go 1.14");
    let pinned = [(THREAD, DoesNotHold), (COROUTINE, Holds), (TASK, Holds), (GOROUTINE, SINCE)];
    each(&MODELS, &pinned, |model| {
        let before = evidence.figure("hog", model, &[("workers", "1")], "before")?;
        let first = evidence.figure("hog", model, &[("workers", "1")], "first")?;
        let verdict = match before > 0.0 {
            false => Holds,
            true if model == GOROUTINE => SINCE,
            true => DoesNotHold,
        };
        Some((
            format!("{} of 100 ran before the hog ended, the first after {}", count(before), duration(first)),
            verdict,
        ))
    })
}

fn gomaxprocs_default(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(COROUTINE, Holds), (TASK, Holds), (GOROUTINE, Holds)];
    each(&[COROUTINE, TASK, GOROUTINE], &pinned, |model| {
        let workers = evidence.figure("default_workers", model, &[], "default_workers")?;
        let cores = evidence.cores("default_workers")? as f64;
        let same = (workers - cores).abs() < 0.5;
        Some((format!("{} by default, on {} cores", count(workers), count(cores)), holds(same)))
    })
}

fn waiting_needs_no_thread(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(THREAD, DoesNotHold), (COROUTINE, Holds), (TASK, Holds), (GOROUTINE, Holds)];
    each(&MODELS, &pinned, |model| {
        let threads = evidence.figure("parked", model, &SLOPE, "threads")?;
        let sleep = [("variant", "sleep"), ("workers", "1")];
        let figure = |name| evidence.figure("blocking", model, &sleep, name);
        let more = figure("threads_most").zip(figure("threads_before")).map(|(most, before)| most - before);
        let asleep = more.map(|more| format!("; {} more for 64 that sleep", count(more))).unwrap_or_default();
        // Go starts a few threads of its own whenever it likes.
        let so = threads < 0.01 && more.is_none_or(|more| more < 16.0);
        Some((format!("{} threads for each that waits{asleep}", count(threads)), holds(so)))
    })
}

/// One worker: the calls overlap if there are threads for them beside it.
fn system_call_takes_a_thread(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(COROUTINE, DoesNotHold), (TASK, DoesNotHold), (GOROUTINE, Holds)];
    each(&[COROUTINE, TASK, GOROUTINE], &pinned, |model| {
        let setting = [("variant", "syscall"), ("workers", "1")];
        let figure = |name| evidence.figure("blocking", model, &setting, name);
        let (total, most, before) = (figure("total")?, figure("threads_most")?, figure("threads_before")?);
        let more = most - before;
        Some((
            format!("64 calls of 50 ms took {}, with {} threads more", duration(total), count(more)),
            holds(more > 1.0),
        ))
    })
}

/// What a thread has, an OS thread's number and storage of its own, does not stay with a unit that shares its thread;
/// what the runtime gives instead does.
fn no_identity(evidence: &Evidence) -> Vec<Finding> {
    let pinned = [(THREAD, DoesNotHold), (COROUTINE, DoesNotHold), (TASK, DoesNotHold), (GOROUTINE, Holds)];
    each(&MODELS, &pinned, |model| {
        let figure = |name| evidence.figure("identity", model, &[("workers", "1")], name);
        let own = figure("own_local_right");
        let of_thread = figure("thread_local_right");
        figure("argument_right")?;
        let words = match (of_thread, own) {
            (Some(thread), Some(own)) => {
                format!("of 16, {} kept their own in a thread_local, {} in the runtime's", count(thread), count(own))
            }
            (Some(thread), None) => format!("of 16, {} kept their own in a thread_local", count(thread)),
            (None, _) => "the runtime offers nothing but arguments".to_string(),
        };
        let has_one = own.or(of_thread).is_some_and(|right| right > 15.5);
        Some((words, holds(!has_one)))
    })
}

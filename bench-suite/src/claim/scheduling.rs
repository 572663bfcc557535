//! gopl's claims about scheduling (sections 9.8.2 and 9.8.3).

use super::cover::Cover;
use super::evidence::Gap;
use super::models::{COROUTINE, GOROUTINE, TASK, THREAD};
use super::sample::{Measured, Sample, every, span, span_words};
use super::statement::{Claim, Judged, Verdict, Verdict::Holds, holds};
use crate::figure::{count, duration};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "cheaper-switch",
        source: "gopl 9.8.2",
        statement: "Rescheduling a goroutine (here also a coroutine or a task) is much cheaper than rescheduling a \
                    thread: at most half the time. Coroutines and tasks are compared by waking and parking each other. \
                    Goroutines, which have no park, are compared by yielding on one core.",
        covers: &[
            Cover::of("switch", &[("variant", &["park"]), ("workers", &["1"]), ("placement", &["free", "one-core"])])
                .only(&[COROUTINE, TASK, THREAD]),
            Cover::of("switch", &[("variant", &["yield"]), ("workers", &["1"]), ("placement", &["one-core"])])
                .only(&[GOROUTINE, THREAD]),
        ],
        subjects: &[GOROUTINE, COROUTINE, TASK],
        beside: &[THREAD],
        pinned: None,
        judge: cheaper_switch,
    },
    Claim {
        id: "no-timer",
        source: "gopl 9.8.2",
        statement: "Go's scheduler is not invoked by a timer, but only by what the program does: a loop without calls \
                    keeps its worker.",
        covers: &[
            Cover::of(
                "hog",
                &[
                    ("variant", &["no-calls"]),
                    ("workers", &["1"]),
                    ("placement", &["free", "one-core"]),
                    ("preemption", &["default", "asyncpreemptoff"]),
                ],
            )
            .only(&[GOROUTINE]),
            Cover::of("hog", &[("variant", &["no-calls"]), ("workers", &["1"]), ("placement", &["free", "one-core"])])
                .only(&[THREAD, COROUTINE, TASK]),
        ],
        subjects: &[GOROUTINE],
        beside: &[THREAD, COROUTINE, TASK],
        pinned: Some(OUTDATED),
        judge: no_timer,
    },
    Claim {
        id: "gomaxprocs-default",
        source: "gopl 9.8.3",
        statement: "The default of GOMAXPROCS is the number of processors that the process may use.",
        covers: &[Cover::of("default_workers", &[])],
        subjects: &[GOROUTINE],
        beside: &[COROUTINE, TASK],
        pinned: Some(Holds),
        judge: gomaxprocs_default,
    },
    Claim {
        id: "waiting-needs-no-thread",
        source: "gopl 9.8.3",
        statement: "A goroutine that sleeps or is blocked in a communication needs no thread at all.",
        covers: &[
            Cover::of("parked", &[("variant", &["slope"]), ("n", &["1000", "10000"])]),
            Cover::of("blocking", &[("variant", &["sleep"]), ("n", &["64"]), ("workers", &["1"])]),
        ],
        subjects: &[GOROUTINE],
        beside: &[THREAD, COROUTINE, TASK],
        pinned: Some(Holds),
        judge: waiting_needs_no_thread,
    },
    Claim {
        id: "system-call-takes-a-thread",
        source: "gopl 9.8.3",
        statement: "A goroutine in a blocking system call takes a thread that GOMAXPROCS does not count, so other \
                    goroutines go on.",
        covers: &[Cover::of("blocking", &[("variant", &["syscall"]), ("n", &["64"]), ("workers", &["1"])])],
        subjects: &[GOROUTINE],
        beside: &[COROUTINE, TASK],
        pinned: Some(Holds),
        judge: system_call_takes_a_thread,
    },
];

/// The version in which Go began to interrupt running loops by a signal.
const OUTDATED: Verdict = Verdict::OutdatedSince("Go 1.14");

/// Compares each cell with the fastest cell of a thread that has the same variant and placement.
fn cheaper_switch(sample: &Sample<'_>) -> Judged {
    const MUCH: f64 = 2.0;
    let threads = sample.other(THREAD)?;
    let (mut so, mut words) = (true, Vec::new());
    for &cell in &sample.cells {
        let (time, mut thread) = (time_of_a_switch(cell)?, f64::INFINITY);
        for other in threads.like(cell, &["variant", "placement"]) {
            thread = thread.min(time_of_a_switch(other)?);
        }
        so &= thread >= MUCH * time;
        let (variant, placement) = (cell.parameter("variant"), cell.parameter("placement"));
        let mut cell = format!("{variant}, {placement}: {}", duration(time));
        if sample.subject != THREAD {
            cell += &format!("; a thread takes {:.1} times as long", thread / time);
        }
        words.push(cell);
    }
    Ok((holds(so), words.join("; ")))
}

/// The time of one switch. A yield after which the same unit goes on is not a switch, so there is a gap if fewer
/// than nine tenths of the yields hand over.
fn time_of_a_switch(cell: Measured<'_>) -> Result<f64, Gap> {
    if cell.parameter("variant") == "yield" {
        let handed = cell.median("handed")?;
        if handed < 0.9 {
            return Err(cell.gap(&format!("only a share of {handed:.2} of the yields handed over")));
        }
    }
    cell.median("time")
}

/// A unit computes in a loop without calls on the only worker. If most of the other units run before it ends,
/// something took the worker from it. Go has done that by signals since 1.14; `asyncpreemptoff` restores the
/// behaviour from before 1.14. (A loop with calls has been able to lose its worker at one of the calls since Go
/// 1.2.)
fn no_timer(sample: &Sample<'_>) -> Judged {
    /// The least number of the hundred short units that counts as most of them.
    const MOST: f64 = 50.0;
    /// The largest number that counts as none, because one unit may have run just before the hog began to compute.
    const HARDLY_ANY: f64 = 1.0;
    let without_signals = sample.with("preemption", "asyncpreemptoff");
    let without_signals = every(without_signals, "before")?;
    let by_default = sample.cells.iter().filter(|cell| cell.parameter("preemption") != "asyncpreemptoff").copied();
    let by_default = every(by_default, "before")?;
    let none = |ran: &[f64]| ran.iter().all(|before| *before <= HARDLY_ANY);
    let most = |ran: &[f64]| ran.iter().all(|before| *before >= MOST);
    let verdict = if most(&by_default) && !without_signals.is_empty() && none(&without_signals) {
        OUTDATED
    } else {
        holds(none(&by_default) && none(&without_signals))
    };
    let words = format!("{} of 100 units ran before the hog ended", span_words(&by_default, count));
    Ok(match without_signals.as_slice() {
        [] => (verdict, words),
        off => (verdict, format!("{words}, {} with asyncpreemptoff", span_words(off, count))),
    })
}

fn gomaxprocs_default(sample: &Sample<'_>) -> Judged {
    let workers = every(sample.cells.iter().copied(), "default_workers")?;
    let allowed = sample.machine.default_workers();
    let so = workers.iter().all(|workers| allowed.clone().any(|allowed| allowed as f64 == *workers));
    let cores =
        format!("{} by default, on {} allowed cores", span_words(&workers, count), sample.machine.allowed_cores);
    let quota = sample.machine.quota().map(|cores| format!(" with a quota of {cores:.2} cores"));
    Ok((holds(so), cores + &quota.unwrap_or_default()))
}

fn waiting_needs_no_thread(sample: &Sample<'_>) -> Judged {
    /// The largest number of extra threads that does not count, because Go starts a few threads of its own at any
    /// time.
    const A_FEW: f64 = 8.0;
    let each = every(sample.from("parked"), "threads")?;
    let asleep = extra_threads(sample)?;
    let so = each.iter().all(|threads| *threads < 0.01) && asleep.iter().all(|more| *more <= A_FEW);
    let words = format!(
        "threads for each blocked unit: {}; more threads for 64 sleeping units: {}",
        span_words(&each, count),
        span_words(&asleep, count)
    );
    Ok((holds(so), words))
}

/// There is one worker: if each of the 64 calls has a thread of its own, they overlap.
fn system_call_takes_a_thread(sample: &Sample<'_>) -> Judged {
    /// The least number of extra threads that counts as all, because Go may already have had a few spare threads.
    const ABOUT_ALL: f64 = 60.0;
    let more = extra_threads(sample)?;
    let total = every(sample.cells.iter().copied(), "total")?;
    let words = format!(
        "64 calls of 50 ms took {}, with {} more threads",
        span_words(&total, duration),
        span_words(&more, count)
    );
    Ok((holds(span(&more).0 >= ABOUT_ALL), words))
}

/// The number of extra threads while units were blocked, in each round.
fn extra_threads(sample: &Sample<'_>) -> Result<Vec<f64>, Gap> {
    let most = every(sample.from("blocking"), "threads_most")?;
    let before = every(sample.from("blocking"), "threads_before")?;
    Ok(most.iter().zip(before).map(|(most, before)| most - before).collect())
}

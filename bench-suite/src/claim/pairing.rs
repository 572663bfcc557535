//! The claims of this course: which memo suits which runtime.

use super::cover::{Cover, EVERY_CORE};
use super::evidence::Gap;
use super::models::{COROUTINE, CURRENT_THREAD, TASK, THREAD};
use super::sample::{Measured, Sample, every, span, span_words};
use super::statement::{Claim, Judged, Verdict::Holds, holds};
use crate::figure::{bytes, count, duration};
use crate::spec::Outcome;

const SOURCE: &str = "this course, The same memo three times";
const MODELS: &[&str] = &[THREAD, COROUTINE, TASK, CURRENT_THREAD];
const MEMOS: &[&str] = &["memo2", "memo3"];
const WORKERS: &[&str] = &["1", EVERY_CORE];

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "one-call-for-a-crowd",
        source: SOURCE,
        statement: "Ten thousand callers of one cold key make one call of f, whether they are threads, coroutines or \
                    tasks.",
        covers: &crowd("runtime_herd"),
        subjects: MODELS,
        beside: &[],
        pinned: Some(Holds),
        judge: one_call_for_a_crowd,
    },
    Claim {
        id: "one-request-a-page",
        source: SOURCE,
        statement: "Ten thousand requests for a thousand pages reach the server once for each page.",
        covers: &crowd("runtime_http"),
        subjects: MODELS,
        beside: &[],
        pinned: Some(Holds),
        judge: one_request_a_page,
    },
    Claim {
        id: "a-hit-needs-no-runtime",
        source: SOURCE,
        statement: "A hit in memo2 never waits, so it costs about the same on every runtime: at most twice the \
                    least cost in the same placement.",
        covers: &[
            Cover::of(
                "runtime_hit",
                &[("variant", &["memo2"]), ("callers", &["1"]), ("placement", &["free"]), ("workers", WORKERS)],
            ),
            Cover::of("runtime_hit", &[("variant", &["memo2"]), ("callers", &["1"]), ("placement", &["one-core"])]),
        ],
        subjects: MODELS,
        beside: &[],
        pinned: None,
        judge: a_hit_needs_no_runtime,
    },
    Claim {
        id: "a-monitor-suits-light-units",
        source: SOURCE,
        statement: "A monitor is cheap where a switch is cheap, for coroutines and tasks: a hit in memo3 costs less \
                    than fifty hits in memo2, and fewer of them than on threads.",
        covers: &[
            Cover::of(
                "runtime_hit",
                &[("variant", MEMOS), ("callers", &["1"]), ("placement", &["free"]), ("workers", WORKERS)],
            ),
            Cover::of("runtime_hit", &[("variant", MEMOS), ("callers", &["1"]), ("placement", &["one-core"])]),
        ],
        subjects: &[COROUTINE, TASK],
        beside: &[THREAD],
        pinned: None,
        judge: a_monitor_suits_light_units,
    },
    Claim {
        id: "a-waiter-is-light",
        source: SOURCE,
        statement: "A task that waits in a memo takes less than a page of memory.",
        covers: &crowd("runtime_herd"),
        subjects: &[TASK, CURRENT_THREAD],
        beside: &[THREAD, COROUTINE],
        pinned: None,
        judge: a_waiter_is_light,
    },
    Claim {
        id: "thread-memos-stay-on-threads",
        source: SOURCE,
        statement: "A memo for threads hangs if coroutines on one worker call it.",
        // The waiters of memo2 block the only worker. The monitor of memo3 blocks it only where another coroutine
        // must run at the same time.
        covers: &[
            Cover::of("conformance", &[("property", &["one-call"]), ("callers", &["coroutines"])])
                .only(&["memo2", "memo2::coroutine"]),
            Cover::of("conformance", &[("property", &["distinct-keys-overlap"]), ("callers", &["coroutines"])])
                .only(&["memo3", "memo3::coroutine"]),
        ],
        subjects: MEMOS,
        beside: &["memo2::coroutine", "memo3::coroutine"],
        pinned: Some(Holds),
        judge: thread_memos_stay_on_threads,
    },
    Claim {
        id: "a-call-of-its-own",
        source: SOURCE,
        statement: "If the leader's future is kept and never polled again, the waiters get the value only if the call \
                    of f belongs to no caller.",
        covers: &[Cover::of("conformance", &[("property", &["leader-left"]), ("callers", &["tasks"])])],
        subjects: &[
            "memo2::task",
            OWN_CALL,
            "moka::future",
            "quick_cache::async",
            "tokio::OnceCell",
            "async_singleflight",
        ],
        beside: &[],
        pinned: Some(Holds),
        judge: a_call_of_its_own,
    },
];

/// The settings with ten thousand units, for each memo and in every placement.
const fn crowd(experiment: &'static str) -> [Cover; 2] {
    const CROWD: (&str, &[&str]) = ("n", &["10000"]);
    [
        Cover::of(experiment, &[("variant", MEMOS), CROWD, ("placement", &["free"]), ("workers", WORKERS)]),
        Cover::of(experiment, &[("variant", MEMOS), CROWD, ("placement", &["one-core"])]),
    ]
}

/// The memo whose calls belong to no caller.
const OWN_CALL: &str = "memo3::task";

fn one_call_for_a_crowd(sample: &Sample<'_>) -> Judged {
    let calls = every(sample.cells.iter().copied(), "calls")?;
    let words = format!("calls for each herd: {}, in {} settings", span_words(&calls, count), sample.cells.len());
    Ok((holds(calls.iter().all(|calls| *calls == 1.0)), words))
}

fn one_request_a_page(sample: &Sample<'_>) -> Judged {
    const PAGES: f64 = 1000.0;
    let most = every(sample.cells.iter().copied(), "most_a_page")?;
    let all = every(sample.cells.iter().copied(), "requests")?;
    let so = most.iter().all(|most| *most == 1.0) && all.iter().all(|all| *all == PAGES);
    let [all, most] = [span_words(&all, count), span_words(&most, count)];
    Ok((holds(so), format!("{all} requests, at most {most} for each page, in {} settings", sample.cells.len())))
}

fn a_hit_needs_no_runtime(sample: &Sample<'_>) -> Judged {
    const ABOUT_THE_SAME: f64 = 2.0;
    let all = sample.all()?;
    let (mut times, mut ratios) = (Vec::new(), Vec::new());
    for &cell in &sample.cells {
        let mut least = f64::INFINITY;
        for other in all.iter().flat_map(|sample| sample.like(cell, &["placement"])) {
            least = least.min(other.median("time")?);
        }
        times.push(cell.median("time")?);
        ratios.push(cell.median("time")? / least);
    }
    let most = span(&ratios).1;
    Ok((holds(most <= ABOUT_THE_SAME), format!("{}, at most {most:.1} times the least", span_words(&times, duration))))
}

fn a_monitor_suits_light_units(sample: &Sample<'_>) -> Judged {
    const CHEAP: f64 = 50.0;
    let threads = monitor_ratios(&sample.other(THREAD)?)?;
    let mut so = true;
    let mut words = Vec::new();
    for (setting, ratio) in monitor_ratios(sample)? {
        let placement = setting.parameter("placement");
        let on_threads = threads.iter().filter(|(other, _)| other.parameter("placement") == placement);
        so &= ratio < CHEAP && on_threads.fold(f64::INFINITY, |least, (_, ratio)| least.min(*ratio)) > ratio;
        words.push(format!("{ratio:.0} ({placement}, workers {})", setting.parameter("workers")));
    }
    Ok((holds(so), format!("a hit in memo3 costs this many hits in memo2: {}", words.join(", "))))
}

/// The cost of a hit in memo3 divided by the cost of a hit in memo2, in each setting.
fn monitor_ratios<'a>(sample: &Sample<'a>) -> Result<Vec<(Measured<'a>, f64)>, Gap> {
    let mut ratios = Vec::new();
    for monitor in sample.with("variant", "memo3") {
        for hit in sample.like(monitor, &["placement", "workers"]).filter(|hit| hit.parameter("variant") == "memo2") {
            ratios.push((monitor, monitor.median("time")? / hit.median("time")?));
        }
    }
    Ok(ratios)
}

fn a_waiter_is_light(sample: &Sample<'_>) -> Judged {
    const PAGE: f64 = 4096.0;
    let resident = every(sample.cells.iter().copied(), "resident")?;
    Ok((holds(span(&resident).1 < PAGE), format!("{} for each waiter and its unit", span_words(&resident, bytes))))
}

/// Only a hang confirms the claim, and only a kept property contradicts it. A crash or a wrong value decides
/// nothing.
fn thread_memos_stay_on_threads(sample: &Sample<'_>) -> Judged {
    kept_or_hangs(sample, |kept| !kept)
}

fn a_call_of_its_own(sample: &Sample<'_>) -> Judged {
    let own = sample.subject == OWN_CALL;
    let whose = if own { "the call is a task of its own" } else { "the call belongs to its leader" };
    let (verdict, outcome) = kept_or_hangs(sample, |kept| kept == own)?;
    Ok((verdict, format!("{whose}: {outcome}")))
}

/// Whether each trial ended as `expected`, which receives whether the trial kept its property. A trial that neither
/// kept its property nor hung decides nothing.
fn kept_or_hangs(sample: &Sample<'_>, expected: impl Fn(bool) -> bool) -> Judged {
    let (mut so, mut words) = (true, Vec::new());
    for cell in &sample.cells {
        let outcome = cell.outcome()?;
        so &= match outcome {
            Outcome::Kept => expected(true),
            Outcome::Hangs { .. } => expected(false),
            other => return Err(cell.gap(&other.to_string())),
        };
        words.push(format!("{}: {outcome}", cell.parameter("property")));
    }
    Ok((holds(so), words.join("; ")))
}

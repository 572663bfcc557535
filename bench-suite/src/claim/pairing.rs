//! This course's own claims: which memo suits which runtime, and what decides each.

use super::Verdict::{DoesNotHold, Holds};
use super::ledger::{COROUTINE, TASK, THREAD, each, holds};
use super::{Claim, Evidence, Finding, Verdict};
use crate::conformance::Outcome;
use crate::report::{bytes, count, duration};

/// What this course says of memos on runtimes.
pub(super) const PAIRING: &[Claim] = &[
    Claim {
        id: "one-call-for-a-crowd",
        source: "this course, The same memo three times",
        statement: "Ten thousand callers of one cold key make one call of f, whatever they are.",
        experiments: &["runtime_herd"],
        judge: one_call_for_a_crowd,
    },
    Claim {
        id: "one-request-a-page",
        source: "this course, The same memo three times",
        statement: "Ten thousand requests for a thousand pages reach the server once a page.",
        experiments: &["runtime_http"],
        judge: one_request_a_page,
    },
    Claim {
        id: "a-hit-needs-no-runtime",
        source: "this course, The same memo three times",
        statement: "A hit in memo2 waits for nobody, so it costs about the same on every runtime: at most twice the least.",
        experiments: &["runtime_hit"],
        judge: a_hit_needs_no_runtime,
    },
    Claim {
        id: "a-monitor-suits-light-units",
        source: "this course, The same memo three times",
        statement: "Where a switch is cheap, a monitor is: a hit in memo3 costs less than fifty hits in memo2.",
        experiments: &["runtime_hit"],
        judge: a_monitor_suits_light_units,
    },
    Claim {
        id: "a-waiter-is-light",
        source: "this course, The same memo three times",
        statement: "A caller that waits in a memo takes less than a page of memory, its unit included.",
        experiments: &["runtime_herd"],
        judge: a_waiter_is_light,
    },
    Claim {
        id: "thread-memos-stay-on-threads",
        source: "this course, The same memo three times",
        statement: "A memo for threads hangs where coroutines on one worker call it.",
        experiments: &["conformance"],
        judge: thread_memos_stay_on_threads,
    },
    Claim {
        id: "a-call-of-its-own",
        source: "this course, The same memo three times",
        statement: "Where callers may be left lying, a call of f must belong to nobody: only then do the others get the value.",
        experiments: &["conformance"],
        judge: a_call_of_its_own,
    },
];

const MODELS: [&str; 3] = [THREAD, COROUTINE, TASK];
const ALL_HOLD: [(&str, Verdict); 3] = [(THREAD, Holds), (COROUTINE, Holds), (TASK, Holds)];
const MEMOS: [&str; 2] = ["memo2", "memo3"];

fn one_call_for_a_crowd(evidence: &Evidence) -> Vec<Finding> {
    each(&MODELS, &ALL_HOLD, |model| {
        let calls = |memo| evidence.figure("runtime_herd", model, &[("variant", memo), ("n", "10000")], "calls");
        let [two, three] = MEMOS.map(calls);
        let (two, three) = (two?, three?);
        Some((format!("{} in memo2, {} in memo3", count(two), count(three)), holds(two == 1.0 && three == 1.0)))
    })
}

fn one_request_a_page(evidence: &Evidence) -> Vec<Finding> {
    each(&MODELS, &ALL_HOLD, |model| {
        let most = |memo| evidence.figure("runtime_http", model, &[("variant", memo)], "most_a_page");
        let [two, three] = MEMOS.map(most);
        let (two, three) = (two?, three?);
        let all = evidence.figure("runtime_http", model, &[("variant", MEMOS[0])], "requests")?;
        Some((
            format!("{} requests; at most {} a page with memo2, {} with memo3", count(all), count(two), count(three)),
            holds(two == 1.0 && three == 1.0),
        ))
    })
}

/// The time of a hit of one caller on one worker. On one core, where no time depends on which core wakes which.
fn hit(evidence: &Evidence, model: &str, memo: &str) -> Option<f64> {
    let setting = [("variant", memo), ("callers", "1"), ("workers", "1"), ("placement", "one-core")];
    evidence.figure("runtime_hit", model, &setting, "time")
}

fn a_hit_needs_no_runtime(evidence: &Evidence) -> Vec<Finding> {
    let least = MODELS.iter().filter_map(|model| hit(evidence, model, MEMOS[0])).fold(f64::INFINITY, f64::min);
    each(&MODELS, &[], |model| {
        let time = hit(evidence, model, MEMOS[0])?;
        Some((format!("{}, {:.1} times the least", duration(time), time / least), holds(time <= 2.0 * least)))
    })
}

fn a_monitor_suits_light_units(evidence: &Evidence) -> Vec<Finding> {
    each(&MODELS, &[], |model| {
        let (two, three) = (hit(evidence, model, MEMOS[0])?, hit(evidence, model, MEMOS[1])?);
        Some((
            format!("{} in memo2, {} in memo3: {:.0} times", duration(two), duration(three), three / two),
            holds(three < 50.0 * two),
        ))
    })
}

fn a_waiter_is_light(evidence: &Evidence) -> Vec<Finding> {
    const PAGE: f64 = 4096.0;
    each(&MODELS, &[], |model| {
        let resident = evidence.figure("runtime_herd", model, &[("variant", "memo2"), ("n", "10000")], "resident")?;
        Some((format!("{} each", bytes(resident)), holds(resident < PAGE)))
    })
}

fn thread_memos_stay_on_threads(evidence: &Evidence) -> Vec<Finding> {
    let pinned =
        [("memo2", Holds), ("memo3", Holds), ("memo2::coroutine", DoesNotHold), ("memo3::coroutine", DoesNotHold)];
    let memos = pinned.map(|(memo, _)| memo);
    each(&memos, &pinned, |memo| {
        // memo2's waiters block the worker as soon as there are any; memo3's only where another coroutine must run.
        let property = if memo.starts_with("memo2") { "one-call" } else { "distinct-keys-overlap" };
        let outcome = evidence.outcome(memo, property, "coroutines")?;
        Some((format!("{property}: {outcome}"), holds(matches!(outcome, Outcome::Hangs { .. }))))
    })
}

fn a_call_of_its_own(evidence: &Evidence) -> Vec<Finding> {
    let memos =
        ["memo2::task", "memo3::task", "moka::future", "quick_cache::async", "tokio::OnceCell", "async_singleflight"];
    let pinned = [("memo2::task", Holds), ("memo3::task", Holds)];
    each(&memos, &pinned, |memo| {
        let outcome = evidence.outcome(memo, "leader-left", "tasks")?;
        let own = memo == "memo3::task";
        let whose = if own { "its call is a task of its own" } else { "its call is its leader's" };
        Some((format!("{whose}: {outcome}"), holds(own == (*outcome == Outcome::Kept))))
    })
}

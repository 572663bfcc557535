//! What each subject is known not to do.
//!
//! Everything that is not listed here is a promise, and the suite's test holds a subject to it. What is listed must
//! fail as listed. So if a new version of a peer keeps a property, the test fails until the list is corrected.

use crate::subject::Callers;

/// How a subject is known to fail a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does something else.
    Breaks,
    /// It never ends.
    Hangs,
    /// It takes its process down.
    Crashes,
}

/// What is known about a subject and a property before it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It keeps the property.
    Kept,
    /// It fails, in this way.
    Fails(Failure),
    /// Nothing. The student's slot promises nothing, and some failures depend on luck.
    Nothing,
}

/// The situations in which a call waits for itself.
const CYCLES: [&str; 4] = ["same-key", "cycle", "two-caller-cycle", "three-caller-cycle"];

/// What is known about `subject` and `property` where `callers` try it.
#[must_use]
pub fn declared(callers: Callers, subject: &str, property: &str) -> Declared {
    // One memo that suppresses duplicates detects a cycle: memo2::robust. In the others, peers included, each call in
    // the cycle waits for the next.
    let cycle = CYCLES.contains(&property) && !["memo2::duplicating", "memo2::robust"].contains(&subject);
    match subject {
        "mine" => Declared::Nothing,
        _ if cycle => Declared::Fails(Failure::Hangs),
        _ => match callers {
            Callers::Threads => from_threads(subject, property),
            Callers::Coroutines => from_coroutines(subject, property),
            Callers::Tasks => from_tasks(subject, property),
        },
    }
}

fn from_threads(subject: &str, property: &str) -> Declared {
    use Failure::{Breaks, Crashes, Hangs};
    match (subject, property) {
        // It holds its only lock while f runs, so other callers wait, and f waits for itself.
        ("memo2::coarse", "distinct-keys-overlap" | "same-hash-overlap" | "hits-pass-slow-keys") => {
            Declared::Fails(Hangs)
        }
        ("memo2::coarse", "ask-other-keys" | "diamond") => Declared::Fails(Hangs),

        // It suppresses no duplicates, so it has no waiters either.
        ("memo2::duplicating", "one-call" | "one-call-one-core" | "one-value") => Declared::Fails(Breaks),
        ("memo2::duplicating", "panic-hand-over" | "panics-in-a-row" | "waiters-sleep") => Declared::Fails(Breaks),
        // It fails only if two callers come within the same microsecond.
        ("memo2::duplicating", "late-callers" | "callers-in-step") => Declared::Nothing,
        // A cycle of calls goes on until the stack overflows, as it would without a memo.
        ("memo2::duplicating", cycle) if CYCLES.contains(&cycle) => Declared::Fails(Crashes),

        // The map keeps an empty cell for every key whose call panicked.
        ("dashmap" | "papaya", "failed-keys-go") => Declared::Fails(Breaks),
        // After a value has panicked in Clone, the next call for its key panics too: "Got unexpected state `Computing`
        // after resolving `init` future. This might be a bug in Moka".
        ("moka", "value-clone-panics") => Declared::Fails(Breaks),
        // A caller that comes after the key was invalidated still waits for the call that was under way then.
        ("moka", "forgotten-in-f") => Declared::Fails(Hangs),

        _ => Declared::Kept,
    }
}

fn from_coroutines(subject: &str, property: &str) -> Declared {
    const CANCELLED: [&str; 5] =
        ["leader-cancelled", "waiters-cancelled", "all-cancelled", "one-at-a-time", "no-call-for-nobody"];
    match (subject, property) {
        // The memos for threads block the only worker while they wait, and so the coroutine for which they wait.
        //
        // In memo2 that is a leader whose f has yielded: the next caller of its key stops everything.
        ("memo2", "one-call" | "one-value" | "panic-hand-over" | "panics-in-a-row" | "cancel-storm") => {
            Declared::Fails(Failure::Hangs)
        }
        // On two workers, two such callers at once stop everything.
        ("memo2", "abort-storm") => Declared::Nothing,
        // f cancels callers, so it needs the runtime, but it runs on threads beside it. In a debug build on a busy
        // machine that takes longer than the deadline.
        ("memo3", "abort-storm") => Declared::Nothing,
        // In memo3 f runs on a thread of its own. That goes on unless it waits for another coroutine.
        ("memo3", "distinct-keys-overlap" | "same-hash-overlap" | "hits-pass-slow-keys") => {
            Declared::Fails(Failure::Hangs)
        }
        // The coroutine that cancels needs the blocked worker too.
        ("memo2" | "memo3", cancelled) if CANCELLED.contains(&cancelled) => Declared::Fails(Failure::Hangs),

        _ => Declared::Kept,
    }
}

fn from_tasks(subject: &str, property: &str) -> Declared {
    match (subject, property) {
        // Its calls have tasks of their own, which go on whichever caller is polled.
        ("memo3::task", _) => Declared::Kept,
        // The call of f is part of its caller's future, and goes on only when that is polled.
        (_, "leader-left") => Declared::Fails(Failure::Hangs),
        // When a leader is dropped they wake one waiter to lead, and the others rely on that one. (quick_cache wakes
        // the next one too if that one is left alone; async_singleflight and memo2::task wake all.)
        ("moka::future" | "tokio::OnceCell", "waiter-left") => Declared::Fails(Failure::Hangs),
        // When a leader is dropped they let the next one lead, and drop the call of f after that. So there are two
        // calls at once for as long as the drop takes.
        ("moka::future" | "async_singleflight", "old-call-goes-first") => Declared::Fails(Failure::Breaks),
        // The map keeps an empty cell for every key whose call panicked or was dropped.
        ("tokio::OnceCell" | "async_singleflight", "failed-keys-go") => Declared::Fails(Failure::Breaks),
        // moka wakes waiters under the lock of its event listener, which the waiter takes, when a leader returns.
        ("moka::future", "polled-in-wake") => Declared::Fails(Failure::Hangs),
        // quick_cache wakes a waiter under the lock of the key's placeholder, when a leader is dropped. The waiter takes
        // that lock only in a `debug_assert!`, so a release build does not hang (quick_cache 0.7.0).
        ("quick_cache::async", "polled-in-wake") if cfg!(debug_assertions) => Declared::Fails(Failure::Hangs),
        // On two workers the same happens by chance. And some values of moka outlive their cache, by seconds at least.
        ("moka::future" | "async_singleflight", "abort-storm" | "one-at-a-time") => Declared::Nothing,

        _ => Declared::Kept,
    }
}

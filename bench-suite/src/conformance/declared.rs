//! What each subject is known not to do.
//!
//! Everything that is not listed here is a promise, and the suite's test holds a subject to it. What is listed must
//! fail in the way that is listed: a peer that has learnt something new turns the test red, and the list is mended.

/// How a subject is known to fail a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It ends, with something else.
    Breaks,
    /// It never ends.
    Hangs,
    /// It takes its process down.
    Crashes,
}

/// What is held about a subject and a property before it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It keeps the property.
    Kept,
    /// It fails, in this way.
    Fails(Failure),
    /// Nothing. The student's slot promises nothing, and some failures come by chance.
    Nothing,
}

/// The situations in which a call waits for itself.
const CIRCLES: [&str; 4] = ["same-key", "cycle", "two-caller-cycle", "three-caller-cycle"];

/// What is held about `subject` and `property`.
#[must_use]
pub fn declared(subject: &str, property: &str) -> Declared {
    use Failure::{Breaks, Crashes, Hangs};
    match (subject, property) {
        ("mine", _) => Declared::Nothing,

        // It holds its only lock while f runs: whoever else asks waits, and f itself too.
        ("memo2::coarse", "distinct-keys-overlap" | "same-hash-overlap" | "hits-pass-slow-keys") => {
            Declared::Fails(Hangs)
        }
        ("memo2::coarse", "ask-other-keys" | "diamond") => Declared::Fails(Hangs),

        // It suppresses no duplicate, so there are no waiters either.
        ("memo2::duplicating", "one-call" | "one-call-one-core" | "one-value") => Declared::Fails(Breaks),
        ("memo2::duplicating", "panic-hand-over" | "panics-in-a-row" | "waiters-sleep") => Declared::Fails(Breaks),
        // Two callers must come within the same microsecond, which they may not do.
        ("memo2::duplicating", "late-callers") => Declared::Nothing,
        // A circle of calls goes on until the stack ends, as it would without a memo.
        ("memo2::duplicating", circle) if CIRCLES.contains(&circle) => Declared::Fails(Crashes),

        // Nobody who suppresses duplicates sees a circle, neither we nor any peer: each call in it waits for the next.
        (_, circle) if CIRCLES.contains(&circle) => Declared::Fails(Hangs),

        // After a value has panicked in Clone, the next call for its key panics too: "Got unexpected state `Computing`
        // after resolving `init` future. This might be a bug in Moka".
        ("moka", "value-clone-panics") => Declared::Fails(Breaks),

        _ => Declared::Kept,
    }
}

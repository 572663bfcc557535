//! gopl's claim about the identity of goroutines (section 9.8.4).

use super::cover::Cover;
use super::models::{COROUTINE, GOROUTINE, TASK, THREAD};
use super::sample::{Sample, every, span_words};
use super::statement::{Claim, Judged, Verdict::Holds, holds};
use crate::figure::count;

pub(super) const CLAIMS: &[Claim] = &[Claim {
    id: "no-identity",
    source: "gopl 9.8.4",
    statement: "A goroutine has no identity under which code could store data, as a thread has: data stored under the \
                identity of the thread is lost.",
    covers: &[Cover::of("identity", &[("workers", &["1"])])],
    subjects: &[GOROUTINE],
    beside: &[THREAD, COROUTINE, TASK],
    pinned: Some(Holds),
    judge: no_identity,
}];

/// A missing function of a language cannot be measured. The predicate tests whether the identity of the OS thread
/// can take its place: sixteen units on one worker each store their number under their thread, yield, and look for
/// it.
fn no_identity(sample: &Sample<'_>) -> Judged {
    const UNITS: f64 = 16.0;
    let under_thread = every(sample.cells.iter().copied(), "thread_local_right")?;
    let argument = every(sample.cells.iter().copied(), "argument_right")?;
    let so = under_thread.iter().all(|right| *right < UNITS) && argument.iter().all(|right| *right == UNITS);
    let words = format!(
        "of 16 units, {} found their number under their thread, {} in an argument",
        span_words(&under_thread, count),
        span_words(&argument, count),
    );
    Ok((holds(so), words))
}

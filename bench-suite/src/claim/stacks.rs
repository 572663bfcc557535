//! gopl's claims about stacks (section 9.8.1).

use super::cover::Cover;
use super::evidence::Gap;
use super::models::{COROUTINE, GOROUTINE, TASK, THREAD};
use super::sample::{Measured, Sample, every, span, span_words};
use super::statement::{Claim, Judged, Verdict::Holds, holds};
use crate::child::probe::Stop;
use crate::figure::{bytes, count};
use crate::store::Observation;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "fixed-stack",
        source: "gopl 9.8.1",
        statement: "An OS thread has a stack of a fixed size.",
        covers: &[Cover::of("stack", &[("variant", &["deepest"]), ("stack", &["65536", "2097152"])])],
        subjects: &[THREAD],
        beside: &[COROUTINE, TASK, GOROUTINE],
        pinned: Some(Holds),
        judge: fixed_stack,
    },
    Claim {
        id: "two-megabytes",
        source: "gopl 9.8.1",
        statement: "The stack of an OS thread is large, often as much as 2 MB, if the program does not choose its \
                    size.",
        covers: &[Cover::of("stack", &[("variant", &["default"])])],
        subjects: &[THREAD],
        beside: &[],
        pinned: Some(Holds),
        judge: two_megabytes,
    },
    Claim {
        id: "two-kilobytes",
        source: "gopl 9.8.1",
        statement: "A goroutine starts with a small stack, about 2 KB.",
        covers: PARKED,
        subjects: &[GOROUTINE],
        beside: &[THREAD, COROUTINE, TASK],
        pinned: None,
        judge: two_kilobytes,
    },
    Claim {
        id: "grows-to-1-gb",
        source: "gopl 9.8.1",
        statement: "A goroutine's stack grows and shrinks as needed, to a limit of about 1 GB.",
        covers: &[
            Cover::of("stack", &[("variant", &["deepest"]), ("stack", &["65536", "2097152"])]),
            Cover::of("stack", &[("variant", &["growing"])]),
        ],
        subjects: &[GOROUTINE],
        beside: &[],
        pinned: Some(Holds),
        judge: grows_to_1_gb,
    },
    Claim {
        id: "hundreds-of-thousands",
        source: "gopl 9.8.1",
        statement: "Hundreds of thousands of goroutines at a time are not uncommon.",
        covers: &[Cover::of("parked", &[("variant", &["how_many"])])],
        subjects: &[GOROUTINE],
        beside: &[THREAD, COROUTINE, TASK],
        pinned: None,
        judge: hundreds_of_thousands,
    },
];

/// Settings in which units wait, so that the memory of each unit can be measured.
const PARKED: &[Cover] = &[Cover::of("parked", &[("variant", &["slope"]), ("n", &["1000", "10000"])])];

/// The depth in bytes at which an endless recursion overflowed the stack. The child reports its depth at intervals,
/// so this is a lower bound.
fn overflowed_at(cell: Measured<'_>) -> Result<f64, Gap> {
    let seen = cell.observed()?;
    let end = end_of(seen);
    if end.contains("overflow") { cell.told("progress") } else { Err(cell.gap(&end)) }
}

/// What stopped an observation, or else what the joiner of its unit saw.
fn end_of(seen: &Observation) -> String {
    let joiner = || seen.facts.get("joiner").cloned().unwrap_or_else(|| "nothing stopped it".to_string());
    seen.stopped.as_ref().map_or_else(joiner, Stop::to_string)
}

/// A stack that grows would get deeper than the size that was asked for. A stack that is smaller than that size
/// would end long before it.
fn fixed_stack(sample: &Sample<'_>) -> Judged {
    let (mut words, mut so) = (Vec::new(), true);
    for &cell in &sample.cells {
        let (asked, reached) = (cell.number("stack")?, overflowed_at(cell)?);
        so &= (asked / 2.0..=asked).contains(&reached);
        words.push(match sample.subject {
            GOROUTINE => format!("its size cannot be chosen, reached {}", bytes(reached)),
            _ => format!("asked for {}, reached {}", bytes(asked), bytes(reached)),
        });
    }
    words.dedup();
    Ok((holds(so), words.join("; ")))
}

fn two_megabytes(sample: &Sample<'_>) -> Judged {
    const MB_2: f64 = 2e6;
    let reserved = every(sample.cells.iter().copied(), "reserved")?;
    let system = sample.machine.limits.get("stack ulimit in bytes").map(|limit| format!("; ulimit -s: {limit} bytes"));
    let words = format!("{} if no size is given", span_words(&reserved, bytes));
    Ok((holds(span(&reserved).0 >= MB_2), words + &system.unwrap_or_default()))
}

/// A unit takes more memory than its stack, so this is an upper bound of what the stack takes.
fn two_kilobytes(sample: &Sample<'_>) -> Judged {
    let resident = every(sample.cells.iter().copied(), "resident")?;
    let so = resident.iter().all(|resident| (1024.0..4096.0).contains(resident));
    Ok((holds(so), format!("{} resident for each unit, its stack included", span_words(&resident, bytes))))
}

/// A goroutine's stack grows by doubling. If it reached 512 MiB and then overflowed, the next doubling was refused:
/// 1 GiB is more than 1 GB.
fn grows_to_1_gb(sample: &Sample<'_>) -> Judged {
    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
    let mut reached = Vec::new();
    for cell in sample.with("variant", "deepest") {
        reached.push(overflowed_at(cell)?);
    }
    let (mut most, mut left) = (Vec::new(), Vec::new());
    for cell in sample.with("variant", "growing") {
        most.extend_from_slice(&cell.figure("stack_most")?.rounds);
        left.extend_from_slice(&cell.figure("stack_left")?.rounds);
    }
    let grows = reached.iter().all(|reached| (GIB / 2.0..GIB).contains(reached));
    let shrinks = most.iter().zip(&left).all(|(most, left)| *left <= most / 100.0);
    let words = format!(
        "reached {}, and the next doubling overflowed; it shrank from {} at its deepest to {}",
        span_words(&reached, bytes),
        span_words(&most, bytes),
        span_words(&left, bytes),
    );
    Ok((holds(grows && shrinks), words))
}

fn hundreds_of_thousands(sample: &Sample<'_>) -> Judged {
    let (mut units, mut words) = (Vec::new(), Vec::new());
    for cell in &sample.cells {
        let seen = cell.observed()?;
        // A process that crashed has reported a lower bound of the number of units.
        units.push(cell.told("units").or_else(|_| cell.told("progress"))?);
        words.push(seen.stopped.as_ref().map_or_else(|| "all that were asked for".to_string(), Stop::word));
    }
    words.dedup();
    let words = format!("{} at once; {}", span_words(&units, count), words.join(", "));
    Ok((holds(span(&units).0 >= 200_000.0), words))
}

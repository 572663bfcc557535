//! gopl's claims about stacks (section 9.8.1).

use super::Verdict::Holds;
use super::sample::{Gap, Measured, Sample, every, span, span_words};
use super::{COROUTINE, Claim, Cover, GOROUTINE, Judged, TASK, THREAD, holds};
use crate::child::probe::Stop;
use crate::report::{bytes, count};
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
        statement: "That stack is large, often as much as 2 MB, if the program does not choose its size.",
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
        statement: "A goroutine's stack grows and shrinks as needed, to a limit of some 1 GB.",
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
        statement: "It is not uncommon to have hundreds of thousands of goroutines at a time.",
        covers: &[Cover::of("parked", &[("variant", &["how_many"])])],
        subjects: &[GOROUTINE],
        beside: &[THREAD, COROUTINE, TASK],
        pinned: None,
        judge: hundreds_of_thousands,
    },
];

/// Units that wait, and what each of them takes.
const PARKED: &[Cover] = &[Cover::of("parked", &[("variant", &["slope"]), ("n", &["1000", "10000"])])];

/// How deep a recursion without an end came before it overflowed the stack. It tells its depth in steps.
fn overflowed_at(cell: Measured<'_>) -> Result<f64, Gap> {
    let seen = cell.observed()?;
    let end = end_of(seen);
    if end.contains("overflow") { cell.told("progress") } else { Err(cell.gap(&end)) }
}

/// What stopped an observation, or what its joiner saw of that.
fn end_of(seen: &Observation) -> String {
    let joiner = || seen.facts.get("joiner").cloned().unwrap_or_else(|| "nothing stopped it".to_string());
    seen.stopped.as_ref().map_or_else(joiner, Stop::to_string)
}

/// A stack that grows would come further than the size that was asked for. One that is smaller than what was asked for
/// would end long before.
fn fixed_stack(sample: &Sample<'_>) -> Judged {
    let (mut words, mut so) = (Vec::new(), true);
    for &cell in &sample.cells {
        let (asked, reached) = (cell.number("stack")?, overflowed_at(cell)?);
        so &= (asked / 2.0..=asked).contains(&reached);
        words.push(match sample.subject {
            GOROUTINE => format!("no size can be asked for, reached {}", bytes(reached)),
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

/// A unit has more than its stack, so this is an upper bound of what the stack takes.
fn two_kilobytes(sample: &Sample<'_>) -> Judged {
    let resident = every(sample.cells.iter().copied(), "resident")?;
    let so = resident.iter().all(|resident| (1024.0..4096.0).contains(resident));
    Ok((holds(so), format!("{} resident each, stack and all", span_words(&resident, bytes))))
}

/// A goroutine's stack doubles. If it reached 512 MiB and then overflowed, the doubling to 1 GiB, which is more than
/// 1 GB, was refused.
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
        "reached {}, and the next doubling overflowed; from {} at its deepest it shrank to {}",
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
        // A process that crashed has told how many units there were at least.
        units.push(cell.told("units").or_else(|_| cell.told("progress"))?);
        words.push(seen.stopped.as_ref().map_or_else(|| "as many as were asked for".to_string(), Stop::word));
    }
    words.dedup();
    let words = format!("{} at once; {}", span_words(&units, count), words.join(", "));
    Ok((holds(span(&units).0 >= 200_000.0), words))
}

//! Finds out what `may` really runs with. Its settings do not show that: they return what was set last, but `may` uses
//! what was set when it started.

use std::collections::HashSet;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use may::coroutine::JoinHandle;

use crate::Workers;

/// The most times the workers are counted before a count below the expected one is believed. `may` gives spawns
/// from outside to its workers in turn, but an idle worker may take a coroutine from another worker.
const COUNTS: usize = 100;

/// Returns how many workers run coroutines. If there are more than `expected`, the result may be as low as
/// `expected + 1`.
///
/// # Panics
///
/// If this makes the first spawn of the process and the operating system refuses a thread or a descriptor.
pub(super) fn workers(expected: Workers) -> usize {
    let mut workers = HashSet::new();
    for _ in 0..COUNTS {
        // One coroutine more than there should be workers, so that one worker too many shows up. Twice that, so
        // that a worker whose coroutine was taken by another worker shows up in the second round.
        for _ in 0..2 * (expected.number() + 1) {
            workers.insert(join(spawn(|| thread::current().id())));
        }
        if workers.len() >= expected.number() {
            break;
        }
    }
    workers.len()
}

/// Returns the size of a coroutine's stack, in bytes, or `None` where the operating system does not report it.
///
/// # Panics
///
/// As [`workers`].
pub(super) fn stack() -> Option<usize> {
    let (here, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    // When a coroutine ends, its stack is unmapped unless it has the size that `may` believes all stacks to have.
    // So the coroutine stays alive until its stack has been measured. This thread does the measuring, because
    // reading a file takes more stack than the one page that the smallest stack has.
    let stays = spawn({
        let (here, seen) = (here.clone(), seen.clone());
        move || {
            let top = 0_u8;
            here.store(std::ptr::from_ref(black_box(&top)).addr(), Relaxed);
            while !seen.load(Relaxed) {
                may::coroutine::yield_now();
            }
        }
    });
    while here.load(Relaxed) == 0 {
        thread::yield_now();
    }
    let bytes = stack_around(here.load(Relaxed));
    seen.store(true, Relaxed);
    join(stays);
    bytes
}

/// Runs `body` on a coroutine.
#[allow(
    clippy::disallowed_methods,
    reason = "the code that closes the traps may use them"
)]
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: the two bodies above hold nothing of a thread across a yield: one yields in a loop that reads an
    // atomic, the other does not yield. Their frames fit into the one page that the smallest stack has.
    unsafe { may::coroutine::spawn(body) }
}

fn join<T>(handle: JoinHandle<T>) -> T {
    handle.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Returns the size, in bytes, of the stack whose top page contains `here`: from the guard page below the stack to
/// the end of that top page.
#[cfg(target_os = "linux")]
fn stack_around(here: usize) -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let start = maps.lines().find_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let (start, end) = (
            usize::from_str_radix(start, 16).ok()?,
            usize::from_str_radix(end, 16).ok()?,
        );
        (start..end).contains(&here).then_some(start)
    })?;
    Some((here - start).next_multiple_of(crate::system::page_size()))
}

/// Always `None`: only Linux reports it.
#[cfg(not(target_os = "linux"))]
fn stack_around(_: usize) -> Option<usize> {
    None
}

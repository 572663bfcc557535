//! What `may` really runs with, which its own settings do not tell: they read back what was set last, and it took what
//! was set when it started.

use std::collections::HashSet;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use may::coroutine::JoinHandle;

use crate::Workers;

/// How often the workers are counted before fewer of them than expected are believed. `may` gives spawns from outside to
/// its workers in turn, but an idle worker may take one from another.
const COUNTS: usize = 100;

/// How many workers run coroutines. Of more than `expected` it finds one more.
///
/// # Panics
///
/// If the operating system refuses a thread or a descriptor, and this makes the first spawn of the process.
pub(super) fn workers(expected: Workers) -> usize {
    let mut workers = HashSet::new();
    for _ in 0..COUNTS {
        // One more than there should be, so that one too many shows; and twice, so that one whose coroutine was taken by
        // another shows the second time.
        for _ in 0..2 * (expected.number() + 1) {
            workers.insert(join(spawn(|| thread::current().id())));
        }
        if workers.len() >= expected.number() {
            break;
        }
    }
    workers.len()
}

/// The bytes of a coroutine's stack. `None` where the operating system does not tell.
///
/// # Panics
///
/// As [`workers`].
pub(super) fn stack() -> Option<usize> {
    let (here, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    // A stack is unmapped at its coroutine's end, unless it is of the size that `may` believes all stacks to have. So the
    // coroutine stays until its stack has been measured, and this thread measures it, because reading a file takes more
    // than the page that the smallest stack has.
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
#[allow(clippy::disallowed_methods, reason = "what closes the traps may pass by them")]
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: the two bodies above hold nothing of a thread across a yield: one yields in a loop that reads an atomic,
    // the other does not yield. Their frames fit into the one page that the smallest stack has.
    unsafe { may::coroutine::spawn(body) }
}

fn join<T>(handle: JoinHandle<T>) -> T {
    handle.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// The bytes of the stack whose first page, at the top, has `here`: from the guard page below the stack to the end of
/// that page.
#[cfg(target_os = "linux")]
fn stack_around(here: usize) -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let start = maps.lines().find_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        (start..end).contains(&here).then_some(start)
    })?;
    Some((here - start).next_multiple_of(crate::system::page_size()))
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
fn stack_around(_: usize) -> Option<usize> {
    None
}

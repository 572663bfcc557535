//! Two callers in step: they go on at the same instant, thousands of times, and each time shifted a little.
//!
//! This finds mistakes that need exact timing: two callers look before either acts, or a call ends between a waiter's
//! last look and its sleep. Chance alone shows such a mistake once in a million calls, or in the program of a user.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::bail;
use green_threads::probe::placement::{allowed_cores, pin_to};

use super::{Gate, thread_herd};
use crate::spec::CannotBe;

/// How many times the two callers go on.
pub(crate) const ROUNDS: usize = 8_000;

/// One caller is later than the other by fewer steps than this, and a call takes fewer steps than this. A step is one
/// turn of a spin loop.
const STEPS: usize = 64;

/// How many steps a caller spins while it waits for the other: several tens of microseconds. After that it sleeps,
/// because the other is probably not running.
const PATIENCE: usize = 2_000;

/// Runs `ask` on two threads, with the number of each round.
///
/// From round to round one of the threads calls `ask` some steps later, and [`linger`] takes some steps longer. So each
/// caller meets the other at every step of its path.
///
/// # Errors
///
/// If there is only one core: two callers take turns on it, and are never in step.
pub(crate) fn in_step(ask: impl Fn(usize) + Sync) -> anyhow::Result<()> {
    if thread::available_parallelism()?.get() == 1 {
        bail!(CannotBe("two callers can ask at the same instant only if there are two cores"));
    }
    let (come, all_come) = (AtomicUsize::new(0), Gate::default());
    let cores = allowed_cores().unwrap_or_default();
    thread_herd(2, |caller| {
        // Each caller has a core of its own. On one core, a caller that wakes the other would take turns with it. Only
        // Linux can place them. On other systems, luck decides whether they meet.
        if let Some(core) = if caller == 0 { cores.first() } else { cores.last() } {
            let _ = pin_to(*core);
        }
        for round in 0..ROUNDS {
            all_come.arrive();
            come.fetch_add(1, SeqCst);
            let all = 2 * (round + 1);
            let together = |_| {
                spin_loop();
                come.load(SeqCst) >= all
            };
            if !(0..PATIENCE).any(together) {
                all_come.block_until(all);
            }
            if round % 2 == caller {
                steps(round / 2 % STEPS);
            }
            ask(round);
        }
    });
    Ok(())
}

/// What a call of `f` does in a round: it spins for a number of steps that differs from round to round.
pub(crate) fn linger(round: usize) {
    steps(round / STEPS % STEPS);
}

fn steps(count: usize) {
    (0..count).for_each(|_| spin_loop());
}

//! Two callers in step: they go on in the same instant, thousands of times, and each time shifted a little.
//!
//! It is for mistakes whose time is short: two callers that look before either acts, a call that ends between a
//! waiter's last look and its sleep. Chance alone finds one of these in a million calls, or in the hundred thousandth
//! user's program.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::bail;
use green_threads::probe::placement::{allowed_cores, pin_to};

use super::CannotBe;
use super::gate::{Gate, herd};

/// How many times they go on.
pub(super) const ROUNDS: usize = 8_000;

/// By how many steps one is later than the other, and how many steps a call takes: from none to this.
const STEPS: usize = 64;

/// How many steps a caller spins until the other has come, some tens of microseconds. Then it sleeps, since the other
/// cannot be running.
const PATIENCE: usize = 2_000;

/// Runs `ask` on two threads, with the number of each round.
///
/// From round to round one of them comes some steps later, and [`linger`] takes some steps longer: sooner or later,
/// each is met by the other at each step of its way.
///
/// # Errors
///
/// If there is one core only, on which two callers take turns and are never in step.
pub(super) fn in_step(ask: impl Fn(usize) + Sync) -> anyhow::Result<()> {
    if thread::available_parallelism()?.get() == 1 {
        bail!(CannotBe("two callers come in the same instant only where there are two cores"));
    }
    let (come, all_come) = (AtomicUsize::new(0), Gate::default());
    let cores = allowed_cores().unwrap_or_default();
    herd(2, |caller| {
        // Each on a core of its own, or the one who wakes the other would have it beside itself, and they would take
        // turns. Where that cannot be had (without Linux), it is a matter of luck whether they meet.
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
                all_come.wait_for(all);
            }
            if round % 2 == caller {
                steps(round / 2 % STEPS);
            }
            ask(round);
        }
    });
    Ok(())
}

/// What a call of `f` does in a round: it takes a time of its own.
pub(super) fn linger(round: usize) {
    steps(round / STEPS % STEPS);
}

fn steps(count: usize) {
    (0..count).for_each(|_| spin_loop());
}

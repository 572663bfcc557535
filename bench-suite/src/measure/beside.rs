//! Measures how much processor time other programs use while a setting is measured.
//!
//! A load that starts and stops shows in the differences between rounds. A load that stays does not: it slows down
//! all rounds alike. Two threads that share a core with it then look as if sharing a memo had slowed them down. So
//! this module reads how much processor time the whole machine has used, and how much of it was ours.

use std::time::{Duration, Instant};

use green_threads::probe::threads;

/// A measurement that has begun.
pub(super) struct Beside {
    begin: Instant,
    others: Duration,
}

impl Beside {
    /// Begins a measurement. Returns `None` if the system does not report processor times; only Linux does.
    pub(super) fn begin() -> Option<Self> {
        Some(Beside { begin: Instant::now(), others: others()? })
    }

    /// Returns how many cores other programs have used on average since [`begin`](Beside::begin).
    pub(super) fn cores(&self) -> Option<f64> {
        let others = others()?.saturating_sub(self.others);
        Some(others.as_secs_f64() / self.begin.elapsed().as_secs_f64())
    }
}

/// Returns the processor time of all processes except this one and its descendants, in steps of 10 ms.
fn others() -> Option<Duration> {
    let all = busy(&std::fs::read_to_string("/proc/stat").ok()?)?;
    let ours = threads::family(std::process::id()).into_iter().filter_map(|pid| threads::processor_of(pid).ok()).sum();
    Some(all.saturating_sub(ours))
}

/// Returns how long the processors were busy, added up over all of them, as the kernel reports it in `stat`. Time
/// that a hypervisor has taken away counts as busy, too.
///
/// Source: `proc_stat(5)`.
fn busy(stat: &str) -> Option<Duration> {
    let numbers = stat.lines().next()?.split_whitespace().skip(1);
    let numbers: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen, ..] = numbers[..] else {
        return None;
    };
    Some(Duration::from_millis(10 * (user + nice + system + interrupts + soft_interrupts + stolen)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_idle_counts() {
        let stat = "cpu  100 20 50 9000 700 1 2 3 40 5\ncpu0 50 10 25 4500 350 1 1 1 20 2\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(1_760)));
        assert_eq!(busy("cpu  1 2 3\n"), None);
    }
}

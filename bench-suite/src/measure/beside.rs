//! What other programs take of the processors while a setting is measured.
//!
//! A load that comes and goes shows in the rounds. One that stays does not: all rounds are as slow, and two threads that
//! share a core with it look as if sharing a memo had slowed them down. So it is looked up how much processor time the
//! whole machine has used, and how much of that was ours.

use std::time::{Duration, Instant};

use green_threads::probe::threads;

/// A time that began with this.
pub(super) struct Beside {
    begin: Instant,
    others: Duration,
}

impl Beside {
    /// `None` where the system does not tell, which only Linux does.
    pub(super) fn begin() -> Option<Self> {
        Some(Beside { begin: Instant::now(), others: others()? })
    }

    /// How many cores others have had since then, on average.
    pub(super) fn cores(&self) -> Option<f64> {
        let others = others()?.saturating_sub(self.others);
        Some(others.as_secs_f64() / self.begin.elapsed().as_secs_f64())
    }
}

/// The processor time of all processes but this one and its descendants, in steps of 10 ms.
fn others() -> Option<Duration> {
    let all = busy(&std::fs::read_to_string("/proc/stat").ok()?)?;
    let ours = threads::family(std::process::id()).into_iter().filter_map(|pid| threads::processor_of(pid).ok()).sum();
    Some(all.saturating_sub(ours))
}

/// How long the processors were not idle, all together, by what the kernel says of itself. What a hypervisor has taken
/// away counts as well.
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

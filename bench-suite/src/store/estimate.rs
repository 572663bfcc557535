//! The one estimator for anything measured several times: the median of the rounds, and an interval that says how
//! far to trust it.

/// The median of several rounds, with a confidence interval of 95% (from six rounds on).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The middle round in sorted order, or the mean of the two middle rounds.
    pub median: f64,
    /// The lower end of the interval: one of the rounds.
    pub low: f64,
    /// The upper end of the interval: one of the rounds.
    pub high: f64,
    /// The number of rounds.
    pub rounds: usize,
}

impl Estimate {
    /// Estimates the true median from `rounds`.
    ///
    /// The two ends of the interval are rounds, at the same distance from the two ends of the sorted order. A round
    /// lies above the true median with probability one half, whatever the distribution of the times. So the
    /// binomial distribution says how many rounds can be left out at each end so that the interval still holds the
    /// true median in at least 95 of 100 such runs: of 11 rounds one at each end, of 31 rounds nine. Fewer than six
    /// rounds cannot give that confidence, so there the interval spans all of them. This is the confidence interval
    /// that belongs to the sign test.
    ///
    /// # Panics
    ///
    /// If `rounds` is empty.
    // ANCHOR: of
    #[must_use]
    pub fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        let out = left_out(sorted.len());
        let (low, high) = (sorted[out], sorted[sorted.len() - 1 - out]);
        Estimate { median, low, high, rounds: sorted.len() }
    }
    // ANCHOR_END: of

    /// This estimate divided by another one that had different rounds: each end of one interval is divided by the
    /// opposite end of the other.
    #[must_use]
    pub fn over(&self, by: &Estimate) -> Estimate {
        Estimate { median: self.median / by.median, low: self.low / by.high, high: self.high / by.low, ..*by }
    }

    /// The upper end of the interval divided by its lower end: 1.1 means that the ends differ by a tenth.
    #[must_use]
    pub fn spread(&self) -> f64 {
        self.high / self.low
    }
}

/// How many of `rounds` sorted values can be left out at each end of the interval.
fn left_out(rounds: usize) -> usize {
    const MISSED: f64 = 0.05;
    // `chance` is the probability that exactly `out` rounds lie above the true median. `missed` doubles its sum,
    // because the number of rounds below the median has the same distribution.
    let mut chance = 0.5_f64.powi(i32::try_from(rounds).unwrap_or(i32::MAX));
    let (mut missed, mut out) = (0.0, 0);
    while out < rounds / 2 {
        missed += 2.0 * chance;
        if missed > MISSED {
            break;
        }
        chance *= (rounds - out) as f64 / (out + 1) as f64;
        out += 1;
    }
    // Leaving out `out` values would miss the true median too often, so one value fewer is left out.
    out.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((Estimate::of(&[3.0, 1.0, 2.0]).median - 2.0).abs() < f64::EPSILON);
        assert!((Estimate::of(&[4.0, 1.0, 2.0, 3.0]).median - 2.5).abs() < f64::EPSILON);
    }

    /// The expected numbers are those in the tables of the sign test.
    #[test]
    fn as_many_are_left_out_as_the_chances_allow() {
        let expected =
            [(1, 0), (3, 0), (5, 0), (6, 0), (8, 0), (9, 1), (10, 1), (11, 1), (12, 2), (20, 5), (31, 9), (51, 18)];
        for (rounds, out) in expected {
            assert_eq!(left_out(rounds), out, "{rounds} rounds");
        }
    }

    /// Half of the rounds are wild, and the width of the interval shows it.
    #[test]
    fn a_wild_half_makes_a_wide_interval() {
        let calm: Vec<f64> = (0..11).map(|round| 100.0 + f64::from(round)).collect();
        let wild: Vec<f64> =
            calm.iter().enumerate().map(|(at, time)| if at % 2 == 0 { time * 9.0 } else { *time }).collect();
        assert!(Estimate::of(&calm).spread() < 1.1);
        assert!(Estimate::of(&wild).spread() > 8.0);
    }
}

//! One estimator for whatever is taken several times: the median of the rounds, and how far it can be trusted.

/// The median of some rounds, and an interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The middle of the rounds.
    pub median: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// How many rounds there were.
    pub rounds: usize,
}

impl Estimate {
    /// The estimate from these rounds.
    ///
    /// The interval is made of two of the rounds, the same number of places from either end of their order. Each round
    /// is over the true median with a chance of one half, whatever the times are distributed like; so it is counted how
    /// many of them may be left out at either end while the interval has the true median in at least 95 of 100 such
    /// runs. (Of 11 rounds it is one at either end, of 31 nine.) Fewer than six rounds do not carry that much: then it
    /// is all of them.
    ///
    /// # Panics
    ///
    /// If there are no rounds.
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
        Estimate { median, low: sorted[out], high: sorted[sorted.len() - 1 - out], rounds: sorted.len() }
    }

    /// How many times its beginning the interval's end is.
    #[must_use]
    pub fn spread(&self) -> f64 {
        self.high / self.low
    }
}

/// How many of `rounds` may be left out at either end.
fn left_out(rounds: usize) -> usize {
    const MISSED: f64 = 0.05;
    // The chance that at most so many rounds are over the true median, and as many again for those that are under it.
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
    // The last one added is where the interval begins.
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

    /// As in the tables of the sign test.
    #[test]
    fn as_many_are_left_out_as_the_chances_allow() {
        let expected =
            [(1, 0), (3, 0), (5, 0), (6, 0), (8, 0), (9, 1), (10, 1), (11, 1), (12, 2), (20, 5), (31, 9), (51, 18)];
        for (rounds, out) in expected {
            assert_eq!(left_out(rounds), out, "of {rounds}");
        }
    }

    /// Rounds of which one half is wild: the interval says so.
    #[test]
    fn a_wild_half_makes_a_wide_interval() {
        let calm: Vec<f64> = (0..11).map(|round| 100.0 + f64::from(round)).collect();
        let wild: Vec<f64> =
            calm.iter().enumerate().map(|(at, time)| if at % 2 == 0 { time * 9.0 } else { *time }).collect();
        assert!(Estimate::of(&calm).spread() < 1.1);
        assert!(Estimate::of(&wild).spread() > 8.0);
    }
}

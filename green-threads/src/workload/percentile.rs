//! Percentiles by nearest rank. Such a percentile is always a number that was measured, never a mean of two.

use super::Quantity;

/// The median of pooled waits.
pub const P50: Quantity = Quantity::time("p50", "median");
/// The 90th percentile of pooled waits.
pub const P90: Quantity = Quantity::time("p90", "90th\npercentile");
/// The 99th percentile of pooled waits.
pub const P99: Quantity = Quantity::time("p99", "99th\npercentile");

/// Returns the smallest number in `sorted` such that at least `percent` percent of all numbers are at most this
/// number; 0 if `sorted` is empty. The numbers must be in ascending order.
#[must_use]
pub fn nearest_rank(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |&number| number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_is_rounded_up() {
        let sorted = [15, 20, 35, 40, 50];
        let percentiles =
            [0, 5, 30, 40, 50, 90, 100].map(|percent| nearest_rank(&sorted, percent));
        assert_eq!(percentiles, [15.0, 15.0, 20.0, 20.0, 35.0, 50.0, 50.0]);
        assert_eq!(nearest_rank(&[7], 50), 7.0);
        assert_eq!(nearest_rank(&[], 50), 0.0);
    }
}

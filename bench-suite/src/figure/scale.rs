//! Where a number is on an axis, and the ticks that people read.

use green_threads::workload::Unit;

use super::words::count;

/// An axis whose largest number is more than this many times its smallest is logarithmic.
const WIDE: f64 = 20.0;
/// The largest number of ticks of an axis.
const TICKS: usize = 7;

/// A scale that covers some numbers.
#[derive(Debug)]
pub(super) struct Scale {
    is_log: bool,
    unit: Unit,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    /// A scale for positions: logarithmic if the numbers are far apart, otherwise linear from zero.
    pub(super) fn of_positions(numbers: &[f64], unit: Unit) -> Self {
        match ends(numbers) {
            Some((low, high)) if low > 0.0 && high / low > WIDE => Scale::log(low, high, unit),
            Some((low, high)) => Scale::linear(low, high, unit),
            None => Scale::of_nothing(unit),
        }
    }

    /// A scale for lengths: linear from zero.
    pub(super) fn of_lengths(numbers: &[f64], unit: Unit) -> Self {
        ends(numbers).map_or_else(|| Scale::of_nothing(unit), |(low, high)| Scale::linear(low, high, unit))
    }

    /// A scale without ticks, for a picture in which every number is missing.
    fn of_nothing(unit: Unit) -> Self {
        Scale { is_log: false, unit, low: 0.0, high: 1.0, ticks: Vec::new() }
    }

    fn linear(low: f64, high: f64, unit: Unit) -> Self {
        let (low, high) = (low.min(0.0), if high > 0.0 || low < 0.0 { high.max(0.0) } else { 1.0 });
        let divisor = divisor(low.abs().max(high), unit);
        // One to ten steps of this size fill the axis. The first of 1, 2 and 5 times it that leaves few ticks is taken.
        let tenth = 10_f64.powf(((high - low) / divisor).log10().floor() - 1.0) * divisor;
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|times| times * tenth);
        let number = |step: f64| (high / step).ceil() - (low / step).floor();
        let step = steps.into_iter().find(|step| number(*step) < TICKS as f64).unwrap_or(high - low);
        let (first, last) = ((low / step).floor() as i32, (high / step).ceil() as i32);
        let ticks: Vec<f64> = (first..=last).map(|at| f64::from(at) * step).collect();
        // Rounding may put the outermost ticks just inside the numbers.
        Scale {
            is_log: false,
            unit,
            low: low.min(f64::from(first) * step),
            high: high.max(f64::from(last) * step),
            ticks,
        }
    }

    fn log(low: f64, high: f64, unit: Unit) -> Self {
        let base = base(unit);
        // The decades within a unit are 1, 10 and 100. With the base 1024 the last one is a little longer.
        let decade = |at: i32| base.powi(at.div_euclid(3)) * 10_f64.powi(at.rem_euclid(3));
        let around = |number: f64| (number.ln() / base.ln() * 3.0).floor() as i32;
        let decades = around(low) - 1..=around(high) + 2;
        let fine: Vec<f64> = decades.clone().flat_map(|at| [1.0, 2.0, 5.0].map(|times| times * decade(at))).collect();
        let first = fine.iter().copied().rfind(|tick| *tick <= low).unwrap_or(low);
        let last = fine.iter().copied().find(|tick| *tick >= high).unwrap_or(high);
        let every = |step: i32| decades.clone().filter(move |at| at.rem_euclid(step) == 0).map(decade).collect();
        let coarser = (1..).map(|times| every(3 * times));
        let mut choices = [fine, every(1)].into_iter().chain(coarser);
        let within = |ticks: Vec<f64>| ticks.into_iter().filter(|tick| (first..=last).contains(tick)).collect();
        let ticks = choices.find_map(|ticks| Some(within(ticks)).filter(|ticks: &Vec<f64>| ticks.len() <= TICKS));
        Scale { is_log: true, unit, low: first, high: last, ticks: ticks.unwrap_or_default() }
    }

    /// The number from which a bar begins: zero if the axis has it, otherwise the lower end.
    pub(super) fn start(&self) -> f64 {
        if self.is_log { self.low } else { 0.0 }
    }

    /// Where `number` is: 0 at the lower end of the axis, 1 at the upper end.
    pub(super) fn at(&self, number: f64) -> f64 {
        match self.is_log {
            true => (number / self.low).ln() / (self.high / self.low).ln(),
            false => (number - self.low) / (self.high - self.low),
        }
    }

    /// The ticks: the place of each, and its text.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        self.ticks.iter().map(|tick| (self.at(*tick), self.text(*tick))).collect()
    }

    /// The words beside the axis.
    pub(super) fn label(&self, label: &str) -> String {
        if self.is_log { format!("{label} (log scale)") } else { label.to_string() }
    }

    /// The text of a tick. On a linear axis all ticks have the unit that suits the largest one.
    fn text(&self, tick: f64) -> String {
        if tick == 0.0 {
            return "0".to_string();
        }
        let of = if self.is_log { tick.abs() } else { self.low.abs().max(self.high) };
        let divisor = divisor(of, self.unit);
        let number = short(tick / divisor);
        match self.unit {
            Unit::Nanoseconds | Unit::Bytes => format!("{number} {}", names(self.unit)[place(of, self.unit)]),
            Unit::Count | Unit::Ratio => {
                let times = if self.unit == Unit::Ratio { "x" } else { "" };
                format!("{number}{}{times}", names(self.unit)[place(of, self.unit)])
            }
            Unit::Share => format!("{}%", short(tick * 100.0)),
        }
    }
}

/// The smallest and the largest of `numbers`; `None` if there are none.
fn ends(numbers: &[f64]) -> Option<(f64, f64)> {
    let numbers = || numbers.iter().copied();
    numbers().reduce(f64::min).zip(numbers().reduce(f64::max))
}

/// How many of a unit are one of the next larger unit.
fn base(unit: Unit) -> f64 {
    if unit == Unit::Bytes { 1024.0 } else { 1000.0 }
}

/// The names of the units of `unit`, from the smallest. Numbers without a unit have a letter for each thousandfold.
fn names(unit: Unit) -> &'static [&'static str] {
    match unit {
        Unit::Nanoseconds => &["ns", "µs", "ms", "s"],
        Unit::Bytes => &["B", "KiB", "MiB", "GiB"],
        Unit::Count | Unit::Ratio => &["", "k", "M", "G", "T"],
        Unit::Share => &[""],
    }
}

/// Which of the [`names`] suits `number`.
fn place(number: f64, unit: Unit) -> usize {
    let larger = |place: &usize| number >= base(unit).powi(*place as i32);
    (1..names(unit).len()).take_while(larger).last().unwrap_or(0)
}

/// How many of the smallest unit are one of the unit that suits `number`.
fn divisor(number: f64, unit: Unit) -> f64 {
    base(unit).powi(place(number, unit) as i32)
}

/// A number with three significant digits and without zeros at its end.
fn short(number: f64) -> String {
    let digits = 2 - number.abs().log10().floor() as i32;
    match digits {
        ..=0 => count(number.round()),
        _ => {
            let unit = 10_f64.powi(digits);
            format!("{}", (number * unit).round() / unit)
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const UNITS: [Unit; 5] = [Unit::Nanoseconds, Unit::Ratio, Unit::Count, Unit::Bytes, Unit::Share];

    fn texts(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_those_that_people_read() {
        let of = |numbers: &[f64], unit| texts(&Scale::of_positions(numbers, unit));
        assert_eq!(of(&[30.0, 95.0], Unit::Nanoseconds), ["0", "20 ns", "40 ns", "60 ns", "80 ns", "100 ns"]);
        assert_eq!(of(&[200.0, 1_400.0], Unit::Nanoseconds), ["0", "0.5 µs", "1 µs", "1.5 µs"]);
        assert_eq!(of(&[3.0, 90.0], Unit::Nanoseconds), ["2 ns", "5 ns", "10 ns", "20 ns", "50 ns", "100 ns"]);
        assert_eq!(of(&[12.0, 3e5], Unit::Nanoseconds), ["10 ns", "100 ns", "1 µs", "10 µs", "100 µs"]);
        assert_eq!(of(&[1.0, 1e12], Unit::Nanoseconds), ["1 ns", "1 µs", "1 ms", "1 s", "1,000 s"]);
        assert_eq!(
            of(&[0.0, 3.0 * 1024.0], Unit::Bytes),
            ["0", "0.5 KiB", "1 KiB", "1.5 KiB", "2 KiB", "2.5 KiB", "3 KiB"]
        );
        assert_eq!(of(&[300.0, 9e6], Unit::Bytes), ["1 KiB", "10 KiB", "100 KiB", "1 MiB", "10 MiB"]);
        assert_eq!(of(&[1.0, 3.7], Unit::Ratio), ["0", "1x", "2x", "3x", "4x"]);
        assert_eq!(of(&[0.2, 0.9], Unit::Share), ["0", "20%", "40%", "60%", "80%", "100%"]);
        assert_eq!(of(&[0.0, 9_000.0], Unit::Count), ["0", "2k", "4k", "6k", "8k", "10k"]);
        assert_eq!(of(&[1.0, 8e4], Unit::Ratio), ["1x", "10x", "100x", "1kx", "10kx", "100kx"]);
        assert_eq!(of(&[0.0], Unit::Count), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(of(&[], Unit::Count), [""; 0]);
    }

    #[test]
    fn a_scale_covers_its_numbers_and_has_few_ticks() {
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..5_000 {
            let amount = random.random_range(1..6);
            let orders = random.random_range(0.0..12.0);
            let numbers: Vec<f64> = (0..amount).map(|_| 10_f64.powf(random.random_range(-3.0..=orders))).collect();
            for unit in UNITS {
                for scale in [Scale::of_positions(&numbers, unit), Scale::of_lengths(&numbers, unit)] {
                    for number in &numbers {
                        assert!((0.0..=1.0).contains(&scale.at(*number)), "{number} of {numbers:?}: {scale:?}");
                    }
                    let ticks = scale.ticks();
                    assert!((2..=TICKS).contains(&ticks.len()), "{numbers:?}: {scale:?}");
                    assert!(ticks.is_sorted_by(|one, other| one.0 < other.0), "{numbers:?}: {scale:?}");
                    assert!(ticks.is_sorted_by(|one, other| one.1 != other.1), "{numbers:?}: {ticks:?}");
                    assert!(ticks.iter().all(|(at, _)| (-1e-9..=1.0 + 1e-9).contains(at)), "{numbers:?}: {scale:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_below_zero_have_a_place() {
        let scale = Scale::of_positions(&[-3.0, 4.0], Unit::Count);
        assert!((0.0..=1.0).contains(&scale.at(-3.0)) && (0.0..=1.0).contains(&scale.at(4.0)), "{scale:?}");
        assert_eq!(texts(&Scale::of_lengths(&[0.0], Unit::Bytes)).first().map(String::as_str), Some("0"));
    }
}

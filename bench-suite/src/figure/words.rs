//! Numbers as text, with as many digits as the measurement supports.

use green_threads::workload::Unit;

use crate::store::Estimate;

/// The largest spread of an interval whose median is shown with three digits, or with two. A wider interval is
/// shown itself.
const THREE_DIGITS: f64 = 1.02;
const TWO_DIGITS: f64 = 1.1;

/// A number in its unit.
pub(crate) fn number(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => duration(number),
        Unit::Ratio => times(number),
        Unit::Share => format!("{}%", count((number * 100.0).round())),
        Unit::Bytes => bytes(number),
        Unit::Count => count(number),
    }
}

/// A median in its unit. If it is a time or a ratio, it has the digits that its interval supports.
pub(crate) fn estimated(of: &Estimate, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => measured(of),
        Unit::Ratio => ratio(of),
        Unit::Share | Unit::Bytes | Unit::Count => number(of.median, unit),
    }
}

/// A time in nanoseconds, in the unit that suits it, with the digits that its interval supports.
pub(crate) fn measured(time: &Estimate) -> String {
    // The unit is chosen by the geometric mean of the ends, because the ends may be far apart. With a low end of zero
    // that mean says nothing.
    let mean = (time.low * time.high).sqrt();
    let (scale, unit) = scaled(if mean > 0.0 { mean } else { time.high });
    format!("{} {unit}", carried(time, scale))
}

/// A ratio, with the digits that its interval supports.
pub(crate) fn ratio(ratio: &Estimate) -> String {
    carried(ratio, 1.0) + "x"
}

fn carried(of: &Estimate, scale: f64) -> String {
    match of.spread() {
        _ if of.low == of.high => significant(of.median / scale, 3),
        ..=THREE_DIGITS => significant(of.median / scale, 3),
        ..=TWO_DIGITS => significant(of.median / scale, 2),
        _ => format!("{}–{}", significant(of.low / scale, 2), significant(of.high / scale, 2)),
    }
}

/// `number` rounded to `digits` significant digits, with zeros after them.
fn significant(number: f64, digits: i32) -> String {
    if number <= 0.0 {
        return "0".to_string();
    }
    let after = digits - 1 - number.log10().floor() as i32;
    let unit = 10_f64.powi(-after);
    let rounded = (number / unit).round() * unit;
    format!("{rounded:.*}", usize::try_from(after).unwrap_or(0))
}

/// A ratio with about three significant digits.
pub(crate) fn times(ratio: f64) -> String {
    match ratio {
        0.0..10.0 => format!("{ratio:.2}x"),
        10.0..100.0 => format!("{ratio:.1}x"),
        _ => format!("{ratio:.0}x"),
    }
}

/// A time in nanoseconds, in the unit that suits it (ns to s), with three significant digits.
#[must_use]
pub fn duration(nanoseconds: f64) -> String {
    let (scale, unit) = scaled(nanoseconds);
    format!("{} {unit}", digits(nanoseconds / scale))
}

/// The number of nanoseconds in the unit that suits this time, and the name of that unit.
fn scaled(nanoseconds: f64) -> (f64, &'static str) {
    match nanoseconds {
        ..1e3 => (1.0, "ns"),
        1e3..1e6 => (1e3, "µs"),
        1e6..1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    }
}

/// A size in bytes, in the unit that suits it (B to GiB), with three significant digits.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let (number, unit) = match bytes.abs() {
        0.0..1024.0 => return format!("{bytes:.0} B"),
        1024.0..1_048_576.0 => (bytes / 1024.0, "KiB"),
        1_048_576.0..1_073_741_824.0 => (bytes / 1_048_576.0, "MiB"),
        _ => (bytes / 1_073_741_824.0, "GiB"),
    };
    format!("{} {unit}", digits(number))
}

/// A count, with commas between groups of three digits. A fractional number, which a difference can give, has two
/// decimals.
#[must_use]
pub fn count(number: f64) -> String {
    if number.fract().abs() > 0.005 {
        return format!("{number:.2}");
    }
    let digits = format!("{:.0}", number.abs());
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    let sign = if number < -0.005 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

/// `number` with three significant digits.
fn digits(number: f64) -> String {
    match number.abs() {
        0.0..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_interval_leaves_few_digits() {
        let estimate = |median, low, high| Estimate { median, low, high, rounds: 11 };
        let said = [(48.26, 48.1, 48.5), (48.26, 47.0, 50.0), (48.26, 40.0, 71.0), (1_234.0, 900.0, 2_000.0)];
        let said = said.map(|(median, low, high)| measured(&estimate(median, low, high)));
        assert_eq!(said, ["48.3 ns", "48 ns", "40–71 ns", "0.90–2.0 µs"]);
        let said = [(1.0, 1.0, 1.0), (9.96, 9.7, 10.3), (99.6, 95.0, 104.0), (123.4, 120.0, 130.0), (1.5, 0.9, 2.1)];
        let said = said.map(|(median, low, high)| ratio(&estimate(median, low, high)));
        assert_eq!(said, ["1.00x", "10.0x", "100x", "120x", "0.90–2.1x"]);
        let said = [(0.0, 0.0, 0.0), (5e8, 0.0, 2e9)].map(|(median, low, high)| measured(&estimate(median, low, high)));
        assert_eq!(said, ["0 ns", "0–2.0 s"]);
    }

    #[test]
    fn numbers_have_the_digits_that_they_deserve() {
        let said: Vec<_> = [1.234, 12.34, 123.4, 1_234.0, 12_345_678.0, 1.5e9].map(duration).into();
        assert_eq!(said, ["1.23 ns", "12.3 ns", "123 ns", "1.23 µs", "12.3 ms", "1.50 s"]);
        let said: Vec<_> = [0.0, 100.0, 1536.0, 8.0 * 1024.0 * 1024.0, -2048.0].map(bytes).into();
        assert_eq!(said, ["0 B", "100 B", "1.50 KiB", "8.00 MiB", "-2.00 KiB"]);
        let said: Vec<_> = [0.0, 7.0, 1_000.0, 1_000_000.0, -12_345.0, 2.25, 32_737.0].map(count).into();
        assert_eq!(said, ["0", "7", "1,000", "1,000,000", "-12,345", "2.25", "32,737"]);
    }
}

//! Numbers in words, with as many digits as can be believed.

/// A ratio.
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        0.0..10.0 => format!("{ratio:.2}x"),
        10.0..100.0 => format!("{ratio:.1}x"),
        _ => format!("{ratio:.0}x"),
    }
}

/// Nanoseconds in a unit that suits them.
#[must_use]
pub fn duration(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        0.0..1e3 => (nanoseconds, "ns"),
        1e3..1e6 => (nanoseconds / 1e3, "µs"),
        1e6..1e9 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    format!("{} {unit}", digits(number))
}

/// Bytes in a unit that suits them.
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

/// A count, in groups of three digits; one that is no whole number has come of a difference.
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

/// Three digits.
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
    fn numbers_have_the_digits_that_they_deserve() {
        let said: Vec<_> = [1.234, 12.34, 123.4, 1_234.0, 12_345_678.0, 1.5e9].map(duration).into();
        assert_eq!(said, ["1.23 ns", "12.3 ns", "123 ns", "1.23 µs", "12.3 ms", "1.50 s"]);
        let said: Vec<_> = [0.0, 100.0, 1536.0, 8.0 * 1024.0 * 1024.0, -2048.0].map(bytes).into();
        assert_eq!(said, ["0 B", "100 B", "1.50 KiB", "8.00 MiB", "-2.00 KiB"]);
        let said: Vec<_> = [0.0, 7.0, 1_000.0, 1_000_000.0, -12_345.0, 2.25, 32_737.0].map(count).into();
        assert_eq!(said, ["0", "7", "1,000", "1,000,000", "-12,345", "2.25", "32,737"]);
    }
}

//! Amounts of bytes as people write them: `1048576`, `512 MiB`, `8GiB`, `2 GB`.

const UNITS: &[(&str, u64)] = &[
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("tb", 1_000_000_000_000),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1_000),
    ("b", 1),
    ("", 1),
];

/// The number of bytes a text names.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let (number, unit) = UNITS.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size)))?;
    let number = number.trim();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let fraction: f64 = number.parse().ok()?;
    let bytes = fraction * unit as f64;
    (fraction.is_finite() && fraction >= 0.0 && bytes < 1e18).then_some(bytes as u64)
}

/// The shortest exact way to write a number of bytes.
pub(super) fn show(bytes: u64) -> String {
    let exact = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let found = exact.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    found.map_or_else(|| bytes.to_string(), |(name, size)| format!("{}{name}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_bytes_in_many_ways() {
        let read = ["1048576", "1MiB", "1 mib", "0.5 GB", "0", "8GiB", "-1", "many", "1e30 GB", ""].map(parse);
        let mib = Some(1 << 20);
        let expected = [mib, mib, mib, Some(500_000_000), Some(0), Some(8 << 30), None, None, None, None];
        assert_eq!(read, expected);
        assert_eq!([0, 1000, 1 << 20, 8 << 30].map(show), ["0", "1000", "1MiB", "8GiB"]);
    }
}

//! What a loaded model's weights are kept in, and how much memory that takes.

use std::collections::BTreeMap;
use std::fmt;

/// Bytes of the weights by format (`BF16`, `Q4K`, …). Displayed as one line for a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    decoder: BTreeMap<String, u64>,
    vision: BTreeMap<String, u64>,
}

impl Footprint {
    pub(super) fn add(&mut self, vision: bool, format: &str, bytes: u64) {
        let part = if vision { &mut self.vision } else { &mut self.decoder };
        *part.entry(format.to_owned()).or_default() += bytes;
    }

    /// Decoder, embedding table and output projection: bytes by format.
    pub fn decoder(&self) -> &BTreeMap<String, u64> {
        &self.decoder
    }

    /// Vision tower: bytes by format.
    pub fn vision(&self) -> &BTreeMap<String, u64> {
        &self.vision
    }

    /// All weights.
    pub fn bytes(&self) -> u64 {
        self.decoder.values().chain(self.vision.values()).sum()
    }
}

fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.1} MiB") } else { format!("{:.2} GiB", mib / 1024.0) }
}

/// The formats that matter, the largest first.
fn formats(part: &BTreeMap<String, u64>) -> String {
    let mut parts: Vec<_> = part.iter().collect();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    let parts: Vec<_> = parts.iter().map(|(format, bytes)| format!("{format} {}", size(**bytes))).collect();
    parts.join(" + ")
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (decoder, vision) = (formats(&self.decoder), formats(&self.vision));
        write!(f, "decoder {decoder}; vision tower {vision}; {} in all", size(self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_formats_and_sizes_the_largest_first() {
        let mut footprint = Footprint::default();
        footprint.add(false, "F32", 1 << 20);
        footprint.add(false, "Q4K", 3 << 30);
        footprint.add(true, "BF16", 512 << 20);
        footprint.add(true, "BF16", 256 << 20);
        assert_eq!(
            footprint.to_string(),
            "decoder Q4K 3.00 GiB + F32 1.0 MiB; vision tower BF16 768.0 MiB; 3.75 GiB in all"
        );
    }
}

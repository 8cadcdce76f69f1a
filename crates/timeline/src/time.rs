//! Moments and stretches of time. A moment is an `i64` of microseconds taken from the container, never an index ÷ fps.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment on a video's own clock, or the distance between two: microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of the video's clock.
    pub const ZERO: Self = Self(0);

    /// From microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds (saturating).
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds, rounded to the nearest microsecond. Not-a-number becomes zero, infinities saturate.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e6).round() as i64)
    }

    /// Microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds as the player and the prompt's stamps need them.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The moment halfway between two; the stamp of a segment is that of its two frames
    /// (Qwen3-VL processor, `_calculate_timestamps`).
    pub fn midpoint(self, other: Self) -> Self {
        Self(((i128::from(self.0) + i128::from(other.0)) / 2) as i64)
    }

    /// The absolute distance between two moments.
    pub fn distance(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).saturating_abs())
    }

    /// `m:ss` or `h:mm:ss`, as a player shows it (whole seconds, rounded down).
    pub fn clock(self) -> String {
        let total = self.0.max(0) / 1_000_000;
        let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
        if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
    }

    /// `m:ss.t` or `h:mm:ss.t`: [`clock`](Self::clock) with tenths, rounded to the nearest tenth.
    pub fn clock_tenths(self) -> String {
        let tenths = (self.0.max(0) + 50_000) / 100_000;
        let whole = Self(tenths / 10 * 1_000_000);
        format!("{}.{}", whole.clock(), tenths % 10)
    }
}

impl Add for Timestamp {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Timestamp {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.clock_tenths())
    }
}

/// The stamp the model reads before a segment: the mean of its two frames, in seconds with one decimal, rounded half to
/// even on the exact binary value as Python's `f"{t:.1f}"` does (`qwen3-vl.md` §4).
pub fn stamp(first: Timestamp, second: Timestamp) -> String {
    let seconds = (first.seconds() + second.seconds()) / 2.0;
    format!("{seconds:.1}")
}

/// A moment as a stamp's seconds with all the decimals it has, at least one: [`read_stamp`] gives the same moment back.
/// Moments before the start of the clock are the start.
pub fn exact_stamp(moment: Timestamp) -> String {
    let micros = moment.0.max(0);
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// The moment a stamp's seconds name, exactly: `12.5` is 12,500,000 µs. Up to six decimals; nothing for any other text.
pub fn read_stamp(seconds: &str) -> Option<Timestamp> {
    let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 6 {
        return None;
    }
    let micros: i64 = format!("{decimals:0<6}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros).map(Timestamp)
}

/// A stretch of time, `start <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First moment of the stretch.
    pub start: Timestamp,
    /// Last moment of the stretch.
    pub end: Timestamp,
}

impl Span {
    /// A span from two moments in either order.
    pub fn new(a: Timestamp, b: Timestamp) -> Self {
        Self { start: a.min(b), end: a.max(b) }
    }

    /// A span of no length: a single moment.
    pub fn at(moment: Timestamp) -> Self {
        Self { start: moment, end: moment }
    }

    /// Its length.
    pub fn length(self) -> Timestamp {
        self.end - self.start
    }

    /// Whether the moment lies inside, ends included.
    pub fn contains(self, moment: Timestamp) -> bool {
        self.start <= moment && moment <= self.end
    }

    /// Whether any moment is in both, ends counted.
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The part of it inside the video, or nothing when it lies wholly outside.
    pub fn clamp_to(self, duration: Timestamp) -> Option<Self> {
        if self.start > duration || self.end < Timestamp::ZERO {
            return None;
        }
        Some(Self { start: self.start.max(Timestamp::ZERO), end: self.end.min(duration) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_round_half_to_even_on_the_binary_value() {
        for (micros, text) in [(250_000, "0.2"), (750_000, "0.8"), (1_250_000, "1.2"), (350_000, "0.3"), (0, "0.0")] {
            let t = Timestamp::from_micros(micros);
            assert_eq!(stamp(t, t), text);
        }
        assert_eq!(stamp(Timestamp::ZERO, Timestamp::from_millis(500)), "0.2");
    }

    #[test]
    fn a_stamp_is_read_back_exactly() {
        let read = |text: &str| read_stamp(text).map(Timestamp::micros);
        for (text, micros) in [("0.0", 0), ("12.5", 12_500_000), ("7", 7_000_000), ("0.000001", 1), ("0.1", 100_000)] {
            assert_eq!(read(text), Some(micros), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1.0000001", "1e3", "1 ", "１", "99999999999999", "1.2.3"] {
            assert_eq!(read(text), None, "{text}");
        }
        let exact = |micros| exact_stamp(Timestamp::from_micros(micros));
        assert_eq!([0, 500_000, 466_667, 12_000_001, -5].map(exact), ["0.0", "0.5", "0.466667", "12.000001", "0.0"]);
        for micros in [0, 1, 999_999, 1_000_000, 3_599_966_667, 900_000_000_000_000] {
            assert_eq!(read(&exact(micros)), Some(micros));
        }
    }

    #[test]
    fn a_clock_reads_like_a_player() {
        assert_eq!(Timestamp::from_seconds(42.04).clock_tenths(), "0:42.0");
        assert_eq!(Timestamp::from_seconds(59.96).clock_tenths(), "1:00.0");
        assert_eq!(Timestamp::from_seconds(3_725.0).clock(), "1:02:05");
    }

    #[test]
    fn a_span_outside_the_video_clamps_to_nothing() {
        let span = Span::new(Timestamp::from_seconds(70.0), Timestamp::from_seconds(50.0));
        assert_eq!(span.clamp_to(Timestamp::from_seconds(60.0)).map(|s| s.end), Some(Timestamp::from_seconds(60.0)));
        assert_eq!(span.clamp_to(Timestamp::from_seconds(40.0)), None);
    }
}

//! Subtitles that are late, early, or made for another frame rate: a linear correction, exact in integers.

use serde::{Deserialize, Serialize};

use super::Cue;
use crate::time::{Span, Timestamp};

/// The furthest a transcript may be shifted: a day.
pub const MAX_OFFSET: Timestamp = Timestamp::from_millis(24 * 3_600 * 1_000);

/// Frame rates subtitles are made for, as people write them, and exactly.
const RATES: [(&str, u32, u32); 9] = [
    ("23.976", 24_000, 1_001),
    ("24", 24, 1),
    ("25", 25, 1),
    ("29.97", 30_000, 1_001),
    ("30", 30, 1),
    ("48", 48, 1),
    ("50", 50, 1),
    ("59.94", 60_000, 1_001),
    ("60", 60, 1),
];

/// Why a correction is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetimeError {
    /// Not two known frame rates.
    #[error(
        "`{0}` is no pair of frame rates; write it as 25:23.976, with 23.976, 24, 25, 29.97, 30, 48, 50, 59.94 or 60"
    )]
    Rates(String),
    /// A factor that no mistake in frame rates explains.
    #[error("a rate of {above}/{below} is out of bounds; it has to be between 1/4 and 4")]
    Factor {
        /// Numerator.
        above: u32,
        /// Denominator.
        below: u32,
    },
    /// Further than any subtitle is off.
    #[error("an offset of {} seconds is out of bounds; it has to be within a day", .0.seconds())]
    Offset(Timestamp),
}

/// `t ↦ t · above / below + offset`, rounded to the nearest microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiming {
    /// Added after stretching.
    pub offset: Timestamp,
    /// Numerator of the factor.
    pub above: u32,
    /// Denominator of the factor.
    pub below: u32,
}

impl Default for Retiming {
    fn default() -> Self {
        Self { offset: Timestamp::ZERO, above: 1, below: 1 }
    }
}

impl Retiming {
    /// Later by `offset`, or earlier when it is negative.
    pub fn shift(offset: Timestamp) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Subtitles made for one frame rate, under a film that is played at another: `25:23.976` makes all of it slower.
    ///
    /// # Errors
    /// When these are not two frame rates with a colon between.
    pub fn rates(text: &str) -> Result<Self, RetimeError> {
        let rate = |name: &str| RATES.iter().find(|(own, ..)| *own == name.trim()).map(|(_, n, d)| (*n, *d));
        let pair = text.split_once(':').and_then(|(made, played)| Some((rate(made)?, rate(played)?)));
        let ((made, made_by), (played, played_by)) = pair.ok_or_else(|| RetimeError::Rates(text.to_owned()))?;
        // A frame's number stays the same: t · made = t' · played.
        let (above, below) = (u64::from(made) * u64::from(played_by), u64::from(made_by) * u64::from(played));
        let common = gcd(above, below).max(1);
        let small = |n: u64| u32::try_from(n / common).map_err(|_| RetimeError::Rates(text.to_owned()));
        Ok(Self { offset: Timestamp::ZERO, above: small(above)?, below: small(below)? })
    }

    /// The same correction, when it makes sense.
    ///
    /// # Errors
    /// When a factor of zero, more than four either way, or an offset of more than a day is asked for.
    pub fn checked(self) -> Result<Self, RetimeError> {
        let (above, below) = (self.above, self.below);
        if above == 0
            || below == 0
            || u64::from(above) > u64::from(below) * 4
            || u64::from(below) > u64::from(above) * 4
        {
            return Err(RetimeError::Factor { above, below });
        }
        if self.offset.distance(Timestamp::ZERO) > MAX_OFFSET {
            return Err(RetimeError::Offset(self.offset));
        }
        Ok(self)
    }

    /// Where a moment is after the correction.
    pub fn moment(self, at: Timestamp) -> Timestamp {
        let (above, below) = (i128::from(self.above), i128::from(self.below.max(1)));
        let scaled = (i128::from(at.micros()) * above * 2 + below).div_euclid(below * 2);
        Timestamp::from_micros(i64::try_from(scaled).unwrap_or(i64::MAX)) + self.offset
    }

    /// Corrects cues.
    pub fn apply(self, cues: &mut [Cue]) {
        for cue in cues {
            cue.span = Span { start: self.moment(cue.span.start), end: self.moment(cue.span.end) };
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn from_25_to_23_976_is_exactly_1001_over_960() {
        let slower = Retiming::rates("25:23.976").unwrap();
        assert_eq!((slower.above, slower.below), (1_001, 960));
        assert_eq!(slower.moment(Timestamp::from_seconds(3_600.0)), Timestamp::from_micros(3_753_750_000));
        assert!(Retiming::rates("25").is_err() && Retiming::rates("25:26").is_err());
    }

    #[test]
    fn corrections_out_of_bounds_are_refused() {
        let factor = |above, below| Retiming { above, below, ..Retiming::default() }.checked();
        assert!(factor(4, 1).is_ok() && factor(0, 1).is_err() && factor(1, 0).is_err() && factor(5, 1).is_err());
        assert!(factor(1, 5).is_err());
        assert!(Retiming::shift(Timestamp::from_seconds(-86_401.0)).checked().is_err());
    }

    proptest! {
        #[test]
        fn a_shift_is_undone_by_its_opposite(at in -1_000_000_000_i64..1_000_000_000_000, by in -86_400_000_000_i64..86_400_000_000) {
            let (at, by) = (Timestamp::from_micros(at), Timestamp::from_micros(by));
            let there = Retiming::shift(by).moment(at);
            prop_assert_eq!(Retiming::shift(Timestamp::ZERO - by).moment(there), at);
        }

        #[test]
        fn a_change_of_rate_is_undone_by_its_opposite(
            at in 0_i64..36_000_000_000,
            (made, played) in proptest::sample::subsequence(RATES.to_vec(), 2).prop_map(|pair| (pair[0].0, pair[1].0)),
        ) {
            let at = Timestamp::from_micros(at);
            let (slower, faster) = (format!("{played}:{made}"), format!("{made}:{played}"));
            // Times that spread out first come back exactly; those pressed together first within what a microsecond became.
            let [wide, narrow] = [slower, faster].map(|rates| Retiming::rates(&rates).unwrap());
            prop_assert!(wide.above >= wide.below);
            prop_assert_eq!(narrow.moment(wide.moment(at)), at);
            prop_assert!(wide.moment(narrow.moment(at)).distance(at).micros() <= i64::from(wide.above.div_ceil(wide.below)));
        }
    }
}

//! How far a turn of reading goes, so that it takes about the same time on every machine.

use std::time::Duration;

use crate::reader::Stride;

/// What a turn may take when somebody else waits for theirs.
const IN_COMPANY: Duration = Duration::from_millis(250);
/// What it may take when nobody does.
const ALONE: Duration = Duration::from_secs(1);
/// Tokens of a turn before anything is known of the machine.
const FIRST: u32 = 128;
/// Fewer are read at a bad price.
const FEWEST: u32 = 64;
const MOST: u32 = 4_096;

/// After so many tokens more, what was measured counts half: a turn of a few tokens says little and changes little.
const HALF_LIFE: f64 = 256.0;

/// Measured speed of reading, of late.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    tokens: f64,
    seconds: f64,
}

impl Pace {
    /// What the next turn may read.
    pub(crate) fn stride(&self, in_company: bool) -> Stride {
        let time = if in_company { IN_COMPANY } else { ALONE };
        let tokens = self.tokens / self.seconds.max(1e-9) * time.as_secs_f64();
        let tokens = if self.tokens > 0.0 { (tokens as u32).clamp(FEWEST, MOST) } else { FIRST };
        Stride { tokens, time }
    }

    /// Notes what a turn took.
    pub(crate) fn note(&mut self, tokens: u32, took: Duration) {
        if tokens > 0 {
            let kept = 0.5_f64.powf(f64::from(tokens) / HALF_LIFE);
            self.tokens = self.tokens * kept + f64::from(tokens);
            self.seconds = self.seconds * kept + took.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_follow_the_machine_within_bounds() {
        let mut pace = Pace::default();
        assert_eq!(pace.stride(true).tokens, FIRST);
        for _ in 0..20 {
            pace.note(500, Duration::from_secs(1));
        }
        assert_eq!((pace.stride(true).tokens, pace.stride(false).tokens), (125, 500));
        for _ in 0..20 {
            pace.note(10, Duration::from_secs(1));
        }
        assert_eq!(pace.stride(true).tokens, FEWEST);
        for _ in 0..20 {
            pace.note(500, Duration::from_secs(1));
        }
        pace.note(7, Duration::ZERO);
        assert!((125..=128).contains(&pace.stride(true).tokens), "a short question read in no time");
        pace.note(1_000_000, Duration::from_millis(1));
        assert_eq!(pace.stride(true).tokens, MOST);
    }
}

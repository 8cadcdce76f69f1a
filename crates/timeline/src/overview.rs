//! The overview: key frames spread over the whole video, which are there long before the frames of the plan.
//!
//! A key frame costs its own decoding and nothing else, so about a hundred of them stand over a long video after seconds. They
//! stand in for frames of the plan until those have come, and never become part of the index that is made of these.

use serde::{Deserialize, Serialize};

use crate::plan::{PlanRequest, SamplingPlan};
use crate::time::Timestamp;

/// Frames of an overview: as many as a timeline has room for, and few enough to be looked at while the others come.
const MOST: u32 = 100;
/// Fewer are no overview.
const LEAST: usize = 6;
/// Pixels whose decoding nobody notices: two to three seconds of two cores, a tenth of ten minutes of 1080p.
const SMALL: u64 = 1 << 30;

/// A key frame of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    /// Its presentation timestamp.
    pub pts: Timestamp,
    /// Whether the plan wants it too: then it is not sent again.
    pub planned: bool,
}

/// How an answer saw a video of which not all frames were there: as planned up to a moment, behind it through the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coarse {
    /// Up to here every frame of the plan was looked at.
    pub from: Timestamp,
    /// Behind it no two looks are further apart.
    pub step: Timestamp,
}

impl Coarse {
    /// For looks at these moments (ascending, all behind `from`) into a video that ends at `end`; none when there is nothing
    /// behind `from`.
    pub fn of(from: Timestamp, looks: &[Timestamp], end: Timestamp) -> Option<Self> {
        let first = looks.first()?;
        let inner = looks.iter().zip(looks.get(1..).unwrap_or_default()).map(|(a, b)| *b - *a);
        let last = looks.last().map(|last| end - *last);
        let step = inner.chain([*first - from]).chain(last).max()?;
        Some(Self { from, step: step.max(Timestamp::from_micros(1)) })
    }
}

/// Indices of the key frames (ascending) that make the overview of a video of this length, evenly spread; none when it would
/// not come noticeably sooner than the plan itself, whose decoding takes `pixels` in all, for `planned` frames.
pub fn choose(keys: &[Timestamp], duration: Timestamp, pixels: u64, planned: usize) -> Vec<usize> {
    if pixels < SMALL {
        return Vec::new();
    }
    let every = duration.micros().max(1) / i64::from(MOST);
    let fps = 1.0 / Timestamp::from_micros(every.max(1)).seconds();
    let spread = SamplingPlan::uniform(duration, PlanRequest { fps, min_frames: 1, max_frames: MOST });
    let chosen = spread.pick(keys);
    if chosen.len() < LEAST || chosen.len() * 2 > planned { Vec::new() } else { chosen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn every(seconds: f64, count: u32) -> Vec<Timestamp> {
        (0..count).map(|i| at(seconds * f64::from(i))).collect()
    }

    #[test]
    fn ten_minutes_have_a_hundred_key_frames_and_two_hours_no_more() {
        let pixels = 14_400 * 1920 * 1080;
        assert_eq!(choose(&every(6.0, 100), at(600.0), pixels, 768), (0..100).collect::<Vec<_>>());
        let film = choose(&every(2.0, 3_600), at(7_200.0), pixels * 12, 768);
        assert_eq!((film.len(), film.first(), film.last()), (100, Some(&0), Some(&3_564)));
    }

    #[test]
    fn what_is_read_in_a_moment_needs_no_overview() {
        assert!(choose(&every(2.0, 30), at(60.0), 1_440 * 640 * 360, 120).is_empty());
        // Too few key frames, or hardly fewer than the plan has frames.
        assert!(choose(&every(120.0, 5), at(600.0), u64::MAX, 768).is_empty());
        assert!(choose(&every(1.0, 100), at(100.0), u64::MAX, 150).is_empty());
    }

    #[test]
    fn coarseness_is_the_longest_stretch_nobody_looked_at() {
        let coarse = |from: f64, looks: &[f64], end: f64| {
            let looks: Vec<_> = looks.iter().copied().map(at).collect();
            Coarse::of(at(from), &looks, at(end)).map(|coarse| coarse.step.seconds())
        };
        assert_eq!(coarse(0.0, &[0.0, 6.0, 12.0], 15.0), Some(6.0));
        assert_eq!(coarse(3.0, &[12.0], 15.0), Some(9.0));
        assert_eq!(coarse(3.0, &[4.0, 6.0], 30.0), Some(24.0));
        assert_eq!(coarse(3.0, &[], 30.0), None);
    }

    proptest! {
        #[test]
        fn an_overview_ascends_exists_and_is_small(
            keys in proptest::collection::btree_set(0_i64..7_200_000_000, 0..4_000), planned in 0_usize..2_000,
        ) {
            let keys: Vec<_> = keys.into_iter().map(Timestamp::from_micros).collect();
            let chosen = choose(&keys, at(7_200.0), u64::MAX, planned);
            prop_assert!(chosen.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(chosen.iter().all(|&i| i < keys.len()));
            prop_assert!(chosen.len() <= MOST as usize && chosen.len() * 2 <= planned);
        }
    }
}

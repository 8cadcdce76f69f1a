//! From minutes of video to bytes, and whether they are there.

use timeline::resize::{FACTOR, ResizeError, ResizeRule, Size};
use timeline::{Budget, PlanRequest, Timestamp};

use super::{Dimensions, KvFormat, Place, Precision};
use crate::cache_precision::CachePrecision;
use crate::profile::Profile;

/// Tokens of a question and its answer, the template around them included: what each asker adds to a video's prefix.
const ASKED: u64 = 2048;
/// Longest video that is looked for.
const DAY: u32 = 24 * 60;

/// The video that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Its length.
    pub minutes: f64,
    /// Its frames as they are filmed.
    pub source: Size,
    /// Frames to look at.
    pub plan: PlanRequest,
    /// The size at which they are seen.
    pub resize: ResizeRule,
    /// Segments that the model reads at once, if a longer video is read window by window.
    pub reach: Option<u32>,
}

/// What the model reads of a video at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Video {
    /// Frames, size, seconds per segment.
    pub budget: Budget,
    /// Tokens: keys and values are kept for each.
    pub tokens: u64,
    /// Positions: fewer, since a segment of `rows × columns` tokens takes `max(rows, columns)` of them (`positions.rs`).
    pub positions: u64,
}

impl Demand {
    /// A film as most are, shown as the checkpoint wants to be shown one.
    pub fn usual(minutes: f64, profile: &Profile) -> Self {
        let Profile { fps, min_frames, max_frames, resize, reach, .. } = *profile;
        let source = Size { height: 1080, width: 1920 };
        Self { minutes, source, plan: PlanRequest { fps, min_frames, max_frames }, resize, reach }
    }

    /// Counts.
    ///
    /// # Errors
    /// Frames no model can be shown.
    pub fn video(&self) -> Result<Video, ResizeError> {
        let budget = Budget::of(Timestamp::from_seconds(self.minutes * 60.0), self.source, self.plan, self.resize)?;
        let Size { height, width } = budget.size;
        let shorter = budget.size.tokens().saturating_sub(height.max(width) / FACTOR);
        let all = u64::from(budget.segments).max(1);
        let shown = self.reach.map_or(all, |reach| all.min(u64::from(reach.max(1))));
        let tokens = (u64::from(budget.tokens) * shown).div_ceil(all);
        let positions = tokens.saturating_sub(shown.saturating_mul(u64::from(shorter)));
        Ok(Video { budget, tokens, positions })
    }
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Whose memory it is.
    pub place: Place,
}

/// Bytes a video and one question need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// All weights.
    pub weights: u64,
    /// Keys and values of the video, the question and its answer.
    pub kv: u64,
    /// The largest pass.
    pub activations: u64,
    /// What a process takes before anything is loaded.
    pub reserve: u64,
}

impl Need {
    /// All of it.
    pub fn total(&self) -> u64 {
        [self.kv, self.activations, self.reserve].into_iter().fold(self.weights, u64::saturating_add)
    }
}

/// What would make it fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Advice {
    /// Weights in this precision.
    Precision(Precision),
    /// Keys and values in 8 bits.
    EightBitKv,
    /// Both of these; where neither alone is enough.
    PrecisionAndEightBitKv(Precision),
    /// So many frames a second.
    Fps(f64),
    /// A video of so many minutes.
    Minutes(u32),
}

impl Dimensions {
    /// What a video and one question to it need.
    pub fn need(&self, video: &Video, precision: Precision, kv: KvFormat, place: Place) -> Need {
        self.need_beside(self.weight_bytes(precision), video, kv, place)
    }

    /// The same with weights that take so many bytes, whatever their formats.
    pub(super) fn need_beside(&self, weights: u64, video: &Video, kv: KvFormat, place: Place) -> Need {
        let tokens = video.tokens.saturating_add(ASKED);
        // A merged token is four patches.
        let patches = u64::from(video.budget.size.tokens()).saturating_mul(4);
        let all = patches.saturating_mul(u64::from(video.budget.segments));
        Need {
            weights,
            kv: tokens.saturating_mul(self.kv_bytes_per_token(kv)),
            activations: self.activation_bytes(place, tokens, patches, all),
            reserve: place.reserve(),
        }
    }

    /// Whether the model has positions for a video and a question.
    pub fn within_window(&self, video: &Video) -> bool {
        let window = super::wide(self.text.max_position_embeddings);
        video.positions.saturating_add(ASKED) <= window
    }

    pub(super) fn fits(&self, demand: &Demand, precision: Precision, kv: KvFormat, limits: Limits) -> bool {
        self.fits_beside(self.weight_bytes(precision), demand, kv, limits)
    }

    fn fits_beside(&self, weights: u64, demand: &Demand, kv: KvFormat, limits: Limits) -> bool {
        demand.video().is_ok_and(|video| {
            self.within_window(&video) && self.need_beside(weights, &video, kv, limits.place).total() <= limits.memory
        })
    }

    /// The first of `precisions` in which the video fits, with keys and values as they are kept beside it.
    pub fn precision(
        &self,
        demand: &Demand,
        precisions: &[Precision],
        cache: CachePrecision,
        limits: Limits,
    ) -> Option<Precision> {
        precisions.iter().copied().find(|&precision| self.fits(demand, precision, cache.beside(precision), limits))
    }

    /// The longest video that fits, in whole minutes up to a day; none when not even one minute does.
    pub fn longest(&self, demand: &Demand, precision: Precision, kv: KvFormat, limits: Limits) -> Option<u32> {
        self.longest_beside(self.weight_bytes(precision), demand, kv, limits)
    }

    /// The same with weights that take so many bytes.
    pub(super) fn longest_beside(&self, weights: u64, demand: &Demand, kv: KvFormat, limits: Limits) -> Option<u32> {
        let fits =
            |minutes: u32| self.fits_beside(weights, &Demand { minutes: f64::from(minutes), ..*demand }, kv, limits);
        if !fits(1) {
            return None;
        }
        // Longer is never cheaper, but for the last steps of a size: between a length that fits and one that does not.
        let (mut good, mut bad) = (1, DAY + 1);
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            if fits(middle) { good = middle } else { bad = middle }
        }
        Some(good)
    }

    /// Questions that can be answered at once about one video: its prefix is shared, each adds only its own tokens.
    pub fn batch(&self, need: &Need, kv: KvFormat, limits: Limits) -> u64 {
        let own = ASKED.saturating_mul(self.kv_bytes_per_token(kv)).max(1);
        match limits.memory.checked_sub(need.total()) {
            Some(left) => 1 + left / own,
            None => 0,
        }
    }

    /// Changes each of which makes it fit, the least painful first; none where nothing short of another machine does.
    pub fn advice(&self, demand: &Demand, precision: Precision, kv: KvFormat, limits: Limits) -> Vec<Advice> {
        let mut advice = Vec::new();
        let smaller = Precision::ALL.into_iter().skip_while(|&p| p != precision).skip(1);
        if let Some(precision) = smaller.clone().find(|&p| self.fits(demand, p, kv, limits)) {
            advice.push(Advice::Precision(precision));
        }
        if kv != KvFormat::Eight && self.fits(demand, precision, KvFormat::Eight, limits) {
            advice.push(Advice::EightBitKv);
        }
        if advice.is_empty()
            && let Some(precision) = smaller.clone().find(|&p| self.fits(demand, p, KvFormat::Eight, limits))
        {
            advice.push(Advice::PrecisionAndEightBitKv(precision));
        }
        let slower = |halvings: i32| {
            let plan = PlanRequest { fps: demand.plan.fps / 2_f64.powi(halvings), ..demand.plan };
            self.fits(&Demand { plan, ..*demand }, precision, kv, limits).then_some(Advice::Fps(plan.fps))
        };
        advice.extend((1..=5).find_map(slower));
        let shorter = self.longest(demand, precision, kv, limits).filter(|&m| f64::from(m) < demand.minutes);
        advice.extend(shorter.map(Advice::Minutes));
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CARD: Limits = Limits { memory: 24 << 30, place: Place::Accelerator };

    fn demand(minutes: f64) -> Demand {
        Demand::usual(minutes, &Profile::default())
    }

    #[test]
    fn positions_are_counted_as_the_prompt_hands_them_out() {
        // 10 minutes at 2 fps, cut to 768 frames of 736 × 384: 384 segments of 12 × 23 tokens.
        let video = demand(10.0).video().unwrap();
        assert_eq!((video.budget.segments, video.budget.size.tokens()), (384, 12 * 23));
        assert_eq!(video.tokens - video.positions, 384 * (12 * 23 - 23));
        let around = video.tokens - 384 * 12 * 23;
        assert_eq!(video.positions, around + 384 * 23);
    }

    #[test]
    fn a_model_that_reads_windows_needs_no_more_for_hours_than_for_one() {
        let profile = Profile { max_frames: 7_200, reach: Some(120), ..Profile::default() };
        let at = |minutes| Demand::usual(minutes, &profile).video().unwrap();
        assert_eq!((at(60.0).budget.segments, at(2.0).budget.segments), (3_600, 120));
        assert!(at(60.0).tokens <= at(2.0).tokens && at(60.0).positions <= at(2.0).positions);
        assert!(at(1.0).tokens < at(2.0).tokens);
    }

    #[test]
    fn needs_add_up_and_the_cache_is_the_tokens() {
        let model = Dimensions::published("4B").unwrap();
        let video = demand(10.0).video().unwrap();
        let need = model.need(&video, Precision::Half, KvFormat::Half, Place::Accelerator);
        assert_eq!(need.weights, 2 * 4_437_815_808);
        assert_eq!(need.kv, (video.tokens + ASKED) * 144 * 1024);
        assert_eq!(need.total(), need.weights + need.kv + need.activations + need.reserve);
        // 65,536 patches of the small tower: 0.4 GB of pixels, 1.34 GB of two MLP widths and two of the residual.
        assert!((1_500_000_000..2_500_000_000).contains(&need.activations), "{}", need.activations);
    }

    #[test]
    fn what_does_not_fit_gets_advice_that_does() {
        let model = Dimensions::published("8B").unwrap();
        for minutes in [12.0, 16.0] {
            let plan = PlanRequest { max_frames: 1 << 20, ..PlanRequest::default() };
            let long = Demand { plan, ..demand(minutes) };
            assert_eq!(model.precision(&long, &[Precision::Half], CachePrecision::Auto, CARD), None);
            let advice = model.advice(&long, Precision::Half, KvFormat::Half, CARD);
            assert!(!advice.is_empty());
            for change in advice {
                let (mut demand, mut precision, mut kv) = (long, Precision::Half, KvFormat::Half);
                match change {
                    Advice::Precision(smaller) => precision = smaller,
                    Advice::EightBitKv => kv = KvFormat::Eight,
                    Advice::PrecisionAndEightBitKv(smaller) => (precision, kv) = (smaller, KvFormat::Eight),
                    Advice::Fps(fps) => demand.plan.fps = fps,
                    Advice::Minutes(minutes) => demand.minutes = f64::from(minutes),
                }
                assert!(model.fits(&demand, precision, kv, CARD), "{change:?}");
            }
        }
        // Nothing helps a model whose weights alone are too large, but a smaller precision.
        let large = Dimensions::published("235B-A22B").unwrap();
        assert!(large.advice(&demand(1.0), Precision::Half, KvFormat::Half, CARD).is_empty());
        assert_eq!(large.longest(&demand(1.0), Precision::Q4K, KvFormat::Eight, CARD), None);
    }

    #[test]
    fn a_batch_shares_the_video() {
        let model = Dimensions::published("2B").unwrap();
        let need = model.need(&demand(5.0).video().unwrap(), Precision::Half, KvFormat::Half, Place::Accelerator);
        let exactly = Limits { memory: need.total(), ..CARD };
        let own = ASKED * 112 * 1024;
        assert_eq!(model.batch(&need, KvFormat::Half, exactly), 1);
        assert_eq!(model.batch(&need, KvFormat::Half, Limits { memory: need.total() + 3 * own, ..CARD }), 4);
        assert_eq!(model.batch(&need, KvFormat::Half, Limits { memory: need.total() - 1, ..CARD }), 0);
    }

    proptest! {
        #[test]
        fn the_longest_video_fits_and_a_smaller_precision_never_needs_more(gib in 4_u64..160, fps in 0.25_f64..4.0) {
            let limits = Limits { memory: gib << 30, place: Place::Accelerator };
            let plan = PlanRequest { fps, max_frames: 1 << 20, min_frames: 4 };
            let demand = Demand { plan, ..demand(10.0) };
            for name in ["2B", "8B", "30B-A3B"] {
                let model = Dimensions::published(name).unwrap();
                if let Some(minutes) = model.longest(&demand, Precision::Half, KvFormat::Half, limits) {
                    let longest = Demand { minutes: f64::from(minutes), ..demand };
                    prop_assert!(model.fits(&longest, Precision::Half, KvFormat::Half, limits));
                }
                let bytes = Precision::ALL.map(|precision| model.weight_bytes(precision));
                prop_assert!(bytes.is_sorted_by(|a, b| a > b));
            }
        }
    }
}

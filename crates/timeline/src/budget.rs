//! What a run costs, counted before it starts and shown to the user: frames, pixels, tokens, seconds per segment.

use serde::{Deserialize, Serialize};

use crate::plan::{PlanRequest, SamplingPlan};
use crate::resize::{ResizeError, ResizeRule, Size};
use crate::time::Timestamp;

/// The price of looking at one video, and how finely it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Frames decoded.
    pub frames: u32,
    /// Pairs of frames the model sees.
    pub segments: u32,
    /// Size at which the model sees a frame.
    pub size: Size,
    /// Tokens of the whole video in the prompt, stamps and delimiters included.
    pub tokens: u32,
    /// Seconds of video one segment stands for: no pass over these segments can be sharper.
    pub seconds_per_segment: f64,
}

impl Budget {
    /// Counts what a uniform plan over `duration` costs for frames of `source` pixels.
    ///
    /// # Errors
    /// When the frame's shape cannot be shown to the model.
    pub fn of(duration: Timestamp, source: Size, request: PlanRequest, rule: ResizeRule) -> Result<Self, ResizeError> {
        let plan = SamplingPlan::uniform(duration, request);
        let frames = u32::try_from(plan.instants.len()).unwrap_or(u32::MAX);
        let size = rule.target(source, frames)?;
        let segments = frames.div_ceil(2);
        let seconds_per_segment = plan.seconds_per_segment();
        let tokens = (0..segments)
            .map(|i| stamp_tokens(f64::from(i) * seconds_per_segment) + 2 + size.tokens())
            .fold(0_u32, u32::saturating_add);
        Ok(Self { frames, segments, size, tokens, seconds_per_segment })
    }
}

/// Tokens of `<12.5 seconds>`: one per digit, and five for `<`, `.`, the decimal, ` seconds` and `>`.
fn stamp_tokens(seconds: f64) -> u32 {
    let mut digits = 1;
    let mut bound = 10.0;
    while seconds >= bound {
        digits += 1;
        bound *= 10.0;
    }
    5 + digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_for_the_bundled_checkpoint() {
        let rule = ResizeRule::QwenVlUtils { min_pixels: 7802, max_pixels: 8192, total_pixels: 117_964_800 };
        let source = Size { height: 360, width: 640 };
        let budget = Budget::of(Timestamp::from_seconds(60.0), source, PlanRequest::default(), rule);
        let expected = 10 * (6 + 2 + 6) + 50 * (7 + 2 + 6);
        assert_eq!(budget.map(|b| (b.frames, b.segments, b.tokens)), Ok((120, 60, expected)));
    }
}

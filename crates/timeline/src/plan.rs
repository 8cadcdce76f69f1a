//! Which frames to look at: the sampling plan, shared by page, command line and server, and shown before a run.
//!
//! Qwen's own sampler takes evenly spaced *indices* and derives seconds as index ÷ fps. Here the plan is made of
//! *instants*, and the frame of an instant is the one a player shows then: the last whose timestamp is not later.
//! Constant-rate files give the same frames; variable-rate, trimmed and edited files give the right ones.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a plan is made from; a checkpoint's own values come from its profile (`timepin.json`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// Frames per second wanted (Qwen3-VL: 2).
    pub fps: f64,
    /// At least this many frames, however short the video (Qwen3-VL: 4).
    pub min_frames: u32,
    /// At most this many frames, however long the video (Qwen3-VL: 768).
    pub max_frames: u32,
}

impl Default for PlanRequest {
    fn default() -> Self {
        Self { fps: 2.0, min_frames: 4, max_frames: 768 }
    }
}

/// The instants to look at, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplingPlan {
    /// Ascending instants, each inside the video.
    pub instants: Vec<Timestamp>,
    /// The distance between neighbours.
    pub step: Timestamp,
}

impl SamplingPlan {
    /// Evenly spaced instants `i · step < duration`, where `step` is `1 / fps` unless that breaks a bound on the count.
    ///
    /// A video without length gives the single instant zero.
    pub fn uniform(duration: Timestamp, request: PlanRequest) -> Self {
        let length = duration.micros().max(0);
        let (min, max) = (i64::from(request.min_frames.max(1)), i64::from(request.max_frames.max(1)));
        let wanted = Timestamp::from_seconds(1.0 / request.fps.clamp(0.001, 1_000.0)).micros().max(1);
        let count = div_ceil(length, wanted);
        let step = if count > max {
            div_ceil(length, max)
        } else if count < min {
            (length / min).max(1)
        } else {
            wanted
        };
        let instants: Vec<_> =
            (0..max).map(|i| i * step).take_while(|&t| t < length || t == 0).map(Timestamp::from_micros).collect();
        Self { instants, step: Timestamp::from_micros(step) }
    }

    /// Indices into `frames` (ascending presentation times) of the frames that the instants show, each once.
    ///
    /// The frame of an instant is the last with `pts <= instant`, or the first frame when there is none.
    pub fn pick(&self, frames: &[Timestamp]) -> Vec<usize> {
        shown_at(&self.instants, frames)
    }

    /// Seconds of video one segment (two frames) stands for.
    pub fn seconds_per_segment(&self) -> f64 {
        self.step.seconds() * 2.0
    }
}

/// Indices into `frames` (ascending presentation times) of the frames that a player shows at `instants` (ascending), each once:
/// the last with `pts <= instant`, or the first frame when there is none.
pub fn shown_at(instants: &[Timestamp], frames: &[Timestamp]) -> Vec<usize> {
    let mut picked: Vec<usize> = Vec::with_capacity(instants.len());
    if frames.is_empty() {
        return picked;
    }
    for instant in instants {
        let index = frames.partition_point(|pts| pts <= instant).saturating_sub(1);
        if picked.last() != Some(&index) {
            picked.push(index);
        }
    }
    picked
}

fn div_ceil(value: i64, by: i64) -> i64 {
    value / by + i64::from(value % by > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn two_frames_a_second_unless_a_bound_is_hit() {
        let plan = SamplingPlan::uniform(at(10.0), PlanRequest::default());
        assert_eq!((plan.instants.len(), plan.step), (20, at(0.5)));
        let hour = SamplingPlan::uniform(at(3600.0), PlanRequest::default());
        assert!(hour.instants.len() <= 768 && hour.instants.len() > 760);
        let blink = SamplingPlan::uniform(at(0.4), PlanRequest::default());
        assert_eq!(blink.instants.len(), 4);
    }

    #[test]
    fn the_frame_of_an_instant_is_the_one_a_player_shows() {
        let plan = SamplingPlan::uniform(at(2.0), PlanRequest::default());
        let frames = [at(0.1), at(0.45), at(0.5), at(1.9)];
        assert_eq!(plan.pick(&frames), vec![0, 2]);
    }

    proptest! {
        #[test]
        fn instants_ascend_inside_the_video_and_respect_the_bounds(
            micros in 0_i64..20_000_000_000, fps in 0.01_f64..60.0, max in 1_u32..2000,
        ) {
            let duration = Timestamp::from_micros(micros);
            let plan = SamplingPlan::uniform(duration, PlanRequest { fps, min_frames: 4, max_frames: max });
            prop_assert!(!plan.instants.is_empty() && plan.instants.len() <= max as usize);
            prop_assert!(plan.instants.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(plan.instants.iter().all(|t| *t < duration || *t == Timestamp::ZERO));
        }

        #[test]
        fn picks_ascend_and_exist(frames in proptest::collection::btree_set(0_i64..100_000_000, 0..300)) {
            let frames: Vec<_> = frames.into_iter().map(Timestamp::from_micros).collect();
            let plan = SamplingPlan::uniform(at(100.0), PlanRequest::default());
            let picked = plan.pick(&frames);
            prop_assert!(picked.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(picked.iter().all(|&i| i < frames.len()));
            prop_assert_eq!(picked.is_empty(), frames.is_empty());
        }
    }
}

//! What a run extracts: the frames of the plan that the server has not, and before them an overview.

use std::collections::HashSet;

use app::extraction::There;
use demux::{Frame, Track};
use timeline::plan::shown_at;
use timeline::{Glimpse, PlanRequest, SamplingPlan, Timestamp, overview};

/// The frames of a run.
pub(super) struct Plan {
    /// Key frames of what the server has nothing of, ascending; often none.
    pub(super) overview: Vec<(Frame, Glimpse)>,
    /// Frames of the plan that are in no overview, ascending.
    pub(super) frames: Vec<Frame>,
    /// Frames of the plan that the server has.
    pub(super) skipped: u32,
    /// Of all frames of the plan, wherever they are.
    pub(super) looks: HashSet<Timestamp>,
}

impl Plan {
    /// The frames that a player shows at some instants, and nothing else.
    pub(super) fn at(track: &Track, instants: &[Timestamp]) -> Self {
        let shown: Vec<_> = track.presented.iter().map(|f| f.pts).collect();
        let frames = shown_at(instants, &shown).into_iter().filter_map(|i| track.presented.get(i).copied()).collect();
        Self { overview: Vec::new(), frames, skipped: 0, looks: HashSet::new() }
    }

    /// enterable: whether a fresh decoder can begin with a key sample.
    pub(super) fn new(track: &Track, request: PlanRequest, there: &There, enterable: impl Fn(usize) -> bool) -> Self {
        let shown: Vec<_> = track.presented.iter().map(|f| f.pts).collect();
        let picked = SamplingPlan::uniform(track.duration, request).pick(&shown);
        let planned: HashSet<_> = picked.iter().filter_map(|&i| shown.get(i).copied()).collect();
        let glimpses = there.overview.iter().filter(|glimpse| glimpse.planned).map(|glimpse| glimpse.pts);
        let known: HashSet<_> = there.frames.iter().copied().chain(glimpses).collect();
        let frames = picked.iter().filter_map(|&i| track.presented.get(i).copied());
        let (skipped, mut frames): (Vec<Frame>, Vec<Frame>) = frames.partition(|f| known.contains(&f.pts));

        let keys = ahead(track, there);
        let mut chosen = Vec::new();
        if !keys.is_empty() {
            let times: Vec<_> = keys.iter().map(|f| f.pts).collect();
            chosen = overview::choose(&times, track.duration, pixels(track, there), picked.len());
        }
        let count = chosen.len();
        let glimpse = |frame: Frame| (frame, Glimpse { pts: frame.pts, planned: planned.contains(&frame.pts) });
        let enterable = |frame: &Frame| enterable(frame.sample as usize);
        let mut overview: Vec<_> =
            chosen.into_iter().filter_map(|i| keys.get(i).copied()).filter(enterable).map(glimpse).collect();
        // Where decoders can begin in few places only, the overview would cost what the plan costs.
        if overview.len() * 2 < count {
            overview.clear();
        }
        let before: HashSet<_> = there.overview.iter().map(|glimpse| glimpse.pts).collect();
        overview.retain(|(frame, _)| !before.contains(&frame.pts));
        let first: HashSet<_> = overview.iter().map(|(frame, _)| frame.pts).collect();
        frames.retain(|frame| !first.contains(&frame.pts));
        Self { overview, frames, skipped: u32::try_from(skipped.len()).unwrap_or(u32::MAX), looks: planned }
    }
}

/// Where the server's frames end.
fn reached(there: &There) -> Option<Timestamp> {
    there.frames.last().copied()
}

/// Key frames that are shown behind what the server has.
fn ahead(track: &Track, there: &There) -> Vec<Frame> {
    let key = |f: &&Frame| track.samples.get(f.sample as usize).is_some_and(|sample| sample.key);
    let behind = |f: &&Frame| reached(there).is_none_or(|reached| f.pts > reached);
    track.presented.iter().filter(key).filter(behind).copied().collect()
}

/// Pixels that are still to be decoded.
fn pixels(track: &Track, there: &There) -> u64 {
    let left = track.presented.iter().filter(|f| reached(there).is_none_or(|reached| f.pts > reached)).count();
    left as u64 * u64::from(track.width) * u64::from(track.height)
}

//! When each token is said: where the heads that follow the sound look while it is written (whisper/timing.py,
//! `find_alignment`).
//!
//! softmax over the window's frames ─▶ every frame's deviation among the tokens ─▶ median over seven frames ─▶ mean of the
//! heads ─▶ the cheapest way through (dynamic time warping).

use candle_core::{DType, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

/// Frames the median is taken of.
const MEDIAN: usize = 7;

/// The first frame of each token. scores: [heads, L, T] before the softmax; only the first `frames` of T are sound.
///
/// # Errors
/// Scores of another rank or fewer frames.
pub fn align(scores: &Tensor, frames: usize) -> Result<Vec<usize>> {
    let seen = softmax_last_dim(&scores.to_dtype(DType::F32)?.narrow(2, 0, frames)?.contiguous()?)?;
    let centred = seen.broadcast_sub(&seen.mean_keepdim(1)?)?;
    let deviation = centred.sqr()?.mean_keepdim(1)?.sqrt()?;
    let scaled = centred.broadcast_div(&deviation)?.to_vec3::<f32>()?;
    let Some(tokens) = scaled.first().map(Vec::len) else { return Ok(Vec::new()) };
    let mut costs = vec![vec![0.0; frames]; tokens];
    for head in &scaled {
        for (costs, row) in costs.iter_mut().zip(head) {
            // The cost is what a head does not look at.
            costs.iter_mut().zip(smooth(row)).for_each(|(cost, seen)| *cost -= seen / scaled.len() as f32);
        }
    }
    Ok(cheapest(&costs))
}

/// The median around each value, mirrored at both ends.
fn smooth(row: &[f32]) -> Vec<f32> {
    let reach = MEDIAN / 2;
    if row.len() <= reach {
        return row.to_vec();
    }
    let before = row.iter().skip(1).take(reach).rev();
    let after = row.iter().rev().skip(1).take(reach);
    let padded: Vec<f32> = before.chain(row).chain(after).copied().collect();
    let median = |around: &[f32]| {
        let mut sorted = around.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        sorted.get(reach).copied().unwrap_or_default()
    };
    padded.windows(MEDIAN).map(median).collect()
}

/// Where the way came from.
#[derive(Clone, Copy)]
enum Step {
    Both,
    Token,
    Frame,
}

/// The first frame of each row on the cheapest way from the first cell to the last that never goes back.
fn cheapest(costs: &[Vec<f32>]) -> Vec<usize> {
    let frames = costs.first().map_or(0, Vec::len);
    let mut above: Vec<f32> = std::iter::once(0.0).chain(std::iter::repeat_n(f32::INFINITY, frames)).collect();
    let mut steps = Vec::with_capacity(costs.len());
    for row in costs {
        let mut here = vec![f32::INFINITY];
        let mut left = f32::INFINITY;
        let mut came = Vec::with_capacity(frames);
        for (pair, cost) in above.windows(2).zip(row) {
            let &[corner, top] = pair else { continue };
            let (least, step) = match (corner, top, left) {
                (corner, top, left) if corner < top && corner < left => (corner, Step::Both),
                (corner, top, left) if top < corner && top < left => (top, Step::Token),
                _ => (left, Step::Frame),
            };
            left = least + cost;
            here.push(left);
            came.push(step);
        }
        above = here;
        steps.push(came);
    }
    walk_back(&steps, frames)
}

fn walk_back(steps: &[Vec<Step>], frames: usize) -> Vec<usize> {
    let mut starts = vec![0; steps.len()];
    let (mut token, mut frame) = (steps.len(), frames);
    while let (Some(row), Some(column)) = (token.checked_sub(1), frame.checked_sub(1)) {
        if let Some(start) = starts.get_mut(row) {
            *start = column;
        }
        match steps.get(row).and_then(|row| row.get(column)) {
            Some(Step::Both) => (token, frame) = (row, column),
            Some(Step::Token) => token = row,
            Some(Step::Frame) => frame = column,
            None => break,
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_way_follows_what_is_looked_at() {
        let mut costs = vec![vec![0.5; 6]; 3];
        for (token, frame) in [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 5)] {
            costs[token][frame] = -1.0;
        }
        assert_eq!(cheapest(&costs), [0, 2, 4]);
        assert_eq!(cheapest(&[]), Vec::<usize>::new());
    }

    #[test]
    fn a_single_outlier_does_not_survive_the_median() {
        assert_eq!(smooth(&[0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0]), [0.0; 7]);
        assert_eq!(smooth(&[5.0, 1.0]), [5.0, 1.0]);
        // Mirrored without the edge itself: 3 2 1 | 0 1 2 3 …
        assert_eq!(smooth(&[0.0, 1.0, 2.0, 3.0, 4.0])[0], 2.0);
    }

    #[test]
    fn frames_beyond_the_sound_are_not_looked_at() {
        let look = |token: usize, frame: usize| if frame / 10 == token || frame >= 30 { 8.0_f32 } else { 0.0 };
        let scores: Vec<f32> = (0..3).flat_map(|token| (0..60).map(move |frame| look(token, frame))).collect();
        let scores = Tensor::from_vec(scores, (1, 3, 60), &Device::Cpu).unwrap();
        assert_eq!(align(&scores, 30).unwrap(), [0, 10, 20]);
    }
}

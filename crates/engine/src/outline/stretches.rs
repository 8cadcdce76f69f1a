//! Where something new is to be seen: stretches of a video between changes, found from its frames at a glance.

use timeline::{Span, Timestamp};

use crate::selection::Look;

/// Levels of 255 by which a cell has to change to count: more than light that flickers.
const CHANGED: u8 = 14;
/// Share of cells that must change where a stretch begins: a thing that comes or goes, not one that moves a little.
const LEAST: f32 = 0.06;
/// The shortest stretch between two looks of the model.
const APART: Timestamp = Timestamp::from_millis(900);
/// The most stretches: of more, those that begin with the smallest changes are joined to the one before.
pub(crate) const MOST: usize = 160;

/// A stretch between changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// From its first frame to the first of the next one.
    pub(crate) span: Span,
    /// How much of the picture changed as it began; 1 at a cut and at the beginning of the video.
    pub(crate) novelty: f32,
}

/// Stretches of a video, ascending and without a gap. spans, looks: of its segments, ascending; cuts: first frames of shots.
pub(crate) fn stretches(spans: &[Span], looks: &[Look], cuts: &[Timestamp], duration: Timestamp) -> Vec<Stretch> {
    let frames = frames(spans, looks);
    let mut borders: Vec<(Timestamp, f32)> = Vec::new();
    for pair in frames.windows(2) {
        let [(before, then), (at, now)] = pair else { continue };
        let cut = cuts.iter().find(|cut| *before < **cut && **cut <= *at);
        let novelty = cut.map_or_else(|| changed(then, now), |_| 1.0);
        if novelty >= LEAST {
            borders.push((cut.copied().unwrap_or(*at), novelty));
        }
    }
    // The greatest changes first, so that what is dropped for being too near or too many is the least.
    borders.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut kept: Vec<(Timestamp, f32)> = vec![(Timestamp::ZERO, 1.0)];
    for (at, novelty) in borders {
        if kept.len() < MOST && kept.iter().all(|(other, _)| at.distance(*other) >= APART) {
            kept.push((at, novelty));
        }
    }
    kept.sort_by_key(|(at, _)| *at);
    let ends = kept.iter().skip(1).map(|(at, _)| *at).chain([duration]);
    kept.iter()
        .zip(ends)
        .map(|((start, novelty), end)| Stretch { span: Span::new(*start, end), novelty: *novelty })
        .collect()
}

/// Every frame and what it looks like.
fn frames<'l>(spans: &[Span], looks: &'l [Look]) -> Vec<(Timestamp, &'l [u8])> {
    let of_segment = |(span, look): (&Span, &'l Look)| {
        let (first, second) = look.split_at(look.len() / 2);
        // The last frame of an odd number stands for both.
        let second = (span.end > span.start).then_some((span.end, second));
        [Some((span.start, first)), second]
    };
    spans.iter().zip(looks).flat_map(of_segment).flatten().collect()
}

fn changed(before: &[u8], now: &[u8]) -> f32 {
    let cells = before.len().min(now.len()).max(1);
    let changed = before.iter().zip(now).filter(|(a, b)| a.abs_diff(**b) >= CHANGED).count();
    changed as f32 / cells as f32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Segments a second long whose two frames have so many of 16 cells bright.
    fn segments(bright: &[[usize; 2]]) -> (Vec<Span>, Vec<Look>) {
        let second = |n: usize| Timestamp::from_millis(n as i64 * 1_000);
        let spans = (0..bright.len()).map(|n| Span::new(second(n), second(n) + Timestamp::from_millis(500)));
        let frame = |count: usize| (0..16).map(move |cell| if cell < count { 200 } else { 20 });
        let looks = bright.iter().map(|[a, b]| frame(*a).chain(frame(*b)).collect::<Vec<u8>>());
        (spans.collect(), looks.map(Arc::from).collect())
    }

    fn found(bright: &[[usize; 2]], cuts: &[i64]) -> Vec<(i64, f32)> {
        let (spans, looks) = segments(bright);
        let cuts: Vec<_> = cuts.iter().copied().map(Timestamp::from_millis).collect();
        let all = stretches(&spans, &looks, &cuts, Timestamp::from_millis(9_000));
        assert!(all.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        assert_eq!(all.last().map(|last| last.span.end), Some(Timestamp::from_millis(9_000)));
        all.iter().map(|stretch| (stretch.span.start.micros() / 1_000, stretch.novelty)).collect()
    }

    #[test]
    fn a_stretch_begins_where_much_of_the_picture_changes() {
        assert_eq!(found(&[[0, 0], [0, 0], [0, 4], [4, 4], [4, 4]], &[]), [(0, 1.0), (2_500, 0.25)]);
        assert_eq!(found(&[[0, 0]], &[]), [(0, 1.0)]);
        assert_eq!(found(&[], &[]), [(0, 1.0)]);
    }

    #[test]
    fn a_cut_begins_one_at_its_own_time_and_the_greater_of_two_near_changes_stays() {
        assert_eq!(found(&[[0, 0], [0, 0], [0, 0]], &[1_700]), [(0, 1.0), (1_700, 1.0)]);
        assert_eq!(found(&[[0, 0], [0, 2], [12, 12], [12, 12]], &[]), [(0, 1.0), (2_000, 0.625)]);
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let flicker: Vec<_> = (0..400).map(|n| if n % 2 == 0 { [0, 0] } else { [16, 16] }).collect();
        let (spans, looks) = segments(&flicker);
        assert_eq!(stretches(&spans, &looks, &[], Timestamp::from_millis(400_000)).len(), MOST);
    }
}

//! Which segments of a video the model is shown: all, unless still pictures are to be left out or the context is short.

use std::sync::Arc;

use qwen3_vl::RgbFrame;
use timeline::Timestamp;

use crate::backend::Backend;
use crate::error::{Error, Result};

/// Tokens kept free for an answer, and the most it has.
pub const ANSWER_TOKENS: u32 = 1_024;
/// Tokens a thinking model may write to itself before it has to answer: thoughts are several times as long as answers.
pub(crate) const THOUGHT_TOKENS: u32 = 16_384;
/// Videos shorter than this get [`SHORT_CONTEXT`] when nothing else is set.
const SHORT_VIDEO: Timestamp = Timestamp::from_millis(5 * 60 * 1_000);
/// 32K: more does not help a short video and costs memory.
const SHORT_CONTEXT: u32 = 32_768;

/// Cells of [`Look`] a side.
pub(crate) const LOOK: u32 = 16;
/// Levels of 255 by which a cell must change to count: above the noise of a lossy codec, below a moving thing.
pub(crate) const CHANGE: u8 = 3;

/// The longest stretch that temporal compression leaves without a segment.
const FLOOR: Timestamp = Timestamp::from_millis(10_000);

/// A segment at a glance: the mean brightness of 16 × 16 cells of both frames.
pub(crate) type Look = Arc<[u8]>;

/// A segment at a glance.
pub(crate) fn look(frames: [&RgbFrame; 2]) -> Look {
    frames.into_iter().flat_map(cells).collect()
}

fn cells(frame: &RgbFrame) -> Vec<u8> {
    let (width, height) = (frame.width(), frame.height());
    let mut sums = vec![(0_u64, 0_u64); (LOOK * LOOK) as usize];
    let rows = frame.data().chunks_exact((width * 3).max(1) as usize);
    for (y, row) in (0_u32..).zip(rows) {
        for (x, pixel) in (0_u32..).zip(row.chunks_exact(3)) {
            let cell = (y * LOOK / height.max(1)) * LOOK + x * LOOK / width.max(1);
            if let Some((sum, count)) = sums.get_mut(cell as usize) {
                *sum += pixel.iter().copied().map(u64::from).sum::<u64>();
                *count += 3;
            }
        }
    }
    sums.into_iter().map(|(sum, count)| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)).collect()
}

/// Temporal compression: the segments in which something changed since the one kept before, those that open a shot, the
/// last, and one every [`FLOOR`] however still it is, so that no stretch is without a stamp to point to.
pub(crate) fn changing(looks: &[Look], starts: &[Timestamp], opening: &[bool]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for (i, look) in looks.iter().enumerate() {
        // Against the second frame of the one kept last: both of this one's frames have to look like it.
        let still = kept.last().and_then(|&k| looks.get(k)).is_some_and(|before| {
            let (_, before) = before.split_at(before.len() / 2);
            let (one, two) = look.split_at(look.len() / 2);
            [one, two].into_iter().all(|frame| frame.iter().zip(before).all(|(a, b)| a.abs_diff(*b) < CHANGE))
        });
        let since = kept.last().and_then(|&k| Some(*starts.get(i)? - *starts.get(k)?));
        let due = since.is_none_or(|since| since >= FLOOR);
        if !still || due || is(opening, i) || i + 1 == looks.len() {
            kept.push(i);
        }
    }
    kept
}

/// Tokens a prompt about a video may have.
pub(crate) fn context(backend: &dyn Backend, set: Option<u32>, duration: Timestamp) -> u32 {
    let own = backend.info().max_context;
    match set {
        Some(tokens) => tokens.min(backend.widest_context().1),
        None if duration < SHORT_VIDEO => SHORT_CONTEXT.min(own),
        None => own,
    }
}

/// Tokens there are for a video and what is said in it, beside `fixed` tokens and what is `written` in `limit`.
pub(crate) fn room(fixed: u32, written: u32, limit: u32) -> u64 {
    u64::from(limit.saturating_sub(reserve(written, limit)).saturating_sub(fixed))
}

/// A small context still leaves most of itself to the prompt.
fn reserve(written: u32, limit: u32) -> u32 {
    written.min(limit / 4)
}

/// Indices of the segments to show, so that all of `costs` chosen fit beside `fixed` tokens and what is `written` in
/// `limit`: see [`keep`].
///
/// # Errors
/// When not even one fits.
pub(crate) fn fit(
    costs: &[u32],
    near: &[Option<Timestamp>],
    opening: &[bool],
    fixed: u32,
    written: u32,
    limit: u32,
) -> Result<Vec<usize>> {
    let chosen = keep(costs, near, opening, room(fixed, written, limit));
    if chosen.is_empty() && !costs.is_empty() {
        let least = costs.iter().copied().min().unwrap_or(0);
        let needed = fixed.saturating_add(reserve(written, limit)).saturating_add(least);
        return Err(Error::ContextExceeded { needed, limit });
    }
    Ok(chosen)
}

/// Indices of what fits into `room`: all, or the nearest to what is asked for on half of it and others evenly spread on the
/// rest, moved to where a shot opens. near: how far each is from there; none when it is not near.
pub(crate) fn keep(costs: &[u32], near: &[Option<Timestamp>], opening: &[bool], room: u64) -> Vec<usize> {
    if sum(costs) <= room {
        return (0..costs.len()).collect();
    }
    let distance = |i: &usize| near.get(*i).copied().flatten();
    let (mut first, rest): (Vec<usize>, Vec<usize>) = (0..costs.len()).partition(|i| distance(i).is_some());
    first.sort_by_key(distance);
    let half = if rest.is_empty() { room } else { room / 2 };
    let mut taken = 0;
    let mut chosen = first;
    chosen.retain(|&i| {
        let cost = u64::from(costs.get(i).copied().unwrap_or(0));
        let fits = taken + cost <= half;
        taken += if fits { cost } else { 0 };
        fits
    });
    chosen.extend(evenly(&rest, costs, opening, room.saturating_sub(taken)));
    chosen.sort_unstable();
    chosen
}

/// As many of the indices `among`, evenly spread, as fit into `room`.
fn evenly(among: &[usize], costs: &[u32], opening: &[bool], room: u64) -> Vec<usize> {
    let cost = |chosen: &[usize]| sum(chosen.iter().filter_map(|&i| costs.get(i)));
    let total = cost(among);
    if total <= room {
        return among.to_vec();
    }
    let mut count = usize::try_from(among.len() as u64 * room / total.max(1)).unwrap_or(0);
    while count > 0 {
        let chosen = spread(among, opening, count);
        if cost(&chosen) <= room {
            return chosen;
        }
        count -= 1;
    }
    Vec::new()
}

fn sum<'a>(costs: impl IntoIterator<Item = &'a u32>) -> u64 {
    costs.into_iter().copied().map(u64::from).sum()
}

/// One of each of `count` equal shares of the indices `among`: the first that opens a shot, or the one in the middle.
fn spread(among: &[usize], opening: &[bool], count: usize) -> Vec<usize> {
    let length = among.len();
    let of_share = |i: usize| {
        let share = among.get(i * length / count..(i + 1) * length / count)?;
        share.iter().find(|&&i| is(opening, i)).or_else(|| among.get((2 * i + 1) * length / (2 * count))).copied()
    };
    (0..count).filter_map(of_share).collect()
}

fn is(flags: &[bool], i: usize) -> bool {
    flags.get(i).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_shown_whole_and_what_does_not_is_thinned_evenly() {
        assert_eq!(fit(&[10; 6], &[], &[], 40, ANSWER_TOKENS, 400).unwrap(), [0, 1, 2, 3, 4, 5]);
        let thinned = fit(&[100; 10], &[], &[], 50, ANSWER_TOKENS, 750).unwrap();
        assert_eq!(thinned, [1, 3, 5, 7, 9]);
        let refused = fit(&[100; 10], &[], &[], 700, ANSWER_TOKENS, 750).unwrap_err();
        assert_eq!(refused.code(), "context_exceeded");
        // Question, a quarter for the answer, one segment.
        assert!(matches!(refused, Error::ContextExceeded { needed: 987, limit: 750 }), "{refused}");
        assert!(refused.to_string().contains("237 more than the 750"), "{refused}");
    }

    #[test]
    fn the_nearest_to_the_words_asked_for_is_kept_first_on_half_of_the_room() {
        let from_13 = |i: i64| Some(Timestamp::from_seconds((i - 13).abs() as f64)).filter(|far| far.seconds() < 4.0);
        let near: Vec<_> = (0..20).map(from_13).collect();
        assert_eq!(keep(&[10; 20], &near, &[], 60), [2, 6, 12, 13, 14, 17]);
        // Nothing but what is near: then all of the room is for it.
        assert_eq!(keep(&[10; 3], &[Some(Timestamp::ZERO); 3], &[], 20), [0, 1]);
        assert_eq!(keep(&[10; 4], &[None; 4], &[], 20), [1, 3]);
        assert!(keep(&[10; 20], &near, &[], 5).is_empty());
    }

    #[test]
    fn of_each_share_the_segment_that_opens_a_shot_is_shown() {
        let mut opening = [false; 12];
        (opening[1], opening[2], opening[10]) = (true, true, true);
        assert_eq!(keep(&[10; 12], &[None; 12], &opening, 30), [1, 6, 10]);
        assert_eq!(keep(&[10; 12], &[None; 12], &[], 30), [2, 6, 10]);
    }

    #[test]
    fn still_segments_are_left_out_but_never_the_last() {
        let frame = |spot: u8| {
            let mut data = vec![50; 96 * 64 * 3];
            data[..30].fill(spot);
            RgbFrame::new(96, 64, data).unwrap()
        };
        let (still, moved) = (frame(50), frame(250));
        let looks: Vec<_> = [[&still, &still], [&still, &still], [&still, &moved], [&moved, &moved], [&moved, &moved]]
            .into_iter()
            .map(look)
            .collect();
        let starts = |step: i64| (0..5).map(|i| Timestamp::from_millis(i * step)).collect::<Vec<_>>();
        assert_eq!(changing(&looks, &starts(1_000), &[]), [0, 2, 4]);
        assert_eq!(changing(&looks, &starts(1_000), &[false, true]), [0, 1, 2, 4]);
        // However still, a look every ten seconds.
        let still = vec![look([&still, &still]); 7];
        let starts: Vec<_> = (0..7).map(|i| Timestamp::from_millis(i * 4_000)).collect();
        assert_eq!(changing(&still, &starts, &[]), [0, 3, 6]);
    }
}

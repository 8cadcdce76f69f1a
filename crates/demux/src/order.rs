//! Coded pictures with presentation times to samples and frames, for containers that have no tables of durations.

use timeline::Timestamp;

use crate::movie::{Frame, Sample};
use crate::time::micros_of;

/// A coded picture in ticks of its track, in decoding order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) offset: u64,
    pub(crate) size: u32,
    pub(crate) pts: i64,
    /// Zero where the container does not say.
    pub(crate) length: u32,
    pub(crate) key: bool,
    /// Whether it is ever shown: references that are only looked at by others are not.
    pub(crate) shown: bool,
}

/// Samples, frames and the end of the last frame.
pub(crate) struct Ordered {
    pub(crate) samples: Vec<Sample>,
    pub(crate) presented: Vec<Frame>,
    pub(crate) duration: Timestamp,
}

/// Puts pictures in order. A picture without a length lasts until the next; the last one lasts `usual` ticks, or as long
/// as the one before.
///
/// What stands before the first key picture, or follows it and is shown before it, refers to what the file does not have:
/// no decoder shows it, and it is not among the frames.
pub(crate) fn ordered(pictures: &[Picture], base: (u32, u32), usual: u32) -> Ordered {
    let entry = pictures.iter().position(|p| p.key).unwrap_or(0);
    let mut group = pictures.iter().enumerate().skip(entry);
    let first_shown = group.next().filter(|(_, p)| p.key).map_or(i64::MIN, |(_, p)| p.pts);
    let next = group.find(|(_, p)| p.key).map_or(pictures.len(), |(index, _)| index);
    let led = |index: usize, p: &Picture| index < next && p.pts < first_shown;
    let mut shown: Vec<(i64, u32)> = (0_u32..)
        .zip(pictures)
        .skip(entry)
        .filter(|&(i, p)| p.shown && p.size > 0 && !led(i as usize, p))
        .map(|(i, p)| (p.pts, i))
        .collect();
    shown.sort_by_key(|&(pts, _)| pts);
    let lengths = lengths(pictures, &shown, usual);
    let at = |ticks: i64| micros_of(ticks, base);
    let mut decoded_at = i64::MAX;
    let mut samples: Vec<Sample> = pictures
        .iter()
        .zip(&lengths)
        .rev()
        .map(|(p, &length)| {
            // No later than any picture that follows: Matroska has no decoding times.
            decoded_at = decoded_at.min(p.pts);
            Sample {
                offset: p.offset,
                size: p.size,
                dts: at(decoded_at),
                pts: at(p.pts),
                duration: at(p.pts.saturating_add(length)) - at(p.pts),
                key: p.key,
            }
        })
        .collect();
    samples.reverse();
    let presented: Vec<_> = shown.iter().map(|&(pts, sample)| Frame { pts: at(pts), sample }).collect();
    let end = shown.iter().filter_map(|&(pts, i)| Some(pts.saturating_add(*lengths.get(i as usize)?))).max();
    Ordered { samples, presented, duration: end.map_or(Timestamp::ZERO, at) }
}

/// How long each picture is shown.
fn lengths(pictures: &[Picture], shown: &[(i64, u32)], usual: u32) -> Vec<i64> {
    let mut lengths: Vec<i64> = pictures.iter().map(|p| p.length.into()).collect();
    let mut before = i64::from(usual);
    for pair in shown.windows(2) {
        if let [(pts, sample), (next, _)] = pair
            && let Some(length) = lengths.get_mut(*sample as usize)
        {
            let apart = next.saturating_sub(*pts);
            if *length == 0 {
                *length = apart;
            }
            if usual == 0 && apart > 0 {
                before = apart;
            }
        }
    }
    if let Some(length) = shown.last().and_then(|&(_, sample)| lengths.get_mut(sample as usize))
        && *length == 0
    {
        *length = before;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pts: i64, key: bool) -> Picture {
        Picture { offset: 0, size: 1, pts, length: 0, key, shown: true }
    }

    #[test]
    fn a_picture_lasts_until_the_next_and_the_last_as_long_as_the_one_before() {
        let film = [picture(0, true), picture(120, false), picture(40, false)];
        let ordered = ordered(&film, (1, 1000), 0);
        let micros = |t: Timestamp| t.micros();
        assert_eq!(ordered.presented.iter().map(|f| micros(f.pts)).collect::<Vec<_>>(), [0, 40_000, 120_000]);
        assert_eq!(ordered.samples.iter().map(|s| micros(s.duration)).collect::<Vec<_>>(), [40_000, 80_000, 80_000]);
        assert_eq!(ordered.samples.iter().map(|s| micros(s.dts)).collect::<Vec<_>>(), [0, 40_000, 40_000]);
        assert_eq!(micros(ordered.duration), 200_000);
    }

    #[test]
    fn what_no_decoder_can_show_is_no_frame() {
        let mut film =
            [picture(0, false), picture(90, true), picture(60, false), picture(120, false), picture(99, false)];
        film[4].shown = false;
        let ordered = ordered(&film, (1, 1000), 33);
        assert_eq!(ordered.presented.iter().map(|f| f.sample).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(ordered.duration.micros(), 153_000);
    }

    #[test]
    fn a_stamp_that_goes_back_later_loses_no_picture() {
        let film = [picture(500, true), picture(540, false), picture(20, true), picture(0, false), picture(580, false)];
        let ordered = ordered(&film, (1, 1000), 0);
        assert_eq!(ordered.presented.iter().map(|f| f.sample).collect::<Vec<_>>(), [3, 2, 0, 1, 4]);
    }
}

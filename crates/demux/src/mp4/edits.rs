//! The edit list: which samples are shown, and when (ISO/IEC 14496-12 §8.6.6).
//!
//! The result is the one of FFmpeg's default reading, so that times equal `ffprobe`'s. It differs from the letter of the
//! standard in one point, kept on purpose: a picture that begins before an edit and lasts into it is not shown, and the
//! first one shown moves to the beginning of the edit. What it does not copy: an empty edit between two others shows
//! nothing here.

use super::RawSample;
use super::header::Edit;
use crate::time::rescale;

/// When samples are shown, in ticks of the track.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Presentation {
    /// What is added to a composition time to get the clock of the first shown stretch.
    pub(super) shift: i64,
    /// `(time, sample)` in presentation order.
    pub(super) shown: Vec<(i64, u32)>,
}

/// Samples that an edit list may still visit or show: one that repeats more than this is noise, and would take memory by the
/// gigabyte.
pub(super) struct Repeats(usize);

impl Repeats {
    /// Each sample visited 64 times, or shown four times; and some more where there are few.
    pub(super) fn of(samples: usize) -> Self {
        Self(samples.saturating_mul(64).saturating_add(4_096))
    }

    /// Whether one more may be visited.
    pub(super) fn visit(&mut self) -> bool {
        self.spend(1)
    }

    /// Whether one more may be shown.
    pub(super) fn show(&mut self) -> bool {
        self.spend(15)
    }

    fn spend(&mut self, cost: usize) -> bool {
        self.0.checked_sub(cost).map(|left| self.0 = left).is_some()
    }
}

/// Applies the edit list. In a fragmented file the list only moves the clock, nothing is cut.
pub(super) fn present(
    samples: &[RawSample],
    edits: &[Edit],
    timescale: u32,
    movie_timescale: u32,
    fragmented: bool,
) -> Presentation {
    let mut result = if edits.is_empty() || movie_timescale == 0 {
        all(samples, 0)
    } else if fragmented {
        all(samples, offset(edits, timescale, movie_timescale))
    } else {
        edited(samples, edits, timescale, movie_timescale)
    };
    result.shown.sort_by_key(|&(time, _)| time);
    result
}

fn all(samples: &[RawSample], shift: i64) -> Presentation {
    let shown =
        (0_u32..).zip(samples).filter(|(_, s)| s.size > 0).map(|(i, s)| (s.cts.saturating_add(shift), i)).collect();
    Presentation { shift, shown }
}

/// What a list adds that only moves the clock: a leading empty edit delays; the start of the next one is cut off.
pub(super) fn offset(edits: &[Edit], timescale: u32, movie_timescale: u32) -> i64 {
    match edits {
        [first, second, ..] if first.media_time < 0 => {
            rescale(first.duration, movie_timescale, timescale).saturating_sub(second.media_time.max(0))
        }
        [first, ..] if first.media_time < 0 => rescale(first.duration, movie_timescale, timescale),
        [first, ..] => -first.media_time,
        [] => 0,
    }
}

fn edited(samples: &[RawSample], edits: &[Edit], timescale: u32, movie_timescale: u32) -> Presentation {
    let keys: Vec<usize> = samples.iter().enumerate().filter(|(_, s)| s.key).map(|(i, _)| i).collect();
    let reordered = samples.iter().any(|s| s.cts != s.dts);
    let mut shown = Vec::with_capacity(samples.len());
    let mut repeats = Repeats::of(samples.len());
    let mut shift = None;
    let (mut clock, mut leading) = (0_i64, 0_i64);
    // The earliest shown time; a negative value counts as "none yet", as it does in FFmpeg.
    let mut earliest = -1_i64;
    for edit in edits {
        let start = clock;
        let length = rescale(edit.duration, movie_timescale, timescale).max(0);
        clock = clock.saturating_add(length);
        if edit.media_time < 0 {
            if shift.is_none() {
                leading = leading.saturating_add(length);
            }
            continue;
        }
        let end = if length == 0 { i64::MAX } else { edit.media_time.saturating_add(length) };
        let stretch = Stretch { from: edit.media_time, end, start };
        let first = keys.partition_point(|&k| samples.get(k).is_some_and(|s| s.cts <= edit.media_time));
        let first = first.checked_sub(1).and_then(|k| keys.get(k)).copied().unwrap_or(0);
        let before = shown.len();
        let moved = stretch.show(samples, first, reordered, &mut shown, &mut repeats);
        for &(time, _) in shown.get(before..).unwrap_or_default() {
            earliest = if earliest < 0 { time } else { earliest.min(time) };
        }
        shift.get_or_insert(moved);
    }
    let surplus = earliest.saturating_sub(leading).max(0);
    for (time, _) in &mut shown {
        *time = time.saturating_sub(surplus);
    }
    Presentation { shift: shift.unwrap_or(0).saturating_sub(surplus), shown }
}

/// One edit: media from `from` up to `end` is shown from `start` on.
struct Stretch {
    from: i64,
    end: i64,
    start: i64,
}

impl Stretch {
    /// Adds the samples of this edit in decoding order and returns what was added to their composition times.
    fn show(
        &self,
        samples: &[RawSample],
        first: usize,
        reordered: bool,
        shown: &mut Vec<(i64, u32)>,
        repeats: &mut Repeats,
    ) -> i64 {
        let mut shift = None;
        let mut last_key_seen = false;
        for (index, sample) in samples.iter().enumerate().skip(first) {
            if !repeats.visit() {
                break;
            }
            if (self.from..self.end).contains(&sample.cts) {
                // The first sample shown, in decoding order, begins the edit with its decoding time.
                let shift = *shift.get_or_insert(self.start.saturating_sub(sample.dts));
                if sample.size > 0
                    && let Ok(index) = u32::try_from(index)
                    && repeats.show()
                {
                    shown.push((sample.cts.saturating_add(shift), index));
                }
            }
            // Pictures that lead the next group may still belong here, so one more key is awaited.
            if sample.cts.saturating_add(sample.delta.into()) >= self.end && sample.key {
                if !reordered || last_key_seen {
                    break;
                }
                last_key_seen = true;
            }
        }
        shift.unwrap_or_else(|| self.start.saturating_sub(self.from))
    }
}

//! Which part of a video a question is shown: all of it, a window of what the model does not read at once, or what lies around
//! some moments, in close-ups where there are any.

use timeline::{Closer, Span, Timestamp, VideoId};

use crate::error::Result;
use crate::index::Pair;
use crate::registry::Entry;
use crate::worker::Shared;

/// Segments that a closer look shows where a model's reach is not known: what lies around a moment costs this much and no more.
const NEAREST: usize = 120;
/// Coarse segments between two ends that are looked at closer.
const BETWEEN: usize = 4;
/// A frame shown this shortly before an instant is as good as the one shown at it: less than half a frame of any film.
const TOLERANCE: Timestamp = Timestamp::from_millis(20);

/// A part of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// Everything, thinned if it does not fit.
    Whole,
    /// A stretch.
    Window(Window),
    /// What lies around some moments.
    Around(Around),
}

/// The segments that begin in a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) span: Span,
    /// One of so many of them.
    pub(crate) stride: usize,
    /// How many there are.
    pub(crate) segments: usize,
}

impl Window {
    /// Microseconds from segment to segment, those left out included.
    pub(crate) fn spacing(&self) -> i64 {
        let gaps = i64::try_from(self.segments.saturating_sub(1)).unwrap_or(i64::MAX).max(1);
        self.span.length().micros() / gaps
    }
}

/// As many segments as the model reads well, the nearest to some moments first, and close-ups in place of what they show closer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) moments: Vec<Timestamp>,
    /// The finest of them last.
    pub(crate) closers: Vec<Closer>,
    /// One of so many segments.
    pub(crate) stride: usize,
}

impl View {
    /// Where what is shown has to stay when not all of it fits.
    pub(crate) fn moments(&self) -> &[Timestamp] {
        match self {
            Self::Whole | Self::Window(_) => &[],
            Self::Around(around) => &around.moments,
        }
    }
}

impl Shared {
    /// Of all segments of a video, and its close-ups, what a view shows, in order.
    pub(crate) fn viewed(&self, video: &VideoId, mut pairs: Vec<Pair>, view: &View) -> Result<Vec<Pair>> {
        match view {
            View::Whole => {}
            View::Window(Window { span, stride, .. }) => {
                pairs.retain(|pair| span.start <= pair.span.start && pair.span.start <= span.end);
                pairs = pairs.into_iter().step_by(*stride).collect();
            }
            View::Around(Around { moments, closers, stride }) => {
                pairs = pairs.into_iter().step_by(*stride).collect();
                for closer in closers {
                    let close = self.registry.with(&self.library, video, |entry| close_ups(entry, closer))?;
                    pairs.retain(|pair| !closer.overlaps(pair.span));
                    pairs.extend(close);
                }
                pairs.sort_by_key(|pair| (pair.span.start, pair.span.end));
                pairs.dedup_by_key(|pair| pair.span);
                if let Some(finest) = closers.last() {
                    thin_between(&mut pairs, &finest.spans);
                }
                nearest(&mut pairs, moments, self.reach().unwrap_or(NEAREST));
            }
        }
        Ok(pairs)
    }

    /// The most segments that the model reads well at once, where that is known.
    pub(crate) fn reach(&self) -> Option<usize> {
        self.backend.info().reach.map(|segments| segments.max(1) as usize)
    }

    /// Instants of a closer look whose frames are not there, ascending.
    pub(crate) fn wanting(&self, video: &VideoId, closer: &Closer) -> Result<Vec<Timestamp>> {
        self.registry.with(&self.library, video, |entry| {
            closer.segments().flatten().filter(|at| shown_at(entry, *at).is_none()).collect()
        })
    }
}

/// The segments of a closer look that are there.
fn close_ups(entry: &Entry, closer: &Closer) -> Vec<Pair> {
    let pair = |[one, two]: [Timestamp; 2]| {
        let (one, two) = (shown_at(entry, one)?, shown_at(entry, two)?);
        Some(Pair { span: Span::new(one.0, two.0), blobs: [one.1, two.1] })
    };
    closer.segments().filter_map(pair).collect()
}

/// The frame that is known to be shown at an instant.
fn shown_at(entry: &Entry, at: Timestamp) -> Option<(Timestamp, store::BlobId)> {
    if let Some(close) = entry.close_ups.get(&at) {
        return Some(close.clone());
    }
    let (pts, blob) = entry.index.shown_at(at)?;
    (at - pts <= TOLERANCE).then(|| (pts, blob.clone()))
}

/// Leaves few coarse segments between stretches that are seen closer: what fills the time between its two ends was seen before, and
/// in many more segments than before it would seem to end too soon (see [`Closer`]).
fn thin_between(pairs: &mut Vec<Pair>, stretches: &[Span]) {
    for two in stretches.windows(2) {
        let [before, after] = two else { continue };
        let is_between = |pair: &Pair| before.end <= pair.span.start && pair.span.end < after.start;
        let between = pairs.iter().filter(|pair| is_between(pair)).count();
        let mut at = 0;
        pairs.retain(|pair| {
            // As even as can be, neither end among them.
            let is_kept = at * BETWEEN / between.max(1) != (at + 1) * BETWEEN / between.max(1);
            at += usize::from(is_between(pair));
            !is_between(pair) || between <= BETWEEN || is_kept
        });
    }
}

fn middle(pair: &Pair) -> Timestamp {
    pair.span.start.midpoint(pair.span.end)
}

/// Keeps as many as `most`, those nearest to a moment, in order.
fn nearest(pairs: &mut Vec<Pair>, moments: &[Timestamp], most: usize) {
    if pairs.len() <= most {
        return;
    }
    let far = |pair: &Pair| moments.iter().map(|at| at.distance(middle(pair))).min().unwrap_or_default();
    pairs.sort_by_key(far);
    pairs.truncate(most);
    pairs.sort_by_key(|pair| (pair.span.start, pair.span.end));
}

#[cfg(test)]
mod tests {
    use store::BlobId;

    use super::*;

    fn pair(second: i64) -> Pair {
        Pair {
            span: Span::new(Timestamp::from_millis(second * 1_000), Timestamp::from_millis(second * 1_000 + 500)),
            blobs: [BlobId::of(b"1"), BlobId::of(b"2")],
        }
    }

    fn seconds(pairs: &[Pair]) -> Vec<i64> {
        pairs.iter().map(|pair| pair.span.start.micros() / 1_000_000).collect()
    }

    #[test]
    fn what_is_shown_of_too_much_lies_around_the_moments() {
        let mut pairs: Vec<_> = (0..100).map(pair).collect();
        nearest(&mut pairs, &[Timestamp::from_millis(20_000), Timestamp::from_millis(70_000)], 6);
        assert_eq!(seconds(&pairs), [19, 20, 21, 69, 70, 71]);
        nearest(&mut pairs, &[], 6);
        assert_eq!(pairs.len(), 6);
    }

    #[test]
    fn little_is_shown_between_two_ends_that_are_seen_closer() {
        let stretch = |from: i64, to: i64| Span::new(pair(from).span.start, pair(to).span.start);
        let mut pairs: Vec<_> = (0..40).map(pair).collect();
        thin_between(&mut pairs, &[stretch(5, 7), stretch(30, 32), stretch(35, 37)]);
        let mut shown: Vec<i64> = (0..7).collect();
        shown.extend([12, 18, 24, 29]);
        shown.extend(30..40);
        assert_eq!(seconds(&pairs), shown);
    }
}

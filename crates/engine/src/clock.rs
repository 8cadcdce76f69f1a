//! The clock a model reads a video by.
//!
//! A model trained on segments one beat apart from the start of a video reads any other grid wrongly: a window of a long film, a
//! close-up, a thinned whole. It is shown such segments as if they stood on that grid, and every time it is asked about or writes
//! is translated. The middle of a segment is that of the segment. A stretch begins with the first frame of the segment it is said to
//! begin in, and ends half way from the last frame of the segment it is said to end in to the next one shown, which shows it no more.
//! What lies between two segments lies on a straight line.

use std::sync::Arc;

use timeline::time::stamp;
use timeline::{Span, Timestamp, mentions};

/// Where in its beat the middle of a segment stands: two frames, the second half a beat after the first.
const MIDDLE: f64 = 0.25;
/// Of a beat: how far a segment may stand from its place on the grid before the grid is another.
const SLACK: f64 = 0.5;
/// Stamps have one decimal: a time this near to the middle of a segment is the stamp that was read before it.
const ROUNDING: f64 = 0.051;
/// Segments nearer than this are told apart by a second decimal.
const FINE: Timestamp = Timestamp::from_millis(500);

/// How the times of segments are told to a model and read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clock {
    /// As they are.
    Own,
    /// One segment a beat.
    Even(Arc<Even>),
}

/// Segments as a model reads them that knows one grid only.
#[derive(Debug, PartialEq)]
pub(crate) struct Even {
    beat: Timestamp,
    /// Ascending; not empty.
    segments: Vec<Span>,
    /// Of the segments.
    middles: Vec<Timestamp>,
    duration: Timestamp,
}

impl Clock {
    /// The clock for segments of a video. beat: between segments of the only grid the model knows, if it knows no other.
    pub(crate) fn of(segments: &[Span], beat: Option<Timestamp>, duration: Timestamp) -> Self {
        let middles: Vec<_> = segments.iter().map(|span| span.start.midpoint(span.end)).collect();
        match beat.filter(|beat| *beat > Timestamp::ZERO && !middles.is_empty()) {
            Some(beat) => {
                let even = Even { beat, segments: segments.to_vec(), middles, duration };
                if even.is_own() { Self::Own } else { Self::Even(Arc::new(even)) }
            }
            None => Self::Own,
        }
    }

    /// What the model reads before a segment.
    pub(crate) fn stamp(&self, index: usize, segment: Span) -> String {
        match self {
            Self::Own => stamp(segment.start, segment.end),
            Self::Even(even) => {
                let middle = Timestamp::from_seconds(even.place(index));
                stamp(middle, middle)
            }
        }
    }

    /// A question as the model is to read it.
    pub(crate) fn asked(&self, question: &str) -> String {
        let Self::Even(even) = self else { return question.to_owned() };
        let (mut out, mut at) = (String::new(), 0);
        for mention in mentions::find(question, even.duration) {
            out.push_str(question.get(at..mention.from).unwrap_or_default());
            let span = Span::new(even.read(mention.span.start), even.read(mention.span.end));
            out.extend(mentions::rewritten(question, &mention, 1, span).into_iter().map(|(_, part)| part));
            at = mention.to;
        }
        out.push_str(question.get(at..).unwrap_or_default());
        out
    }
}

impl Even {
    /// Where the middle of a segment stands on the model's clock, in seconds.
    fn place(&self, index: usize) -> f64 {
        (index as f64 + MIDDLE) * self.beat.seconds()
    }

    /// Whether the segments stand where the model expects them anyway.
    fn is_own(&self) -> bool {
        let slack = SLACK * self.beat.seconds();
        self.middles.iter().enumerate().all(|(index, at)| (at.seconds() - self.place(index)).abs() <= slack)
    }

    /// A moment of the video on the model's clock.
    pub(crate) fn read(&self, at: Timestamp) -> Timestamp {
        let after = self.middles.partition_point(|middle| *middle <= at);
        let (index, from, to) = self.between(after);
        let part = ratio((at - from).seconds(), (to - from).seconds());
        let last = self.place(self.middles.len() - 1) + (1.0 - MIDDLE) * self.beat.seconds();
        Timestamp::from_seconds((self.place(index) + part * self.beat.seconds()).clamp(0.0, last))
    }

    /// A moment of the model's clock in the video.
    pub(crate) fn told(&self, at: Timestamp) -> Timestamp {
        let beats = self.beats(at);
        let (index, from, to) = self.between((beats.max(0.0) as usize).saturating_add(1));
        let moment = from.seconds() + (beats - index as f64) * (to - from).seconds();
        Timestamp::from_seconds(moment).clamp(Timestamp::ZERO, self.duration)
    }

    /// A stretch of the model's clock in the video.
    pub(crate) fn told_span(&self, of: Span) -> Span {
        let segment = |at: Timestamp| {
            let beats = self.beats(at);
            (beats.fract() == 0.0 && beats >= 0.0).then_some(beats as usize)
        };
        let start = segment(of.start).and_then(|at| self.segments.get(at)).map(|segment| segment.start);
        let end = segment(of.end).and_then(|at| self.segments.get(at..)).and_then(|rest| match rest {
            [last, next, ..] => Some(last.end.midpoint(next.start)),
            [last] => Some(last.end),
            [] => None,
        });
        Span::new(start.unwrap_or_else(|| self.told(of.start)), end.unwrap_or_else(|| self.told(of.end)))
    }

    /// Decimals that times around a moment of the model's clock are worth.
    pub(crate) fn decimals(&self, at: Timestamp) -> usize {
        let (_, from, to) = self.between((self.beats(at).max(0.0) as usize).saturating_add(1));
        if to - from < FINE { 2 } else { 1 }
    }

    /// A moment of the model's clock in beats behind the middle of the first segment.
    fn beats(&self, at: Timestamp) -> f64 {
        let beats = at.seconds() / self.beat.seconds() - MIDDLE;
        let whole = beats.round();
        if (beats - whole).abs() * self.beat.seconds() <= ROUNDING { whole } else { beats }
    }

    /// The two middles that a place before segment `after` lies between, and the index of the first of them; before the first and
    /// behind the last, the nearest two.
    fn between(&self, after: usize) -> (usize, Timestamp, Timestamp) {
        let index = after.clamp(1, self.middles.len().max(2) - 1) - 1;
        match (self.middles.get(index), self.middles.get(index + 1)) {
            (Some(from), Some(to)) => (index, *from, *to),
            // A single segment.
            (from, _) => {
                let from = from.copied().unwrap_or_default();
                (0, from, from + self.beat)
            }
        }
    }
}

fn ratio(of: f64, whole: f64) -> f64 {
    if whole > 0.0 { of / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEAT: Option<Timestamp> = Some(Timestamp::from_millis(1_000));

    fn seconds(of: f64) -> Timestamp {
        Timestamp::from_seconds(of)
    }

    fn segments(starts: &[f64], half: f64) -> Vec<Span> {
        starts.iter().map(|at| Span::new(seconds(*at), seconds(at + half))).collect()
    }

    fn even(starts: &[f64], half: f64) -> Arc<Even> {
        match Clock::of(&segments(starts, half), BEAT, seconds(7_200.0)) {
            Clock::Even(even) => even,
            Clock::Own => unreachable!("the grid is another"),
        }
    }

    #[test]
    fn a_video_on_the_grid_keeps_its_own_clock_and_so_does_a_model_that_knows_any() {
        let grid: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(Clock::of(&segments(&grid, 0.5), BEAT, seconds(60.0)), Clock::Own);
        let late: Vec<f64> = grid.iter().map(|at| at + 600.0).collect();
        assert_eq!(Clock::of(&segments(&late, 0.5), None, seconds(700.0)), Clock::Own);
        assert_eq!(Clock::of(&[], BEAT, seconds(700.0)), Clock::Own);
        assert_ne!(Clock::of(&segments(&late, 0.5), BEAT, seconds(700.0)), Clock::Own);
        assert_eq!(Clock::Own.stamp(3, Span::new(seconds(600.0), seconds(600.5))), "600.2");
    }

    #[test]
    fn a_window_reads_like_a_short_video_and_its_times_come_back() {
        let starts = [600.0, 602.0, 604.0, 604.25, 604.5, 606.0];
        let clock = Clock::Even(even(&starts, 0.1));
        let stamps: Vec<_> = segments(&starts, 0.1).iter().enumerate().map(|(i, s)| clock.stamp(i, *s)).collect();
        assert_eq!(stamps, ["0.2", "1.2", "2.2", "3.2", "4.2", "5.2"]);
        let even = even(&starts, 0.1);
        assert_eq!(even.told(seconds(1.2)), seconds(602.05));
        assert_eq!(even.told(seconds(1.75)), seconds(603.05));
        assert_eq!(even.told(seconds(3.2)), seconds(604.3));
        let span = Span::new(seconds(1.2), seconds(3.2));
        assert_eq!(even.told_span(span), Span::new(seconds(602.0), seconds(604.425)));
        assert_eq!(even.told_span(Span::new(seconds(1.2), seconds(1.7))), Span::new(seconds(602.0), seconds(602.95)));
        assert_eq!((even.decimals(seconds(1.2)), even.decimals(seconds(3.2))), (1, 2));
        assert_eq!(even.told(seconds(9_999_999.0)), seconds(7_200.0));
        let asked = clock.asked("What is shown at 10:04, and 3 times at 602.1 s?");
        assert_eq!(asked, "What is shown at 0:02.2, and 3 times at 1.3 s?");
        assert_eq!(Clock::Own.asked("at 1:02?"), "at 1:02?");
    }

    #[test]
    fn one_segment_has_a_clock_too() {
        let even = even(&[600.0], 0.5);
        assert_eq!(even.told(seconds(0.25)), seconds(600.25));
        assert_eq!(even.told(seconds(0.75)), seconds(600.75));
        assert_eq!(even.read(seconds(600.25)), seconds(0.25));
    }

    proptest! {
        #[test]
        fn what_lies_among_the_segments_goes_there_and_comes_back(
            first in 0.0_f64..7_000.0, gaps in proptest::collection::vec(0.05_f64..20.0, 1..50), part in 0.0_f64..1.0,
        ) {
            let mut starts = vec![first];
            starts.extend(gaps.iter().scan(first, |at, gap| { *at += gap; Some(*at) }));
            if let Clock::Even(even) = Clock::of(&segments(&starts, 0.04), BEAT, seconds(9_000.0)) {
                let last = starts.last().copied().unwrap_or(first);
                let at = seconds(first + 0.02 + part * (last - first));
                let back = even.told(even.read(at)).distance(at).seconds();
                let widest = gaps.iter().copied().fold(0.0, f64::max);
                prop_assert!(back <= widest * ROUNDING + 1e-4, "{at:?} {back}");
            }
        }

        #[test]
        fn later_stays_later(starts in proptest::collection::btree_set(0_u32..7_000_000, 1..40), a in 0.0_f64..60.0, b in 0.0_f64..60.0) {
            let starts: Vec<_> = starts.into_iter().map(|ms| f64::from(ms) / 1e3).collect();
            if let Clock::Even(even) = Clock::of(&segments(&starts, 0.0), BEAT, seconds(7_200.0)) {
                prop_assert!(even.told(seconds(a.min(b))) <= even.told(seconds(a.max(b))));
            }
        }
    }
}

//! A closer look: around which moments, how closely, and at which instants.
//!
//! Segments of a closer look begin at whole multiples of its step on the video's own clock, two frames each, half a step apart. So
//! a second look at the same place wants the same instants, and finds what the first one brought.

use crate::time::{Span, Timestamp};

/// Steps of closer looks, fine to coarse. A quarter of a second tells both ends of anything to an eighth.
pub const STEPS: [Timestamp; 6] = [
    Timestamp::from_millis(250),
    Timestamp::from_millis(500),
    Timestamp::from_millis(1_000),
    Timestamp::from_millis(2_000),
    Timestamp::from_millis(4_000),
    Timestamp::from_millis(8_000),
];
/// How many times finer a closer look is at most. What lasts as long in more segments than it did before is cut short by a model that
/// never saw anything last so many: on clips of the bundled model's world, both ends are told to a quarter of a second in 45 of 48
/// answers when eight segments are shown around each, and in 34 when it is sixteen.
const FINER: i64 = 4;
/// Coarse segments looked at on each side of a moment: a stamp is that of its segment's middle, and may be one off.
const AROUND: i64 = 1;

/// Stretches to be seen in segments of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closer {
    /// Ascending, apart, on the step's grid.
    pub spans: Vec<Span>,
    /// Distance between the segments' beginnings.
    pub step: Timestamp,
}

impl Closer {
    /// The look around moments of a video of `duration`, each with the distance of the segments it was seen in: as fine as `most`
    /// segments allow. If they allow none, the last moments are left out. Moments seen finely enough are left alone; none when all are.
    pub fn around(moments: &[(Timestamp, Timestamp)], most: usize, duration: Timestamp) -> Option<Self> {
        let wide = |(at, spacing): &(Timestamp, Timestamp)| {
            let reach = Timestamp::from_micros(spacing.micros().saturating_mul(AROUND));
            Span { start: *at - reach, end: *at + reach }
        };
        let coarsest = moments.iter().map(|(_, spacing)| *spacing).max()?;
        let is_near = |step: &Timestamp| !is_coarser(coarsest, Timestamp::from_micros(step.micros() * FINER));
        let mut last = None;
        for step in STEPS.into_iter().filter(is_near).chain(STEPS.last().copied()) {
            let coarse = moments.iter().filter(|(_, spacing)| is_coarser(*spacing, step));
            let spans = on_grid(coarse.map(wide).collect(), step, duration);
            if spans.is_empty() {
                break;
            }
            let closer = Self { spans, step };
            if closer.segments().count() <= most {
                return Some(closer);
            }
            last = Some(closer);
        }
        let mut closer = last?;
        while closer.segments().count() > most && closer.spans.pop().is_some() {}
        (!closer.spans.is_empty()).then_some(closer)
    }

    /// The two instants of every segment, ascending.
    pub fn segments(&self) -> impl Iterator<Item = [Timestamp; 2]> + '_ {
        let half = Timestamp::from_micros(self.step.micros() / 2);
        let step = self.step.micros().max(1);
        let count = move |span: &Span| (span.end - span.start).micros() / step;
        self.spans.iter().flat_map(move |span| {
            let at = move |i| span.start + Timestamp::from_micros(i * step);
            (0..count(span)).map(move |i| [at(i), at(i) + half])
        })
    }

    /// Whether a segment shows anything of what is looked at.
    pub fn overlaps(&self, segment: Span) -> bool {
        self.spans.iter().any(|span| span.start <= segment.end && segment.start < span.end)
    }
}

/// Whether segments this far apart gain by others `step` apart. Times of frames are never quite even.
fn is_coarser(spacing: Timestamp, step: Timestamp) -> bool {
    spacing.micros() > step.micros() + step.micros() / 4
}

/// Widened to whole steps inside the video, joined where they touch.
fn on_grid(mut spans: Vec<Span>, step: Timestamp, duration: Timestamp) -> Vec<Span> {
    let step = step.micros().max(1);
    spans.sort_by_key(|span| span.start);
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        let start = span.start.max(Timestamp::ZERO).micros().div_euclid(step) * step;
        // A last segment that is not whole has its frames all the same: the file's last one.
        let end = span.end.min(duration).micros().saturating_add(step - 1).div_euclid(step) * step;
        let span = Span { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) };
        match joined.last_mut() {
            _ if span.start >= span.end => {}
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn spans(closer: &Closer) -> Vec<(f64, f64)> {
        closer.spans.iter().map(|span| (span.start.seconds(), span.end.seconds())).collect()
    }

    #[test]
    fn looks_are_as_fine_as_there_is_room_for_and_no_more_than_four_times_finer() {
        let second = at(1.0);
        let moments = [(at(12.2), second), (at(18.7), second)];
        let fine = Closer::around(&moments, 40, at(60.0)).unwrap();
        assert_eq!((fine.step, spans(&fine)), (at(0.25), vec![(11.0, 13.25), (17.5, 19.75)]));
        assert_eq!((fine.segments().count(), fine.segments().next()), (18, Some([at(11.0), at(11.125)])));
        let coarser = Closer::around(&moments, 12, at(60.0)).unwrap();
        assert_eq!((coarser.step, spans(&coarser)), (at(0.5), vec![(11.0, 13.5), (17.5, 20.0)]));
        // No room for the second moment at all.
        assert_eq!(spans(&Closer::around(&moments, 6, at(60.0)).unwrap()), [(11.0, 13.5)]);
        assert_eq!(Closer::around(&moments, 4, at(60.0)), None);
        let far = |spacing: f64| Closer::around(&[(at(600.0), at(spacing))], 160, at(7_200.0)).unwrap();
        assert_eq!((far(2.0).step, far(4.0).step, far(9.4).step), (at(0.5), at(1.0), at(2.0)));
        assert_eq!((far(600.0).step, spans(&far(200.0))), (at(8.0), vec![(400.0, 800.0)]));
        assert_eq!(Closer::around(&[(at(12.2), at(0.26))], 20, at(60.0)), None);
        assert_eq!(Closer::around(&[], 20, at(60.0)), None);
    }

    #[test]
    fn stretches_end_with_the_video_and_join() {
        let closer = Closer::around(&[(at(0.3), at(1.0)), (at(2.0), at(1.0))], 100, at(3.3)).unwrap();
        assert_eq!(spans(&closer), [(0.0, 3.0)]);
        assert!(closer.overlaps(Span::new(at(2.5), at(3.5))) && !closer.overlaps(Span::new(at(3.0), at(3.5))));
        let last = Closer::around(&[(at(3.2), at(1.0))], 100, at(3.3)).unwrap();
        assert_eq!(spans(&last), [(2.0, 3.5)]);
    }

    proptest! {
        #[test]
        fn segments_ascend_on_the_grid_and_never_overlap(
            moments in proptest::collection::vec((0_i64..100_000_000, 1_i64..20_000_000), 0..8), most in 1_usize..80,
        ) {
            let moments: Vec<_> =
                moments.into_iter().map(|(at, gap)| (Timestamp::from_micros(at), Timestamp::from_micros(gap))).collect();
            if let Some(closer) = Closer::around(&moments, most, at(100.0)) {
                let segments: Vec<_> = closer.segments().collect();
                prop_assert!(!segments.is_empty() && segments.len() <= most);
                prop_assert!(segments.windows(2).all(|pair| pair[1][0] - pair[0][0] >= closer.step));
                prop_assert!(segments.iter().all(|[one, two]| one < two && one.micros() % closer.step.micros() == 0));
                prop_assert!(segments.iter().all(|[one, _]| *one >= Timestamp::ZERO && *one <= at(100.0)));
            }
        }
    }
}

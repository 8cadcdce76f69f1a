//! Where a question about a video that is longer than its model reads at once is asked: window after window, at two scales.

use timeline::Span;

use crate::view::Window;

/// A video that is longer than the model reads at once is searched a second time with one in so many segments: what lasts long is cut
/// short where a window ends, or by a model that never saw anything last so many segments.
const COARSER: usize = 4;
/// Segments that something may last before it is shown more coarsely.
const LASTING: i64 = 12;

/// The windows of a video's segments: all of them, then few of them.
pub(crate) fn plan(segments: &[Span], reach: usize) -> Vec<Window> {
    [1, COARSER].into_iter().flat_map(|stride| windows(segments, stride, reach)).collect()
}

/// Windows of at most `reach` of a video's segments, or of one in so many of them, as even as can be.
fn windows(segments: &[Span], stride: usize, reach: usize) -> Vec<Window> {
    let count = segments.len().div_ceil(stride).div_ceil(reach.max(1)).max(1);
    let window = |i: usize| {
        let of = segments.get(i * segments.len() / count..(i + 1) * segments.len() / count)?;
        Some(Window { span: Span { start: of.first()?.start, end: of.last()?.end }, stride, segments: of.len() })
    };
    (0..count).filter_map(window).collect()
}

/// What was found, once: parts of the same that neighbouring windows show, or that were seen at two scales, are one.
pub(crate) fn joined(mut found: Vec<Span>) -> Vec<Span> {
    found.sort_unstable_by_key(|span| span.start);
    let mut joined: Vec<Span> = Vec::new();
    for span in found {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// One of how many segments to show, so that the longest stretch found lasts no more of them than a model has seen things last.
pub(crate) fn stride(found: &[Span], window: Option<&Window>) -> usize {
    let longest = found.iter().map(|span| span.length().micros()).max().unwrap_or(0);
    let spacing = window.map_or(0, Window::spacing).max(1);
    usize::try_from(longest / (spacing * LASTING) + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use timeline::Timestamp;

    use super::*;

    #[test]
    fn what_two_windows_or_scales_show_is_one_and_what_lasts_is_shown_coarsely() {
        let span = |start, end| Span::new(Timestamp::from_millis(start), Timestamp::from_millis(end));
        let found =
            joined(vec![span(100_000, 108_000), span(5_000, 6_000), span(100_000, 130_000), span(6_000, 7_000)]);
        assert_eq!(found, [span(5_000, 7_000), span(100_000, 130_000)]);
        let window = Window { span: span(0, 120_000), stride: 1, segments: 121 };
        assert_eq!((stride(&found, Some(&window)), stride(&found[..1], Some(&window)), stride(&[], None)), (3, 1, 1));
    }

    #[test]
    fn windows_are_even_and_hold_every_segment_once() {
        let at = |i: i64| Timestamp::from_millis(i * 1_000);
        let segments: Vec<_> = (0..250).map(|i| Span::new(at(i), at(i) + Timestamp::from_millis(500))).collect();
        let all = windows(&segments, 1, 120);
        assert_eq!(all.len(), 3);
        let inside = |window: &Window| {
            segments.iter().filter(|s| window.span.start <= s.start && s.start <= window.span.end).count()
        };
        assert_eq!(all.iter().map(inside).collect::<Vec<_>>(), [83, 83, 84]);
        assert_eq!(all[0].spacing() / 10_000, 100);
        assert_eq!(windows(&segments, 4, 60).iter().map(inside).collect::<Vec<_>>(), [125, 125]);
        assert_eq!(windows(&segments, 4, 120).len(), 1);
        assert_eq!(windows(&segments[..120], 1, 120).len(), 1);
    }
}

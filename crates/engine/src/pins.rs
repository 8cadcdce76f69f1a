//! Where the model looked: the moment of a token, the segments to show it by, and whether a written time is to be doubted.

use qwen3_vl::Look;
use timeline::video::{SpanInText, TokenRecord};
use timeline::{Gaze, Pin, Span, Timestamp};

/// Most segments that are told of a token.
const MOST: usize = 8;
/// A share that is not worth telling, in thousandths.
const FAINT: u16 = 10;

/// The mean and standard deviation of where the model looked, over the middles of the segments shown.
pub(crate) fn pin(look: &Look, segments: &[Span]) -> Option<Pin> {
    let moments = || look.weights.iter().zip(segments).map(|(w, segment)| (f64::from(*w), middle(*segment).seconds()));
    let total: f64 = moments().map(|(w, _)| w).sum();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let mean = moments().map(|(w, t)| w * t).sum::<f64>() / total;
    let variance = moments().map(|(w, t)| w * (t - mean).powi(2)).sum::<f64>() / total;
    let spread = Timestamp::from_seconds(variance.max(0.0).sqrt());
    Some(Pin { at: Timestamp::from_seconds(mean), spread, proposed: look.proposed })
}

/// The segments looked at most, the most first: what a page needs to show it.
pub(crate) fn gazes(weights: &[f32], segments: &[Span]) -> Vec<Gaze> {
    let total: f32 = weights.iter().sum();
    let share = |weight: f32| (weight / total * 1000.0).round().clamp(0.0, 1000.0) as u16;
    let all = weights.iter().zip(segments).map(|(weight, span)| Gaze { span: *span, share: share(*weight) });
    let mut worth: Vec<_> = all.filter(|gaze| gaze.share >= FAINT).collect();
    worth.sort_by_key(|gaze| (std::cmp::Reverse(gaze.share), gaze.span.start));
    worth.truncate(MOST);
    worth
}

/// Whether the model looked elsewhere while it wrote a time: the pin of its first or last number is further from what is
/// written than a segment is long, and than the pin itself is unsure. The first digit of a number is what is asked: when it
/// is written the rest is decided.
pub(crate) fn is_doubtful(text: &str, said: &SpanInText, tokens: &[TokenRecord], segments: &[Span]) -> bool {
    let (from, to) = (said.from as usize, said.to as usize);
    let Some(written) = text.get(from..to) else { return false };
    let numbers: Vec<usize> = written
        .char_indices()
        .zip(std::iter::once(None).chain(written.chars().map(Some)))
        .filter(|((_, c), before)| c.is_ascii_digit() && !before.is_some_and(is_number))
        .map(|((at, _), _)| from + at)
        .collect();
    let elsewhere = |at: Option<&usize>, moment: Timestamp| {
        let pin = at.and_then(|at| pin_at(*at, tokens));
        let far = |pin: Pin| pin.at.distance(moment) > spacing(moment, segments).max(pin.spread);
        pin.is_some_and(far)
    };
    let ends = if said.span.start == said.span.end { None } else { numbers.last() };
    elsewhere(numbers.first(), said.span.start) || elsewhere(ends, said.span.end)
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ':')
}

/// The pin of the token that a byte of the text belongs to.
fn pin_at(at: usize, tokens: &[TokenRecord]) -> Option<Pin> {
    let mut end = 0;
    let token = tokens.iter().find(|token| {
        end += token.text.len();
        at < end
    });
    token?.pin
}

/// How far the segments around a moment are apart.
fn spacing(moment: Timestamp, segments: &[Span]) -> Timestamp {
    let after = segments.partition_point(|segment| middle(*segment) <= moment).clamp(1, segments.len().max(2) - 1);
    match (segments.get(after - 1), segments.get(after)) {
        (Some(before), Some(behind)) => middle(*before).distance(middle(*behind)),
        _ => Timestamp::ZERO,
    }
}

fn middle(span: Span) -> Timestamp {
    span.start.midpoint(span.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(of: f64) -> Timestamp {
        Timestamp::from_seconds(of)
    }

    fn look(weights: &[f32]) -> Look {
        Look { weights: weights.to_vec(), proposed: None }
    }

    #[test]
    fn a_pin_is_the_mean_and_spread_of_the_look_and_may_lie_between_segments() {
        let segments = [1.0, 3.0, 5.0].map(|at| Span::at(seconds(at)));
        let found = pin(&look(&[0.25, 0.5, 0.25]), &segments).unwrap();
        assert_eq!((found.at, found.spread), (seconds(3.0), seconds(2.0_f64.sqrt())));
        assert_eq!(pin(&look(&[0.0, 0.75, 0.25]), &segments).unwrap().at, seconds(3.5));
        assert_eq!(pin(&look(&[0.0, 0.0, 0.0]), &segments), None);
        assert_eq!(pin(&look(&[f32::NAN]), &segments), None);
    }

    #[test]
    fn only_what_was_looked_at_is_told_the_most_first() {
        let segments: Vec<_> = (0..20).map(|at| Span::at(seconds(f64::from(at)))).collect();
        let mut weights = vec![0.004; 20];
        (weights[3], weights[7]) = (0.3, 0.6);
        let found = gazes(&weights, &segments);
        assert_eq!(found.iter().map(|gaze| gaze.span.start.seconds()).collect::<Vec<_>>(), [7.0, 3.0]);
        assert!(gazes(&[1.0; 20], &segments).len() == MOST);
        assert!(gazes(&[0.0; 3], &segments).is_empty() && gazes(&[f32::NAN; 3], &segments).is_empty());
    }

    /// Whether "from 12.0 to 18.5 seconds" is doubted when its numbers were written with these pins.
    fn doubted(start: f64, end: f64, spread: f64) -> bool {
        let segments: Vec<_> = (0..30).map(|at| Span::at(seconds(f64::from(at)))).collect();
        let pin = |at: f64| Some(Pin { at: seconds(at), spread: seconds(spread), proposed: None });
        let parts = [
            ("It is there from ", None),
            ("12", pin(start)),
            (".0", pin(25.0)),
            (" to ", None),
            ("1", pin(end)),
            ("8.5", pin(25.0)),
            (" seconds.", None),
        ];
        let tokens = parts.map(|(text, pin)| TokenRecord { text: text.to_owned(), pin, looked: Vec::new() });
        let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
        let (from, to) = (text.find("12.0").unwrap() as u32, text.find('.').unwrap() as u32 + 10);
        let span = Span::new(seconds(12.0), seconds(18.5));
        is_doubtful(&text, &SpanInText { from, to, span, doubtful: false }, &tokens, &segments)
    }

    #[test]
    fn a_time_is_doubted_when_its_pin_is_more_than_a_segment_away() {
        assert!(!doubted(12.2, 18.4, 0.3));
        assert!(!doubted(12.9, 19.4, 0.3));
        assert!(doubted(14.0, 18.4, 0.3));
        assert!(doubted(12.2, 21.0, 0.3));
        // A look that is spread says nothing.
        assert!(!doubted(14.0, 21.0, 6.0));
    }
}

//! Whether what a closer look tells may take the place of the answer that led to it.

use timeline::video::SpanInText;
use timeline::{Span, Timestamp};

/// Whether the times of a closer look may take the place of those before: as many, each where it was looked for. Where no time was
/// told, or where the model looked elsewhere while it wrote one, any moment that was looked at may be it.
pub(crate) fn fits(before: &[SpanInText], now: &[SpanInText], looked_at: &[Span], is_unsure: bool) -> bool {
    let seen = |now: Timestamp, before: Option<Timestamp>| {
        looked_at.iter().any(|stretch| stretch.contains(now) && before.is_none_or(|before| stretch.contains(before)))
    };
    if before.is_empty() || is_unsure {
        let any = |now: &SpanInText| seen(now.span.start, None) && seen(now.span.end, None);
        return !now.is_empty() && now.iter().all(any);
    }
    let same = |(before, now): (&SpanInText, &SpanInText)| {
        seen(now.span.start, Some(before.span.start)) && seen(now.span.end, Some(before.span.end))
    };
    before.len() == now.len() && before.iter().zip(now).all(same)
}

/// What an answer says beside its times: where the question is what there is to see at some time, that is the answer.
pub(crate) fn words(text: &str, spans: &[SpanInText]) -> String {
    let (mut words, mut at) = (String::new(), 0);
    for span in spans {
        words.push_str(text.get(at..span.from as usize).unwrap_or_default());
        at = span.to as usize;
    }
    words + text.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closer_look_may_move_times_within_what_it_looked_at_and_nothing_else() {
        let at = |s: f64| Timestamp::from_seconds(s);
        let said = |start, end| SpanInText { from: 0, to: 1, span: Span::new(at(start), at(end)), doubtful: false };
        let looked_at = [Span::new(at(10.0), at(14.0)), Span::new(at(16.0), at(20.0))];
        let before = [said(12.2, 18.2)];
        assert!(fits(&before, &[said(11.8, 18.9)], &looked_at, false));
        // Its end is where the beginning was looked for, or where nothing was looked at, or there is a second stretch.
        assert!(!fits(&before, &[said(11.8, 13.0)], &looked_at, false));
        assert!(!fits(&before, &[said(11.8, 22.0)], &looked_at, false));
        assert!(!fits(&before, &[said(11.8, 18.2), said(11.8, 18.2)], &looked_at, false));
        // Where it was unsure it may have been either stretch; where nothing was said, too.
        let other = [said(16.5, 17.0)];
        assert!(fits(&before, &other, &looked_at, true) && fits(&[], &other, &looked_at, false));
        assert!(!fits(&before, &other, &looked_at, false) && !fits(&before, &[], &looked_at, true));
        assert!(!fits(&before, &[said(11.8, 22.0)], &looked_at, true));
    }

    #[test]
    fn an_answer_s_words_are_what_is_left_without_its_times() {
        let span = |from, to| SpanInText { from, to, span: Span::at(Timestamp::ZERO), doubtful: false };
        let (one, other) = ("It is a star, 12.0 to 18.0 s.", "It is a star, 12.25 s.");
        assert_eq!(words(one, &[span(14, 28)]), words(other, &[span(14, 21)]));
        assert_ne!(words("It is a heart, 12 s.", &[span(15, 19)]), words(one, &[span(14, 28)]));
    }
}

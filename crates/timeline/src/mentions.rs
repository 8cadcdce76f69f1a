//! Times written in an answer, found and understood: "from 12.0 to 18.5 seconds", "00:42", "12.2 秒到 18.2 秒", "1分13秒".
//!
//! A bare number is a time only when it carries a unit, is a clock, or is joined by "to", "-", "到" … to one that does:
//! "the 2 men enter at 12.0 s" mentions one time, not two. "01:02:03.250 - 01:02:05.750" is read whole.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use crate::time::{Span, Timestamp};

/// A stretch of time in a text: where it stands and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// Byte offset of its first character.
    pub from: usize,
    /// Byte offset behind its last character.
    pub to: usize,
    /// What it means; a single moment has no length.
    pub span: Span,
    /// Whether it is written as two times.
    pub joined: bool,
}

/// `h:mm:ss.f` or `m:ss.f` | hours, minutes and seconds with units | a number with or without the unit of seconds.
const TIME: &str = concat!(
    r"(?:(?P<ch>\d{1,3}):)?(?P<cm>\d{1,3}):(?P<cs>\d{2}(?:\.\d+)?)",
    r"|(?:(?P<h>\d+)\s*(?:小时|hours?|hrs?|h)\s*)?(?P<m>\d+)\s*(?:分钟|分|minutes?|mins?)(?:\s*(?P<ms>\d+(?:\.\d+)?)\s*(?:秒钟|秒|seconds?|secs?|s\b))?",
    r"|(?P<s>\d+(?:\.\d+)?)(?P<unit>\s*(?:秒钟|秒|seconds?\b|secs?\b|s\b))?",
);

/// What joins two times into one stretch.
const JOIN: &str = r"^\s*(?:-|–|—|~|～|to|until|till|through|and|到|至|和)\s*第?\s*$";

static TIME_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(TIME).ok());
static JOIN_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(JOIN).ok());

/// A single time as written.
#[derive(Clone, Copy)]
struct Moment {
    from: usize,
    to: usize,
    at: Timestamp,
    /// Whether the words themselves say it is a time.
    sure: bool,
    form: Form,
}

/// How a time is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// "1:02:03.5"
    Clock,
    /// "1 h 2 min 3 s"
    Units,
    /// "3723.5 s": the number ends here.
    Seconds(usize),
}

/// All stretches and moments of `text`, in order, clamped to `[0, duration]`; what lies wholly outside is left out.
pub fn find(text: &str, duration: Timestamp) -> Vec<Mention> {
    let moments = moments(text);
    let mut found = Vec::new();
    let mut rest = moments.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if let Some((second, after)) = tail.split_first()
            && joined(text, *first, *second)
        {
            rest = after;
            push(&mut found, (first.from, second.to), Span::new(first.at, second.at), true, duration);
        } else if first.sure {
            push(&mut found, (first.from, first.to), Span::at(first.at), false, duration);
        }
    }
    found
}

/// The words of a mention in `text` with other times: the first that is written becomes the start, the second the end of `span`, with
/// so many decimals. In parts, one a time and one for what joins them, each with where it begins in `text`.
///
/// Minutes and hours in words become seconds in the same language.
pub fn rewritten(text: &str, mention: &Mention, decimals: usize, span: Span) -> Vec<(usize, String)> {
    let words = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let (mut parts, mut at) = (Vec::new(), mention.from);
    let inside = |moment: &Moment| mention.from <= moment.from && moment.to <= mention.to;
    for (moment, time) in moments(text).into_iter().filter(inside).zip([span.start, span.end]) {
        if at < moment.from {
            parts.push((at, words(at, moment.from).to_owned()));
        }
        at = moment.to;
        let seconds = time.seconds();
        let written = match moment.form {
            Form::Seconds(end) => format!("{seconds:.decimals$}{}", words(end, moment.to)),
            Form::Units if words(moment.from, moment.to).contains('分') => format!("{seconds:.decimals$} 秒"),
            Form::Units => format!("{seconds:.decimals$} s"),
            Form::Clock => clock(seconds, decimals),
        };
        parts.push((moment.from, written));
    }
    parts
}

/// "1:02:03.5", "2:03.5"
fn clock(seconds: f64, decimals: usize) -> String {
    let unit = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let seconds = (seconds.max(0.0) * unit).round() / unit;
    let (minutes, rest) = ((seconds / 60.0).floor(), seconds % 60.0);
    let width = if decimals == 0 { 2 } else { decimals + 3 };
    let tail = format!("{rest:0width$.decimals$}");
    match minutes as u64 / 60 {
        0 => format!("{minutes}:{tail}"),
        hours => format!("{hours}:{:02}:{tail}", minutes as u64 % 60),
    }
}

fn push(found: &mut Vec<Mention>, (from, to): (usize, usize), span: Span, joined: bool, duration: Timestamp) {
    if let Some(span) = span.clamp_to(duration) {
        found.push(Mention { from, to, span, joined });
    }
}

/// "12.0 to 18.5 seconds" is one stretch: the unit may stand behind either or both. "and" joins only after "between".
fn joined(text: &str, first: Moment, second: Moment) -> bool {
    let (Some(pattern), Some(between), Some(before)) =
        (JOIN_PATTERN.as_ref(), text.get(first.to..second.from), text.get(..first.from))
    else {
        return false;
    };
    if !(first.sure || second.sure) || !pattern.is_match(between) {
        return false;
    }
    let and = matches!(between.trim(), "and" | "和");
    !and || before.trim_end().to_lowercase().ends_with("between") || before.trim_end().ends_with('在')
}

fn moments(text: &str) -> Vec<Moment> {
    let Some(pattern) = TIME_PATTERN.as_ref() else { return Vec::new() };
    pattern.captures_iter(text).filter_map(|captures| moment(text, &captures)).collect()
}

fn moment(text: &str, captures: &Captures<'_>) -> Option<Moment> {
    let whole = captures.get(0)?;
    let number = |name: &str| captures.name(name).and_then(|m| m.as_str().parse::<f64>().ok());
    // A digit run inside a word ("mp4", "v1.2") is no time.
    if text.get(..whole.start())?.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.') {
        return None;
    }
    let (seconds, sure, form) = if let (Some(minutes), Some(seconds)) = (number("cm"), number("cs")) {
        (number("ch").unwrap_or(0.0) * 3600.0 + minutes * 60.0 + seconds, true, Form::Clock)
    } else if let Some(minutes) = number("m") {
        (number("h").unwrap_or(0.0) * 3600.0 + minutes * 60.0 + number("ms").unwrap_or(0.0), true, Form::Units)
    } else {
        (number("s")?, captures.name("unit").is_some(), Form::Seconds(captures.name("s")?.end()))
    };
    Some(Moment { from: whole.start(), to: whole.end(), at: Timestamp::from_seconds(seconds), sure, form })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(text: &str) -> Vec<(f64, f64)> {
        let hours = Timestamp::from_seconds(7200.0);
        find(text, hours).iter().map(|m| (m.span.start.seconds(), m.span.end.seconds())).collect()
    }

    #[test]
    fn natural_sentences_in_two_languages() {
        assert_eq!(spans("The red circle appears from 12.0 to 18.5 seconds."), [(12.0, 18.5)]);
        assert_eq!(spans("红色圆形在 12.2 秒到 18.2 秒出现。"), [(12.2, 18.2)]);
        assert_eq!(spans("0.2 - 5.2 seconds: red circle\n7.2 - 9.2 seconds: star"), [(0.2, 5.2), (7.2, 9.2)]);
        assert_eq!(spans("第1分13秒到1分20秒"), [(73.0, 80.0)]);
        assert_eq!(spans("It begins at 00:42 and is over by 1:13.5."), [(42.0, 42.0), (73.5, 73.5)]);
        assert_eq!(spans("between 3 and 5 s"), [(3.0, 5.0)]);
    }

    #[test]
    fn numbers_that_are_not_times_stay_numbers() {
        assert_eq!(spans("The 2 men enter at 12.0 s and leave at 18.0 s."), [(12.0, 12.0), (18.0, 18.0)]);
        assert!(spans("3 times, in clip4.mp4").is_empty());
    }

    #[test]
    fn hour_clocks_are_read_whole() {
        assert_eq!(spans("01:02:03.250 - 01:02:05.750"), [(3723.25, 3725.75)]);
    }

    #[test]
    fn offsets_fit_the_text_and_times_the_video() {
        let text = "从 12.2 秒到 98.0 秒";
        let found = find(text, Timestamp::from_seconds(60.0));
        assert_eq!(found.iter().map(|m| text.get(m.from..m.to)).collect::<Vec<_>>(), [Some("12.2 秒到 98.0 秒")]);
        assert_eq!(found.first().map(|m| m.span.end.seconds()), Some(60.0));
    }

    fn later(text: &str, decimals: usize) -> String {
        let (mut out, mut at) = (String::new(), 0);
        for mention in find(text, Timestamp::from_seconds(7200.0)) {
            out.push_str(&text[at..mention.from]);
            let moved = |at: Timestamp| Timestamp::from_seconds(2.0 * at.seconds() + 3600.0);
            let span = Span::new(moved(mention.span.start), moved(mention.span.end));
            out.extend(rewritten(text, &mention, decimals, span).into_iter().map(|(_, part)| part));
            at = mention.to;
        }
        out + &text[at..]
    }

    #[test]
    fn other_times_are_written_the_same_way() {
        assert_eq!(
            later("The 2 men leave from 12.0 to 18.5 seconds.", 1),
            "The 2 men leave from 3624.0 to 3637.0 seconds."
        );
        assert_eq!(later("红色圆形在 12.2 秒到 18.2 秒出现。", 2), "红色圆形在 3624.40 秒到 3636.40 秒出现。");
        assert_eq!(later("at 00:42 and 1:13.5", 1), "at 1:01:24.0 and 1:02:27.0");
        assert_eq!(later("2 min 3 s, 2分3秒", 0), "3846 s, 3846 秒");
        assert_eq!(clock(59.96, 1), "1:00.0");
        assert_eq!(clock(5.0, 0), "0:05");
    }

    proptest! {
        #[test]
        fn rewriting_to_the_same_times_keeps_their_meaning(a in 0_u32..7_000_000, length in 1_u32..100_000, form in 0_usize..4) {
            let (from, to) = (f64::from(a) / 1e3, f64::from(a + length) / 1e3);
            let text = match form {
                0 => format!("from {from} to {to} seconds"),
                1 => format!("{} - {}", clock(from, 3), clock(to, 3)),
                2 => format!("between {} min {} s and {} min {} s", a / 60_000, a % 60, a / 60_000 + 1, length % 60),
                _ => format!("在 {from} 秒到 {to} 秒"),
            };
            let found = find(&text, Timestamp::from_seconds(720_000.0));
            prop_assert_eq!(found.len(), 1);
            let parts = rewritten(&text, &found[0], 6, found[0].span).into_iter().map(|(_, part)| part);
            let again = format!("{}{}", &text[..found[0].from], parts.collect::<String>());
            prop_assert_eq!(find(&again, Timestamp::from_seconds(720_000.0))[0].span, found[0].span, "{}", again);
        }

        #[test]
        fn any_text_gives_ordered_spans_on_character_boundaries(text in "[0-9:.秒到 a-z\\-分]{0,60}") {
            let found = find(&text, Timestamp::from_seconds(100.0));
            prop_assert!(found.iter().all(|m| text.get(m.from..m.to).is_some() && m.span.start <= m.span.end));
            prop_assert!(found.windows(2).all(|w| w[0].to <= w[1].from));
        }
    }
}

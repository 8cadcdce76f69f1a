//! Times in an answer while it is being written: told once, as soon as nothing that may follow can change them.

use timeline::mentions;
use timeline::video::SpanInText;
use timeline::{Mention, Timestamp};

/// Words that may join a time to a second one ("12 s to 18 s"): while one is half written, the first time is not settled.
const JOINERS: &[&str] = &["-", "–", "—", "~", "～", "to", "until", "till", "through", "and", "到", "至", "和"];

/// What may still lengthen a time that is written: its unit, or the seconds behind the minutes.
const UNITS: &[&str] = &["seconds", "secs", "minutes", "mins", "hours", "hrs", "秒钟", "分钟", "小时"];

/// Hours, behind which minutes may follow: "1 h 2 min" is one time, "1 h" is none. The longest first.
const HOURS: &[&str] = &["小时", "hours", "hour", "hrs", "hr", "h"];

/// Watches a text grow and reports its times in order, each once.
#[derive(Debug)]
pub(crate) struct SpanWatch {
    duration: Timestamp,
    told: Vec<SpanInText>,
}

impl SpanWatch {
    pub(crate) fn new(duration: Timestamp) -> Self {
        Self { duration, told: Vec::new() }
    }

    /// Times that became certain now that `text` has been written so far; with `ended`, all that are left.
    pub(crate) fn advance(&mut self, text: &str, ended: bool) -> Vec<SpanInText> {
        let found = mentions::find(text, self.duration);
        let settled = |mention: &&Mention| ended || text.get(mention.to..).is_some_and(is_settled);
        let told = self.told.last().map_or(0, |last| last.to as usize);
        let fresh: Vec<_> = found
            .iter()
            .filter(|mention| mention.from >= told)
            .take_while(settled)
            .map(|mention| SpanInText {
                from: u32::try_from(mention.from).unwrap_or(u32::MAX),
                to: u32::try_from(mention.to).unwrap_or(u32::MAX),
                span: mention.span,
                doubtful: false,
            })
            .collect();
        self.told.extend_from_slice(&fresh);
        fresh
    }

    /// Notes that the model looked elsewhere while it wrote a reported time.
    pub(crate) fn doubt(&mut self, doubtful: &SpanInText) {
        for told in self.told.iter_mut().filter(|told| told.from == doubtful.from) {
            told.doubtful = true;
        }
    }

    /// Everything reported so far.
    pub(crate) fn told(&self) -> &[SpanInText] {
        &self.told
    }
}

/// Whether what follows a time shows that the time is over and no second one joins it.
pub(crate) fn is_settled(tail: &str) -> bool {
    let rest = tail.trim_start();
    let Some(first) = rest.chars().next() else { return false };
    // "1:0" is on its way to "1:05", "12." to "12.5" or to the end of a sentence.
    if first.is_ascii_digit() || matches!(first, '.' | ':') {
        return !digits_run_to_the_end(rest);
    }
    let lower = rest.to_lowercase();
    if UNITS.iter().any(|unit| unit.starts_with(&lower)) {
        return false;
    }
    if let Some(minutes) = HOURS.iter().find_map(|unit| lower.strip_prefix(unit)).map(str::trim_start) {
        return !minutes.starts_with(|c: char| c.is_ascii_digit()) || !digits_run_to_the_end(minutes);
    }
    for joiner in JOINERS {
        if joiner.starts_with(&lower) {
            return false;
        }
        if let Some(after) = lower.strip_prefix(joiner) {
            let after = after.trim_start().trim_start_matches('第').trim_start();
            if after.is_empty() || (after.starts_with(|c: char| c.is_ascii_digit()) && digits_run_to_the_end(after)) {
                return false;
            }
        }
    }
    true
}

/// "18", "18.5", "1:02", "18.5 sec": a number, maybe with a unit, that the text ends with may still grow.
fn digits_run_to_the_end(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ':')).trim_start();
    rest.is_empty() || UNITS.iter().any(|unit| unit.starts_with(&rest.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use timeline::Span;

    /// Writes `text` a character at a time; returns what was told, and after how many characters.
    fn told(text: &str) -> Vec<(f64, f64, usize)> {
        let mut watch = SpanWatch::new(Timestamp::from_seconds(600.0));
        let mut all = Vec::new();
        let seconds = |s: Span| (s.start.seconds(), s.end.seconds());
        for (n, (at, c)) in text.char_indices().enumerate() {
            for span in watch.advance(&text[..at + c.len_utf8()], false) {
                all.push((seconds(span.span).0, seconds(span.span).1, n + 1));
            }
        }
        for span in watch.advance(text, true) {
            all.push((seconds(span.span).0, seconds(span.span).1, usize::MAX));
        }
        all
    }

    #[test]
    fn a_span_is_told_once_and_only_when_it_is_whole() {
        let english = told("The red circle appears from 12.0 to 18.5 seconds. Then nothing.");
        assert_eq!(english.len(), 1);
        assert_eq!((english[0].0, english[0].1), (12.0, 18.5));
        assert!(english[0].2 < 60);
        assert_eq!(told("from 12.0 to 18.5 seconds"), [(12.0, 18.5, usize::MAX)]);
        assert_eq!(told("12 s to 18 s.").len(), 1);
        let chinese = told("红色圆形在 12.2 秒到 18.2 秒出现。");
        assert_eq!(chinese.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [(12.2, 18.2)]);
        assert!(chinese[0].2 < usize::MAX);
        assert_eq!(told("第1分13秒到1分20秒。").iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [(73.0, 80.0)]);
    }

    #[test]
    fn several_times_come_in_order_as_the_text_passes_them() {
        let list = told("0.2 - 5.2 seconds: red circle\n7.2 - 9.2 seconds: star\n");
        assert_eq!(list.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [(0.2, 5.2), (7.2, 9.2)]);
        assert!(list[0].2 < 30);
        let moments = told("It begins at 00:42 and is over by 1:13.5.");
        assert_eq!(moments.iter().map(|s| s.0).collect::<Vec<_>>(), [42.0, 73.5]);
    }

    #[test]
    fn telling_while_writing_equals_finding_at_the_end() {
        let texts = ["at 12 s and 18 s, 3 times", "between 3 and 5 s", "1:02 - 1:05 then 2 to 3 minutes", "5秒和9秒"];
        for text in texts {
            let whole: Vec<_> = mentions::find(text, Timestamp::from_seconds(600.0))
                .iter()
                .map(|m| (m.span.start.seconds(), m.span.end.seconds()))
                .collect();
            assert_eq!(told(text).iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), whole, "{text}");
        }
    }
}

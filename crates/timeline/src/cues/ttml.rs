//! TTML, DFXP and IMSC (<https://www.w3.org/TR/ttml2/>): `<p begin end>` in a tree whose containers may shift their times.
//!
//! Times are read as clock times, with frames where the file says how many make a second, and as offsets (`12.5s`, `300f`,
//! `90000t`), exact in integers. Styling is passed over.

use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::collect::Collector;
use super::error::CueError;
use super::{Damage, Format, encoding, plain};

/// Deeper than any document: what nests further is damage.
const MAX_DEPTH: usize = 64;

/// What a second is divided into.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Frames per second, as a fraction.
    frames: (i64, i64),
    ticks: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { frames: (30, 1), ticks: 1 }
    }
}

/// An element that is open.
#[derive(Debug)]
struct Level {
    name: String,
    line: u32,
    /// Where its time begins.
    begin: i64,
    end: Option<i64>,
    /// Whether it says so itself.
    timed: bool,
    /// Whether its children follow one another.
    sequential: bool,
    /// Where the next of sequential children begins.
    next: i64,
    text: String,
}

/// The document as far as it is read.
#[derive(Default)]
struct Document {
    clock: Clock,
    levels: Vec<Level>,
    language: Option<String>,
}

/// Reads the cues; returns the language the document names.
pub(super) fn read(text: &str, found: &mut Collector) -> Result<Option<String>, CueError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document::default();
    let (mut line, mut counted) = (1_u32, 0_usize);
    loop {
        let event = reader.read_event();
        let position = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
        let passed = text.as_bytes().get(counted..position).unwrap_or_default();
        let ends = passed.iter().filter(|&&byte| byte == b'\n').count();
        counted = counted.max(position);
        line = line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        let event = match event {
            Ok(Event::Eof) => break,
            Ok(event) => event,
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(position);
                let line = encoding::line_of(text, at);
                if found.is_empty() && document.levels.iter().all(|level| level.text.trim().is_empty()) {
                    return Err(CueError::NoCues { format: Format::Ttml, line, reason: error.to_string() });
                }
                found.warn(line, Damage::Markup);
                break;
            }
        };
        if document.take(event, line, found)?.is_break() {
            found.warn(line, Damage::Markup);
            break;
        }
    }
    while let Some(level) = document.levels.pop() {
        document.close(level, found)?;
    }
    Ok(document.language)
}

impl Document {
    fn take(&mut self, event: Event<'_>, line: u32, found: &mut Collector) -> Result<ControlFlow<()>, CueError> {
        match event {
            Event::Start(start) => {
                if self.levels.len() >= MAX_DEPTH {
                    return Ok(ControlFlow::Break(()));
                }
                self.open(&start, line, found);
            }
            Event::End(_) => {
                if let Some(level) = self.levels.pop() {
                    self.close(level, found)?;
                }
            }
            Event::Text(text) => self.say(&String::from_utf8_lossy(&text)),
            Event::CData(text) => self.say(&String::from_utf8_lossy(&text)),
            Event::GeneralRef(name) => {
                let name = String::from_utf8_lossy(&name);
                if let Some(c) = plain::character(&name) {
                    self.say(c.encode_utf8(&mut [0; 4]));
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn say(&mut self, text: &str) {
        // Only paragraphs and what is in them is shown.
        let shown = self.levels.iter().any(|level| level.name == "p")
            && !self.levels.iter().any(|level| level.name == "metadata");
        if let Some(level) = self.levels.last_mut().filter(|_| shown) {
            level.text.push_str(text);
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, line: u32, found: &mut Collector) {
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let attributes = attributes(start);
        let get = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if name == "tt" {
            self.clock = Clock::of(get);
            self.language = get("lang").map(str::to_owned);
        }
        let parent = self.levels.last();
        let base = parent.map_or(0, |parent| if parent.sequential { parent.next } else { parent.begin });
        let limit = parent.and_then(|parent| parent.end);
        let mut time = |wanted: &str| {
            let text = get(wanted)?;
            let time = self.clock.read(text);
            if time.is_none() {
                found.warn(line, Damage::Time);
            }
            time
        };
        let (begin, end, duration) = (time("begin"), time("end"), time("dur"));
        let begin_at = base.saturating_add(begin.unwrap_or(0));
        let ends = [end.map(|end| base.saturating_add(end)), duration.map(|d| begin_at.saturating_add(d)), limit];
        let level = Level {
            name,
            line,
            begin: begin_at,
            end: ends.into_iter().flatten().min(),
            timed: begin.is_some() || end.is_some() || duration.is_some(),
            sequential: get("timeContainer") == Some("seq"),
            next: begin_at,
            text: String::new(),
        };
        self.levels.push(level);
    }

    fn close(&mut self, level: Level, found: &mut Collector) -> Result<(), CueError> {
        if let Some(parent) = self.levels.last_mut().filter(|parent| parent.sequential) {
            parent.next = level.end.unwrap_or(parent.next).max(parent.next);
        }
        let words = collapse(&level.text);
        let own_cue = level.name == "p" || (level.name == "span" && level.timed && self.in_untimed_paragraph());
        if own_cue {
            // Space between the timed parts of a paragraph is no subtitle.
            if words.trim().is_empty() { Ok(()) } else { found.add(level.line, level.begin, level.end, &words) }
        } else {
            if let Some(parent) = self.levels.last_mut() {
                parent.text.push_str(if level.name == "br" { LINE_END } else { &level.text });
            }
            Ok(())
        }
    }

    /// Whether the parts of the paragraph around have times of their own because it has none.
    fn in_untimed_paragraph(&self) -> bool {
        self.levels.iter().rev().find(|level| level.name == "p").is_some_and(|paragraph| !paragraph.timed)
    }
}

/// Stands for `<br/>` until white space is collapsed.
const LINE_END: &str = "\u{2028}";

/// White space as XML has it by default: any run of it is one space.
fn collapse(text: &str) -> String {
    let lines = text.split(LINE_END).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Attributes by their local names; broken ones are passed over.
fn attributes(start: &BytesStart<'_>) -> Vec<(String, String)> {
    let mut whole = start.attributes();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    whole.with_checks(false).flatten().map(|own| (text(own.key.local_name().as_ref()), text(&own.value))).collect()
}

impl Clock {
    fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number = |text: &str| text.trim().parse::<i64>().ok().filter(|n| (1..=1_000_000_000).contains(n));
        let rate = get("frameRate").and_then(number);
        let multiplier = get("frameRateMultiplier").and_then(|text| {
            let (above, below) = text.trim().split_once([' ', ':'])?;
            Some((number(above)?, number(below)?))
        });
        let (above, below) = multiplier.unwrap_or((1, 1));
        let frames = (rate.unwrap_or(30).saturating_mul(above), below);
        let per_frame = if rate.is_some() { frames.0 / frames.1.max(1) } else { 1 };
        Self { frames, ticks: get("tickRate").and_then(number).unwrap_or(per_frame.max(1)) }
    }

    /// A time expression in microseconds.
    fn read(self, text: &str) -> Option<i64> {
        let text = text.trim();
        if text.contains(':') { self.clock_time(text) } else { self.offset(text) }
    }

    fn clock_time(self, text: &str) -> Option<i64> {
        let mut parts = text.split(':');
        let (hours, minutes, seconds, frames) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let whole = whole(hours)?.checked_mul(3_600)?.checked_add(whole(minutes)?.checked_mul(60)?)?;
        let seconds = scaled(seconds, 1_000_000, 1)?;
        let frames = match frames {
            // Sub-frames follow a dot; nothing on a screen is that short.
            Some(frames) => self.frames(frames.split('.').next()?)?,
            None => 0,
        };
        whole.checked_mul(1_000_000)?.checked_add(seconds)?.checked_add(frames).filter(|at| *at < LATEST)
    }

    fn offset(self, text: &str) -> Option<i64> {
        let metric = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, metric) = text.split_at_checked(metric)?;
        let at = match metric {
            "h" => scaled(number, 3_600_000_000, 1)?,
            "m" => scaled(number, 60_000_000, 1)?,
            "s" => scaled(number, 1_000_000, 1)?,
            "ms" => scaled(number, 1_000, 1)?,
            "f" => self.frames(number)?,
            "t" => scaled(number, 1_000_000, self.ticks)?,
            _ => return None,
        };
        Some(at).filter(|at| *at < LATEST)
    }

    fn frames(self, number: &str) -> Option<i64> {
        scaled(number, self.frames.1.checked_mul(1_000_000)?, self.frames.0)
    }
}

/// A thousand hours: what is later is no time.
const LATEST: i64 = 3_600_000_000_000;

fn whole(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A decimal number times `above / below`, rounded to the nearest integer, without a float on the way.
fn scaled(number: &str, above: i64, below: i64) -> Option<i64> {
    let (integer, decimals) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    if integer.len() > 12
        || decimals.len() > 9
        || !(integer.bytes().chain(decimals.bytes())).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let digits: i128 = format!("{integer}{decimals}").parse().ok()?;
    let below = i128::from(below).checked_mul(10_i128.checked_pow(u32::try_from(decimals.len()).ok()?)?)?;
    let above = digits.checked_mul(i128::from(above))?;
    i64::try_from((above * 2 + below).div_euclid(below * 2)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_expression_is_exact() {
        let clock = Clock { frames: (30_000, 1_001), ticks: 10_000_000 };
        assert_eq!(clock.read("00:00:01.5"), Some(1_500_000));
        assert_eq!(clock.read("01:00:00:15"), Some(3_600_500_500));
        assert_eq!(clock.read("300f"), Some(10_010_000));
        assert_eq!(clock.read("12345678t"), Some(1_234_568));
        assert_eq!((clock.read("1.5h"), clock.read("250ms")), (Some(5_400_000_000), Some(250_000)));
        for none in ["", "5", "1x", "00:00", "1:2:3:4:5", "-1s", "999999999999h"] {
            assert_eq!(clock.read(none), None, "{none}");
        }
    }
}

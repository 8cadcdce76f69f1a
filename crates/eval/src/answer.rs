//! From an answer in words to stretches of time. Which parser reads it moves scores by points: say which one it was.

use std::str::FromStr;
use std::sync::LazyLock;

use regex_lite::Regex;
use timeline::{Timestamp, mentions};

use crate::window::Window;

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parser {
    /// `The event happens in S - E seconds` with or without a full stop, and nothing else.
    #[default]
    Strict,
    /// Whatever a reader would take for a stretch or a moment of the video: clocks, units, both languages.
    Lenient,
    /// As TimeLens' harness reads it (`extract_time`): clocks in pairs, else numbers joined by "-" or "to", else any numbers in
    /// pairs, "2 men" among them.
    TimeLens,
}

/// The question that strict answers answer.
pub const PROMPT: &str = "Please find the visual event described by the sentence '{}', determining its starting and ending times. \
     The format should be: 'The event happens in <start time> - <end time> seconds'.";

impl FromStr for Parser {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "strict" => Ok(Self::Strict),
            "lenient" => Ok(Self::Lenient),
            "timelens" => Ok(Self::TimeLens),
            _ => Err("give one of strict, lenient, timelens".to_owned()),
        }
    }
}

impl Parser {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::TimeLens => "timelens",
        }
    }

    /// The stretches an answer names, in order; none if it does not parse.
    pub fn read(self, answer: &str, duration: Option<f64>) -> Vec<Window> {
        match self {
            Self::Strict => strict(answer).into_iter().collect(),
            Self::Lenient => lenient(answer, duration),
            Self::TimeLens => timelens(&answer.to_lowercase()),
        }
    }
}

fn strict(answer: &str) -> Option<Window> {
    let rest = answer.trim().strip_prefix("The event happens in ")?;
    let rest = rest.strip_suffix('.').unwrap_or(rest).strip_suffix(" seconds")?;
    let (start, end) = rest.split_once(" - ")?;
    let plain = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = |text: &str| if plain(text) { text.parse().ok() } else { None };
    Some(Window(number(start)?, number(end)?))
}

fn lenient(answer: &str, duration: Option<f64>) -> Vec<Window> {
    let end = duration.map_or(Timestamp::from_micros(i64::MAX), Timestamp::from_seconds);
    let seconds = |time: Timestamp| time.micros() as f64 / 1e6;
    let window = |found: mentions::Mention| Window(seconds(found.span.start), seconds(found.span.end));
    mentions::find(answer, end).into_iter().map(window).collect()
}

static CLOCK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(\d{1,2}:\d{2}:\d{2}(?:\.\d+)?|\d{1,2}:\d{2}(?:\.\d+)?)\b").ok());
static DASHED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\d+\.?\d*)\s*-\s*(\d+\.?\d*)").ok());
static JOINED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\d+\.?\d*)\s+to\s+(\d+\.?\d*)").ok());
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(\d+\.\d+|\d+)\b").ok());

fn timelens(answer: &str) -> Vec<Window> {
    let numbers = |pattern: &LazyLock<Option<Regex>>, value: fn(&str) -> Option<f64>| -> Vec<f64> {
        let Some(pattern) = &**pattern else { return Vec::new() };
        pattern.find_iter(answer).filter_map(|found| value(found.as_str())).collect()
    };
    let clocks = numbers(&CLOCK, clock);
    if clocks.len() >= 2 {
        return pairs(&clocks);
    }
    for pattern in [&DASHED, &JOINED] {
        let Some(pattern) = &**pattern else { continue };
        let window = |found: regex_lite::Captures<'_>| {
            let number = |group| found.get(group).and_then(|m| m.as_str().parse().ok());
            Some(Window(number(1)?, number(2)?))
        };
        let found: Vec<_> = pattern.captures_iter(answer).filter_map(window).collect();
        if !found.is_empty() {
            return found;
        }
    }
    pairs(&numbers(&NUMBER, |text| text.parse().ok()))
}

fn clock(text: &str) -> Option<f64> {
    let parts: Option<Vec<f64>> = text.split(':').map(|part| part.parse().ok()).collect();
    match parts?.as_slice() {
        [hours, minutes, seconds] => Some(hours * 3600.0 + minutes * 60.0 + seconds),
        [minutes, seconds] => Some(minutes * 60.0 + seconds),
        _ => None,
    }
}

fn pairs(numbers: &[f64]) -> Vec<Window> {
    let pair = |pair: &[f64]| if let [start, end] = pair { Some(Window(*start, *end)) } else { None };
    numbers.chunks(2).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parser: Parser, answer: &str) -> Vec<(f64, f64)> {
        parser.read(answer, Some(7200.0)).into_iter().map(|window| (window.0, window.1)).collect()
    }

    #[test]
    fn strict_takes_the_one_sentence_it_asked_for() {
        assert_eq!(read(Parser::Strict, "The event happens in 12.5 - 18 seconds.\n"), [(12.5, 18.0)]);
        for other in
            ["12.5 - 18 seconds", "The event happens in 0:12 - 0:18 seconds.", "The event happens in 1 - inf seconds"]
        {
            assert!(read(Parser::Strict, other).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_confounders_are_read_as_a_person_reads_them_and_as_the_harness_does() {
        let clocks = "01:02:03.250 - 01:02:05.750";
        assert_eq!(read(Parser::Lenient, clocks), [(3723.25, 3725.75)]);
        assert_eq!(read(Parser::TimeLens, clocks), [(3723.25, 3725.75)]);
        let men = "The 2 men enter at 12.0 seconds and leave at 18.0 seconds.";
        assert_eq!(read(Parser::Lenient, men), [(12.0, 12.0), (18.0, 18.0)]);
        assert_eq!(read(Parser::TimeLens, men), [(2.0, 12.0)]);
        assert_eq!(read(Parser::TimeLens, "From 3.5 to 7, then 10-12."), [(10.0, 12.0)]);
        assert!(read(Parser::TimeLens, "At 4.").is_empty());
    }
}

//! SubRip: a number, a line of times, lines of text, an empty line.
//!
//! Only the line of times has to be there. Everything up to the next one is text, less the number that belongs to the next.

use super::clock::{self, Style};
use super::collect::Collector;
use super::error::CueError;
use super::{Damage, plain};

/// A subtitle whose text is being read.
struct Open {
    line: u32,
    /// Start and end; none when they cannot be read, so that its text goes as well.
    times: Option<(i64, i64)>,
}

pub(super) fn read(text: &str, found: &mut Collector) -> Result<(), CueError> {
    let mut open: Option<Open> = None;
    let mut lines: Vec<(u32, &str)> = Vec::new();
    let mut count = 0_u32;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let timing = clock::timing(line, Style::Srt);
        if timing.is_none() && !line.contains("-->") {
            lines.push((number, line));
            continue;
        }
        take_number(&mut lines, number, count + 1, found);
        close(open.take(), &lines, found)?;
        lines.clear();
        count += 1;
        match timing {
            Some(timing) if !timing.usual => found.warn(number, Damage::TimeForm),
            Some(_) => {}
            None => found.warn(number, Damage::Time),
        }
        open = Some(Open { line: number, times: timing.map(|timing| (timing.start, timing.end)) });
    }
    close(open, &lines, found)
}

/// Takes the next subtitle's number off the text before it.
fn take_number(lines: &mut Vec<(u32, &str)>, time_line: u32, expected: u32, found: &mut Collector) {
    let is_number = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    // An empty line between number and times: a number only if it is the right one.
    if let [.., (_, number), (_, "")] = lines.as_slice()
        && number.parse() == Ok(expected)
    {
        lines.pop();
    }
    match lines.last() {
        Some((_, line)) if is_number(line) => {
            lines.pop();
        }
        _ => found.warn(time_line, Damage::Number),
    }
    if lines.last().is_some_and(|(_, line)| !line.is_empty()) && expected > 1 {
        found.warn(time_line, Damage::Separator);
    }
}

fn close(open: Option<Open>, lines: &[(u32, &str)], found: &mut Collector) -> Result<(), CueError> {
    let has_text = |(_, line): &&(u32, &str)| !line.is_empty();
    let Some(Open { line, times }) = open else {
        if let Some((stray, _)) = lines.iter().find(has_text) {
            found.warn(*stray, Damage::Stray);
        }
        return Ok(());
    };
    let Some((start, end)) = times else { return Ok(()) };
    let last = lines.iter().rposition(|(_, line)| !line.is_empty()).map_or(0, |last| last + 1);
    let text = lines.get(..last).unwrap_or_default();
    if let Some((empty, _)) = text.iter().find(|(_, line)| line.is_empty()) {
        found.warn(*empty, Damage::EmptyLine);
    }
    let text: Vec<_> = text.iter().map(|(_, line)| *line).collect();
    found.add(line, start, Some(end), &plain::strip(&text.join("\n")))
}

//! WebVTT (<https://www.w3.org/TR/webvtt1/>): a header, then blocks between empty lines: cues, notes, styles, regions.

use super::clock::{self, Style};
use super::collect::Collector;
use super::error::CueError;
use super::{Damage, plain};

/// Blocks that are no cues.
const OTHER: [&str; 3] = ["NOTE", "STYLE", "REGION"];

/// Reads the cues; returns the language the header names.
pub(super) fn read(text: &str, found: &mut Collector) -> Result<Option<String>, CueError> {
    let mut language = None;
    let mut block: Vec<(u32, &str)> = Vec::new();
    let mut first = true;
    let lines = (1_u32..).zip(text.lines().chain([""]));
    for (number, line) in lines {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if !line.is_empty() {
            block.push((number, line));
            continue;
        }
        let Some((start, head)) = block.first() else { continue };
        if std::mem::take(&mut first) {
            if is(head, "WEBVTT") {
                let names = |(_, line): &(u32, &str)| line.strip_prefix("Language:").map(str::to_owned);
                language = block.iter().find_map(names);
                // A cue directly under the header.
                let header = block.iter().position(|(_, line)| line.contains("-->")).unwrap_or(block.len());
                block.drain(..header);
            } else {
                found.warn(*start, Damage::Header);
            }
        }
        cues(&block, found)?;
        block.clear();
    }
    Ok(language)
}

fn is(line: &str, word: &str) -> bool {
    line.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// The cues of one block: one, or several whose empty lines were forgotten.
fn cues(block: &[(u32, &str)], found: &mut Collector) -> Result<(), CueError> {
    let times: Vec<usize> = (0..).zip(block).filter(|(_, (_, line))| line.contains("-->")).map(|(at, _)| at).collect();
    let Some(&first) = times.first() else {
        if let Some((line, head)) = block.first()
            && !OTHER.iter().any(|word| is(head, word))
        {
            found.warn(*line, Damage::Stray);
        }
        return Ok(());
    };
    // Before the times there is at most a name.
    if first > 1 {
        found.warn(block.first().map_or(1, |(line, _)| *line), Damage::Stray);
    }
    for (position, &at) in times.iter().enumerate() {
        let Some((number, line)) = block.get(at) else { continue };
        let next = times.get(position + 1).copied();
        let mut text = block.get(at + 1..next.unwrap_or(block.len())).unwrap_or_default();
        if let Some(next) = next.and_then(|next| block.get(next)) {
            found.warn(next.0, Damage::Separator);
            // The name of the cue that follows.
            if let [before @ .., (_, name)] = text
                && name.bytes().all(|byte| byte.is_ascii_digit())
            {
                text = before;
            }
        }
        let Some(timing) = clock::timing(line, Style::Vtt) else {
            found.warn(*number, Damage::Time);
            continue;
        };
        if !timing.usual {
            found.warn(*number, Damage::TimeForm);
        }
        let text: Vec<_> = text.iter().map(|(_, line)| *line).collect();
        found.add(*number, timing.start, Some(timing.end), &plain::strip(&text.join("\n")))?;
    }
    Ok(())
}

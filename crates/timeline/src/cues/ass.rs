//! Advanced SubStation Alpha and SSA: `Dialogue:` lines whose columns a `Format:` line names.
//!
//! Override blocks (`{\…}`) go, drawings (`{\p1}…{\p0}`) go, karaoke keeps its words, `Comment:` lines are not shown.

use super::clock::{self, Style};
use super::collect::Collector;
use super::error::CueError;
use super::{Damage, plain};

/// The columns of a file that does not name them.
const USUAL: [&str; 10] = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"];

/// Where the columns stand that matter.
struct Columns {
    start: usize,
    end: usize,
    text: usize,
}

impl Columns {
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let names: Vec<_> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
        let at = |wanted: &str| names.iter().position(|name| name == wanted);
        // The text may hold commas: it is the last column, whatever the line says.
        Some(Self { start: at("start")?, end: at("end")?, text: names.len().checked_sub(1)? })
    }
}

pub(super) fn read(text: &str, found: &mut Collector) -> Result<(), CueError> {
    let mut columns = Columns::of(USUAL.into_iter());
    let mut in_events = false;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.trim_start_matches('\u{feff}').trim();
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_events = section.trim().eq_ignore_ascii_case("events");
        } else if let Some(names) = line.strip_prefix("Format:").filter(|_| in_events) {
            match Columns::of(names.split(',')) {
                named @ Some(_) => columns = named,
                None => found.warn(number, Damage::Header),
            }
        } else if let (Some(row), Some(columns)) = (line.strip_prefix("Dialogue:"), &columns) {
            dialogue(number, row, columns, found)?;
        }
    }
    if found.is_empty() {
        found.warn(1, Damage::Text);
    }
    Ok(())
}

fn dialogue(line: u32, row: &str, columns: &Columns, found: &mut Collector) -> Result<(), CueError> {
    let fields: Vec<_> = row.splitn(columns.text + 1, ',').collect();
    let time = |column: usize| {
        let read = clock::read(fields.get(column)?, Style::Ass)?;
        read.rest.trim().is_empty().then_some(read)
    };
    let (Some(start), Some(end)) = (time(columns.start), time(columns.end)) else {
        found.warn(line, Damage::Time);
        return Ok(());
    };
    if !(start.usual && end.usual) {
        found.warn(line, Damage::TimeForm);
    }
    let text = shown(fields.get(columns.text).copied().unwrap_or_default());
    // A drawing is nothing to read; that is no damage.
    if text.trim().is_empty() { Ok(()) } else { found.add(line, start.at, Some(end.at), &text) }
}

/// The words of a line as Matroska keeps it: without its times, which are those of the block, and with the text as the
/// ninth field, whatever the header's columns are.
pub(super) fn packet(row: &str) -> String {
    shown(row.splitn(9, ',').nth(8).unwrap_or_default())
}

/// The words of a line.
fn shown(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut drawing = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let block = rest.strip_prefix('{').and_then(|inside| plain::beginning(inside).split_once('}'));
        if let Some((block, _)) = block {
            drawing = draws(block).unwrap_or(drawing);
            rest = rest.get(block.len() + 2..).unwrap_or_default();
            continue;
        }
        let (said, length) = match (first, rest.as_bytes().get(1)) {
            ('\\', Some(b'N' | b'n')) => ('\n', 2),
            ('\\', Some(b'h')) => (' ', 2),
            _ => (first, first.len_utf8()),
        };
        if !drawing {
            words.push(said);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    words
}

/// Whether a block turns drawing on or off: `\p` with a number, not `\pos` or `\pbo`.
fn draws(block: &str) -> Option<bool> {
    let mut levels = block.split('\\').filter_map(|tag| tag.strip_prefix('p')?.trim().parse::<u32>().ok());
    levels.next_back().map(|level| level > 0)
}

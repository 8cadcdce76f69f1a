//! What a reader finds, put in order and repaired where the meaning is clear.

use std::collections::HashMap;

use super::error::CueError;
use super::{Cue, Damage, Format, MAX_CUE_CHARS, MAX_CUES, Warning, plain};
use crate::time::{Span, Timestamp};

/// Warnings that are kept word for word.
const MAX_WARNINGS: usize = 100;
/// How long a subtitle is shown whose end cannot be right, in microseconds: a line is read in that time.
const READABLE: i64 = 2_000_000;

/// A cue as it stands in the file.
#[derive(Debug)]
struct Draft {
    line: u32,
    start: i64,
    end: Option<i64>,
    text: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    drafts: Vec<Draft>,
    warnings: Vec<Warning>,
    further: u32,
}

impl Collector {
    /// Notes a repair.
    pub(super) fn warn(&mut self, line: u32, damage: Damage) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(Warning { line, damage });
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    /// Adds a cue; one without text is left out. `end` is none where the file leaves it open.
    pub(super) fn add(&mut self, line: u32, start: i64, end: Option<i64>, text: &str) -> Result<(), CueError> {
        let mut text = plain::tidy(text);
        if text.is_empty() {
            self.warn(line, Damage::Text);
            return Ok(());
        }
        if let Some((cut, _)) = text.char_indices().nth(MAX_CUE_CHARS) {
            text.truncate(cut);
            text.truncate(text.trim_end().len());
            self.warn(line, Damage::Length);
        }
        if self.drafts.len() >= MAX_CUES {
            return Err(CueError::TooManyCues { line, limit: MAX_CUES as u32 });
        }
        self.drafts.push(Draft { line, start, end, text });
        Ok(())
    }

    /// Takes over the cues of a part as far as they are shown within it, and numbers them `line`.
    pub(super) fn absorb(&mut self, part: Self, line: u32, (from, until): (i64, Option<i64>)) -> Result<(), CueError> {
        part.warnings.iter().for_each(|warning| self.warn(line, warning.damage));
        for draft in part.drafts {
            let start = draft.start.max(from);
            let end = draft.end.into_iter().chain(until).min();
            if end.is_none_or(|end| end > start) {
                self.add(line, start, end, &draft.text)?;
            }
        }
        Ok(())
    }

    /// Makes one of cues that say the same without a gap between them.
    pub(super) fn join(&mut self) {
        self.drafts.sort_by_key(|draft| draft.start);
        let mut last: HashMap<String, usize> = HashMap::new();
        let mut kept: Vec<Draft> = Vec::with_capacity(self.drafts.len());
        for draft in self.drafts.drain(..) {
            let before = last.get(&draft.text).and_then(|&at| kept.get_mut(at));
            match before.filter(|before| before.end.is_some_and(|end| end >= draft.start)) {
                Some(before) => before.end = before.end.max(draft.end),
                None => {
                    last.insert(draft.text.clone(), kept.len());
                    kept.push(draft);
                }
            }
        }
        self.drafts = kept;
    }

    /// Whether nothing was found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// The cues by their starts, the repairs by line, and how many repairs are not listed.
    ///
    /// # Errors
    /// When there is no cue; the first repair's line is what is at fault.
    pub(super) fn finish(mut self, format: Format) -> Result<(Vec<Cue>, Vec<Warning>, u32), CueError> {
        if self.drafts.is_empty() {
            let first = self.warnings.first();
            let line = first.map_or(1, |warning| warning.line);
            let reason = first.map_or_else(|| "it holds none".to_owned(), |warning| warning.damage.to_string());
            return Err(CueError::NoCues { format, line, reason });
        }
        self.order();
        self.close(format == Format::Srt);
        if format == Format::Ass {
            self.drafts.dedup_by(|b, a| (a.start, a.end) == (b.start, b.end) && a.text == b.text);
        }
        let cues = self.drafts.into_iter().map(|draft| Cue {
            span: Span {
                start: Timestamp::from_micros(draft.start),
                end: Timestamp::from_micros(draft.end.unwrap_or(draft.start)),
            },
            text: draft.text,
        });
        self.warnings.sort_by_key(|warning| warning.line);
        Ok((cues.collect(), self.warnings, self.further))
    }

    fn order(&mut self) {
        let mut latest = i64::MIN;
        let starts: Vec<_> = self.drafts.iter().map(|draft| (draft.line, draft.start)).collect();
        for (line, start) in starts {
            if start < latest {
                self.warn(line, Damage::Order);
            }
            latest = latest.max(start);
        }
        self.drafts.sort_by_key(|draft| draft.start);
    }

    /// Gives every cue an end. Where only one is shown at a time, it ends when the next begins.
    fn close(&mut self, one_at_a_time: bool) {
        let mut repairs = Vec::new();
        let mut next: Option<i64> = None;
        let mut here: Option<i64> = None;
        for draft in self.drafts.iter_mut().rev() {
            if here.is_some_and(|start| start > draft.start) {
                next = here;
            }
            here = Some(draft.start);
            let readable = draft.start.saturating_add(READABLE);
            let until_next = next.map_or(readable, |next| next.min(readable));
            match draft.end {
                None => draft.end = Some(until_next),
                Some(end) if end < draft.start => {
                    draft.end = Some(until_next);
                    repairs.push((draft.line, Damage::EndBeforeStart));
                }
                Some(end) if one_at_a_time && next.is_some_and(|next| next < end) => {
                    draft.end = next;
                    repairs.push((draft.line, Damage::Overlap));
                }
                Some(_) => {}
            }
        }
        repairs.into_iter().rev().for_each(|(line, damage)| self.warn(line, damage));
    }
}

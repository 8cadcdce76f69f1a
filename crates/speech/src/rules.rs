//! Which tokens may come next: OpenAI's rules for transcripts with timestamps (whisper/decoding.py, `ApplyTimestampRules`; the
//! same as transformers' `WhisperTimeStampLogitsProcessor`).

use std::ops::Range;

use crate::config::Generation;
use crate::error::Result;
use crate::vocabulary::Vocabulary;

/// What is never written, and how timestamps come in pairs.
#[derive(Debug)]
pub(crate) struct Rules {
    never: Vec<u32>,
    never_first: Vec<u32>,
    end: u32,
    first_timestamp: u32,
    latest_first: u32,
    vocabulary: u32,
}

impl Rules {
    pub(crate) fn new(vocabulary: &Vocabulary, generation: &Generation, size: usize) -> Result<Self> {
        let listed = |list: &Option<Vec<i64>>| list.iter().flatten().filter_map(|id| u32::try_from(*id).ok()).collect();
        // Marks of other tasks and languages stand between the end and the first timestamp; timestamps are wanted.
        let never: Vec<u32> =
            vocabulary.tokens_of_marks().chain::<Vec<u32>>(listed(&generation.suppress_tokens)).collect();
        let never_first = match &generation.begin_suppress_tokens {
            Some(_) => listed(&generation.begin_suppress_tokens),
            None => vocabulary.tokens(" ")?.into_iter().chain([vocabulary.end]).collect(),
        };
        Ok(Self {
            never,
            never_first,
            end: vocabulary.end,
            first_timestamp: vocabulary.first_timestamp(),
            // One second.
            latest_first: generation.max_initial_timestamp_index.unwrap_or(50),
            vocabulary: u32::try_from(size).unwrap_or(u32::MAX),
        })
    }

    /// Forbids what may not follow the tokens written after the prompt. logits: [V].
    pub(crate) fn apply(&self, logits: &mut [f32], written: &[u32]) {
        self.never.iter().for_each(|token| forbid(logits, *token..token + 1));
        let first = self.first_timestamp;
        let is_timestamp = |token: &u32| *token >= first;
        if written.is_empty() {
            self.never_first.iter().for_each(|token| forbid(logits, *token..token + 1));
            // A transcript begins with its moment.
            forbid(logits, 0..first);
            forbid(logits, first.saturating_add(self.latest_first).saturating_add(1)..self.vocabulary);
        }
        let last = written.last().is_some_and(is_timestamp);
        let before = written.len() < 2 || written.iter().rev().nth(1).is_some_and(is_timestamp);
        match (last, before) {
            // A pair is complete: text.
            (true, true) => forbid(logits, first..self.vocabulary),
            // A phrase was closed: the next one's moment, or the end.
            (true, false) => forbid(logits, 0..self.end),
            (false, _) => {}
        }
        if let Some(latest) = written.iter().rev().find(|token| is_timestamp(token)) {
            // No way back, and no phrase without length.
            let from = if last && !before { *latest } else { latest + 1 };
            forbid(logits, first..from);
        }
        prefer_timestamps(logits, first as usize);
    }
}

fn forbid(logits: &mut [f32], tokens: Range<u32>) {
    let end = (tokens.end as usize).min(logits.len());
    if let Some(part) = logits.get_mut(tokens.start as usize..end) {
        part.fill(f32::NEG_INFINITY);
    }
}

/// Where all timestamps together are likelier than every text token, it is a timestamp.
fn prefer_timestamps(logits: &mut [f32], first: usize) {
    let Some((texts, timestamps)) = logits.split_at_mut_checked(first) else { return };
    let highest = |part: &[f32]| part.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (text, timestamp) = (highest(texts), highest(timestamps));
    if timestamp == f32::NEG_INFINITY {
        return;
    }
    let mass = timestamps.iter().map(|logit| (logit - timestamp).exp()).sum::<f32>().ln() + timestamp;
    if mass > text {
        texts.fill(f32::NEG_INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0–9 text, 10 the end, 11 a mark, 12 without timestamps, 13–22 timestamps.
    fn rules() -> Rules {
        Rules {
            never: vec![3, 11, 12],
            never_first: vec![4, 10],
            end: 10,
            first_timestamp: 13,
            latest_first: 2,
            vocabulary: 23,
        }
    }

    fn allowed(written: &[u32], logits: impl Fn(u32) -> f32) -> Vec<u32> {
        let mut logits: Vec<f32> = (0..23).map(logits).collect();
        rules().apply(&mut logits, written);
        (0..23).filter(|token| logits[*token as usize] > f32::NEG_INFINITY).collect()
    }

    #[test]
    fn moments_come_in_pairs_and_never_run_backwards() {
        let text_is_likely = |token: u32| if token < 13 { 9.0 } else { 0.0 };
        assert_eq!(allowed(&[], text_is_likely), [13, 14, 15]);
        assert_eq!(allowed(&[14], text_is_likely), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]);
        let later: Vec<u32> = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10].into_iter().chain(15..23).collect();
        assert_eq!(allowed(&[14, 5], text_is_likely), later);
        assert_eq!(allowed(&[14, 5, 17], text_is_likely), [10, 17, 18, 19, 20, 21, 22]);
        assert_eq!(allowed(&[14, 5, 17, 17], text_is_likely), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn many_likely_moments_outweigh_one_likelier_word() {
        let one_word = |token: u32| if token == 7 { 1.0 } else { 0.0 };
        assert_eq!(allowed(&[13, 5], one_word), (14..23).collect::<Vec<_>>());
    }
}

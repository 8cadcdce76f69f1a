//! What is said in a video, laid between its segments: each subtitle stands before the segment in whose window it begins,
//! as `[subtitle 12.3-14.0 s] …` on a line of its own.
//!
//! Words cost tokens as pictures do. Where both do not fit, words get what pictures leave, or half of the room; of them those around the
//! words asked for stay first, the rest is thinned evenly, whole subtitles at a time. Stamps always stay.

use std::sync::Arc;

use timeline::cues::{self, windows};
use timeline::{Cue, Span, Timestamp, TranscriptInfo};

use crate::error::Result;
use crate::question::Question;
use crate::selection;
use crate::worker::Shared;

/// How far around the words asked for is shown first.
const NEAR: Timestamp = Timestamp::from_millis(15_000);
/// Bytes a token stands for at most, on the average of any text.
const BYTES_A_TOKEN: u64 = 8;

/// The subtitles to show.
#[derive(Debug, Default)]
pub(crate) struct Words {
    cues: Vec<Cue>,
    /// Tokens of all of them.
    pub(crate) tokens: u32,
}

impl Words {
    /// What to read before each segment.
    pub(crate) fn between(&self, segments: &[Span], duration: Timestamp) -> Vec<Arc<str>> {
        let windows = windows::assign(&self.cues, segments, duration);
        let text = |window: &Vec<usize>| -> Arc<str> {
            window.iter().filter_map(|&i| self.cues.get(i)).map(windows::caption).collect::<String>().into()
        };
        windows.iter().map(text).collect()
    }
}

/// How far a stretch of the video is from the nearest of those where words asked for are said; none when that is far.
pub(crate) fn distance(span: Span, said: &[Span]) -> Option<Timestamp> {
    let apart = |hit: &Span| (span.start - hit.end).max(hit.start - span.end).max(Timestamp::ZERO);
    said.iter().map(apart).min().filter(|apart| *apart <= NEAR)
}

impl Shared {
    /// What of a video's subtitles a question is shown. is_shown: whether the place of a subtitle is; room: tokens for words and
    /// pictures; segments: tokens of all pictures.
    pub(crate) fn words(
        &self,
        question: &Question,
        is_shown: impl Fn(&Cue) -> bool,
        duration: Timestamp,
        room: u64,
        segments: u64,
    ) -> Result<Words> {
        if !self.backend.info().captions {
            return Ok(Words::default());
        }
        let transcripts = self.library.transcripts(&question.video)?;
        let Some(transcript) = choose(&transcripts, &question.text) else { return Ok(Words::default()) };
        let (_, records) = match self.library.transcript(&question.video, transcript.id) {
            // Deleted meanwhile.
            Err(store::Error::UnknownTranscript(_)) => return Ok(Words::default()),
            other => other?,
        };
        let cues: Vec<_> = records.into_iter().map(|record| record.cue).collect();
        let mut cues = windows::pieces(&cues);
        cues.retain(|cue| cue.span.end >= Timestamp::ZERO && cue.span.start <= duration && is_shown(cue));
        let all = cues.len();
        // More bytes than half of the room can stand for are not worth counting in tokens.
        let bytes = |cue: &Cue| u32::try_from(windows::caption(cue).len()).unwrap_or(u32::MAX);
        let costs: Vec<_> = cues.iter().map(bytes).collect();
        let cues = thin(cues, &costs, &question.said, room.saturating_mul(BYTES_A_TOKEN));
        let costs: Vec<_> = cues.iter().map(|cue| self.backend.caption_tokens(&windows::caption(cue))).collect();
        let share = room.saturating_sub(segments).max(room / 2);
        let kept = selection::keep(&costs, &near(&cues, &question.said), &[], share);
        let tokens = kept.iter().filter_map(|&i| costs.get(i)).copied().fold(0, u32::saturating_add);
        let cues: Vec<_> = kept.iter().filter_map(|&i| cues.get(i)).cloned().collect();
        if cues.len() < all {
            tracing::info!(video = %question.video, shown = cues.len(), of = all, "the context is too short for every subtitle");
        }
        Ok(Words { cues, tokens })
    }
}

fn near(cues: &[Cue], said: &[Span]) -> Vec<Option<Timestamp>> {
    cues.iter().map(|cue| distance(cue.span, said)).collect()
}

fn thin(cues: Vec<Cue>, costs: &[u32], said: &[Span], room: u64) -> Vec<Cue> {
    let kept = selection::keep(costs, &near(&cues, said), &[], room);
    if kept.len() == cues.len() {
        return cues;
    }
    kept.iter().filter_map(|&i| cues.get(i)).cloned().collect()
}

/// The transcript in the language of the question, else the oldest: the same one for every question in a language, so that
/// what was shown stays of use.
fn choose<'a>(transcripts: &'a [TranscriptInfo], question: &str) -> Option<&'a TranscriptInfo> {
    let asked = cues::language_of_text(question);
    let speaks = |info: &&TranscriptInfo| {
        let base = info.language.as_deref().and_then(|tag| tag.split('-').next());
        base.is_some() && base == asked
    };
    transcripts.iter().find(speaks).or_else(|| transcripts.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: i64, language: Option<&str>) -> TranscriptInfo {
        let language = language.map(str::to_owned);
        TranscriptInfo { id, name: String::new(), language, cues: 1, created_ms: 0, heard: None }
    }

    #[test]
    fn the_transcript_in_the_questions_language_is_shown_else_the_oldest() {
        let all = [info(1, None), info(2, Some("en")), info(3, Some("zh-Hans"))];
        let chosen = |question| choose(&all, question).map(|info| info.id);
        assert_eq!(chosen("When is it?"), Some(2));
        assert_eq!(chosen("什么时候提到？"), Some(3));
        assert_eq!(chosen("いつですか"), Some(1));
        assert!(choose(&[], "?").is_none());
    }

    #[test]
    fn near_is_within_a_quarter_of_a_minute() {
        let at = |a: f64, b: f64| Span::new(Timestamp::from_seconds(a), Timestamp::from_seconds(b));
        let said = [at(60.0, 62.0), at(300.0, 301.0)];
        let seconds = |a, b| distance(at(a, b), &said).map(Timestamp::seconds);
        assert_eq!(
            [seconds(44.0, 45.5), seconds(61.0, 61.5), seconds(77.0, 78.0)],
            [Some(14.5), Some(0.0), Some(15.0)]
        );
        assert_eq!([seconds(40.0, 44.0), seconds(78.0, 79.0)], [None, None]);
        assert_eq!(distance(at(1.0, 2.0), &[]), None);
    }
}

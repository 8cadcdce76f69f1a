//! "In which minute is it mentioned?": the subtitles know, at once and without the model.

use timeline::cues::search::Lexicon;
use timeline::{Evidence, Timestamp, VideoId, cues};

use crate::error::Result;
use crate::worker::Shared;

/// Subtitles named in one answer.
const MOST: usize = 12;

impl Shared {
    /// The subtitles in which the words stand that a question looks for, ascending in time. None when it asks for something
    /// else, or there are no subtitles.
    pub(crate) fn evidence(&self, video: &VideoId, question: &str) -> Result<Option<Vec<Evidence>>> {
        let Some(words) = cues::asked::mentioned(question) else { return Ok(None) };
        let transcripts = self.library.transcripts(video)?;
        if transcripts.is_empty() {
            return Ok(None);
        }
        let duration = self.library.video(video)?.video.duration;
        let mut found: Vec<(bool, f64, Evidence)> = Vec::new();
        for info in transcripts {
            let (_, records) = match self.library.transcript(video, info.id) {
                // Deleted meanwhile.
                Err(store::Error::UnknownTranscript(_)) => continue,
                other => other?,
            };
            let inside = |span: timeline::Span| span.end >= Timestamp::ZERO && span.start <= duration;
            let own: Vec<_> = records.into_iter().map(|record| record.cue).filter(|cue| inside(cue.span)).collect();
            for hit in Lexicon::new(&own).find(&words, MOST) {
                let Some(cue) = own.get(hit.cue) else { continue };
                let Some(span) = cue.span.clamp_to(duration) else { continue };
                let known = |(_, _, other): &(bool, f64, Evidence)| other.span == span && other.text == cue.text;
                if !found.iter().any(known) {
                    found.push((hit.whole, hit.score, Evidence { span, text: cue.text.clone(), transcript: info.id }));
                }
            }
        }
        // Words that stand together somewhere are what was meant; parts of them elsewhere are not.
        if found.iter().any(|(whole, ..)| *whole) {
            found.retain(|(whole, ..)| *whole);
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(MOST);
        let mut evidence: Vec<_> = found.into_iter().map(|(_, _, evidence)| evidence).collect();
        evidence.sort_by_key(|found| found.span.start);
        Ok(Some(evidence))
    }
}

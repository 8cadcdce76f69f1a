//! "In which minute is it mentioned?": the subtitles know, at once and without the model. First by the words themselves; where those
//! stand nowhere together, by meaning.

use timeline::cues::search::Lexicon;
use timeline::cues::{self, Cue};
use timeline::{Evidence, Timestamp, VideoId};

use crate::error::{Error, Result};
use crate::worker::Shared;

/// Subtitles named in one answer.
const MOST: usize = 12;
/// Of those, ones that say it in other words.
const SIMILAR: usize = 3;

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
        let mut own = Vec::new();
        for info in transcripts {
            match self.cues_inside(video, info.id, duration) {
                // Deleted meanwhile.
                Err(Error::UnknownTranscript(_)) => {}
                cues => own.push((info.id, cues?)),
            }
        }
        let mut found: Vec<(bool, f64, Evidence)> = Vec::new();
        for (transcript, cues) in &own {
            for hit in Lexicon::new(cues).find(&words, MOST) {
                let evidence = cues.get(hit.cue).and_then(|cue| evidence(cue, *transcript, duration));
                let Some(evidence) = evidence else { continue };
                if !found.iter().any(|(_, _, other)| same(other, &evidence)) {
                    found.push((hit.whole, hit.score, evidence));
                }
            }
        }
        // Words that stand together somewhere are what was meant; parts of them elsewhere are not.
        if found.iter().any(|(whole, ..)| *whole) {
            found.retain(|(whole, ..)| *whole);
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(MOST);
        let is_said = found.iter().any(|(whole, ..)| *whole);
        let mut evidence: Vec<_> = found.into_iter().map(|(_, _, evidence)| evidence).collect();
        if !is_said {
            let similar = self.similar(video, &own, &words, duration);
            evidence.extend(
                similar
                    .into_iter()
                    .filter(|found| !evidence.iter().any(|other| same(other, found)))
                    .collect::<Vec<_>>(),
            );
        }
        evidence.sort_by_key(|found| found.span.start);
        Ok(Some(evidence))
    }

    /// What a video has to say nearest to some words, when they themselves stand nowhere.
    fn similar(&self, video: &VideoId, own: &[(i64, Vec<Cue>)], words: &str, duration: Timestamp) -> Vec<Evidence> {
        let Some(meaning) = &self.meaning else { return Vec::new() };
        let mut near: Vec<(f32, Evidence)> = Vec::new();
        for (transcript, cues) in own {
            match meaning.nearest(video, *transcript, cues, words) {
                Ok(found) => near.extend(found.into_iter().take(SIMILAR).filter_map(|(place, nearness)| {
                    let evidence = evidence(cues.get(place)?, *transcript, duration)?;
                    Some((nearness, Evidence { is_similar: true, ..evidence }))
                })),
                // The question is answered all the same.
                Err(error) => tracing::warn!(%error, "what is said could not be compared by meaning"),
            }
        }
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.into_iter().take(SIMILAR).map(|(_, evidence)| evidence).collect()
    }

    /// Makes a transcript ready to be compared by meaning, so that no question has to wait for it.
    pub(crate) fn prepare_meaning(&self, video: &VideoId, transcript: i64) {
        let Some(meaning) = &self.meaning else { return };
        let prepared = self.library.video(video).map_err(Error::from).and_then(|row| {
            let cues = self.cues_inside(video, transcript, row.video.duration)?;
            meaning.prepare(video, transcript, &cues).map(drop)
        });
        if let Err(error) = prepared {
            tracing::debug!(%error, "a transcript was not prepared");
        }
    }

    pub(crate) fn cues_inside(&self, video: &VideoId, transcript: i64, duration: Timestamp) -> Result<Vec<Cue>> {
        let (_, records) = self.library.transcript(video, transcript)?;
        let inside = |cue: &Cue| cue.span.end >= Timestamp::ZERO && cue.span.start <= duration;
        Ok(records.into_iter().map(|record| record.cue).filter(inside).collect())
    }
}

fn evidence(cue: &Cue, transcript: i64, duration: Timestamp) -> Option<Evidence> {
    let span = cue.span.clamp_to(duration)?;
    Some(Evidence { span, text: cue.text.clone(), transcript, is_similar: false })
}

fn same(one: &Evidence, other: &Evidence) -> bool {
    one.span == other.span && one.text == other.text
}

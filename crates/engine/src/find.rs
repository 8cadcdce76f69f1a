//! One search across the library: titles, what is said and seen, what was asked and answered.

use timeline::cues::Cue;
use timeline::cues::search::Lexicon;
use timeline::find::{Found, MAX_WORDS_CHARS, Place};
use timeline::{QuestionRecord, Span, Timestamp, VideoId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::worker::Shared;

/// Places told.
const MOST: usize = 30;
/// Of those, in one transcript or in the questions about one video.
const EACH: usize = 5;

/// A place, whether it has all the words, and how well.
type Hit = (bool, f64, Found);

impl Engine {
    /// Places that have the words, titles first, then what is said, what is seen, questions; the best of each first. Where some have all
    /// of the words, only those.
    ///
    /// # Errors
    /// When the library cannot be read.
    pub async fn find(&self, words: String) -> Result<Vec<Found>> {
        let words: String = words.trim().chars().take(MAX_WORDS_CHARS).collect();
        self.blocking(move |shared| shared.find(&words)).await
    }
}

impl Shared {
    fn find(&self, words: &str) -> Result<Vec<Found>> {
        let mut hits = Vec::new();
        for row in self.library.videos()? {
            let (id, title, duration) = (&row.id, &row.video.title, row.video.duration);
            let at = |place, span, text| Found { video: id.clone(), title: title.clone(), place, span, text };
            hits.extend(
                named(words, [title.clone()])
                    .map(|(_, all, score)| (all, score, at(Place::Title, None, title.clone()))),
            );
            match self.said(id, words, duration) {
                // Deleted meanwhile.
                Err(Error::UnknownVideo(_) | Error::UnknownTranscript(_)) => continue,
                said => hits.extend(
                    said?.into_iter().map(|(all, score, span, text)| (all, score, at(Place::Said, Some(span), text))),
                ),
            }
            let scenes = self.library.scenes(id)?;
            let seen =
                named(words, scenes.iter().map(|scene| scene.title.clone())).filter_map(|(index, all, score)| {
                    let scene = scenes.get(index)?;
                    Some((all, score, at(Place::Seen, Some(scene.span), scene.title.clone())))
                });
            hits.extend(seen);
            let records = self.library.questions(id)?;
            let texts = records.iter().map(|record| format!("{} {}", record.question, record.answer));
            let asked = named(words, texts).filter_map(|(index, all, score)| {
                let QuestionRecord { question, spans, .. } = records.get(index)?;
                Some((all, score, at(Place::Asked, spans.first().map(|found| found.span), question.clone())))
            });
            hits.extend(asked);
        }
        Ok(best(hits))
    }

    /// What is said in a video: whether all words are there, how well, when, and what.
    fn said(&self, id: &VideoId, words: &str, duration: Timestamp) -> Result<Vec<(bool, f64, Span, String)>> {
        let mut said: Vec<(bool, f64, Span, String)> = Vec::new();
        for info in self.library.transcripts(id)? {
            let cues = self.cues_inside(id, info.id, duration)?;
            for hit in Lexicon::new(&cues).find(words, EACH) {
                let cue = cues.get(hit.cue).and_then(|cue| Some((cue.span.clamp_to(duration)?, cue.text.clone())));
                let Some((span, text)) = cue else { continue };
                // A language or a draft more says the same again.
                if !said.iter().any(|(_, _, other, known)| *other == span && *known == text) {
                    said.push((hit.whole, hit.score, span, text));
                }
            }
        }
        Ok(said)
    }
}

/// Texts that have the words: which, whether all of them, and how well.
pub(crate) fn named(words: &str, texts: impl IntoIterator<Item = String>) -> impl Iterator<Item = (usize, bool, f64)> {
    // Far apart, so that no word of one counts for another.
    let hour = |place: i64| Span::at(Timestamp::from_millis(place * 3_600_000));
    let cues: Vec<Cue> = (0_i64..).zip(texts).map(|(place, text)| Cue { span: hour(place), text }).collect();
    Lexicon::new(&cues).find(words, EACH).into_iter().map(|hit| (hit.cue, hit.whole, hit.score))
}

fn best(mut hits: Vec<Hit>) -> Vec<Found> {
    if hits.iter().any(|(all, ..)| *all) {
        hits.retain(|(all, ..)| *all);
    }
    hits.sort_by(|a, b| a.2.place.cmp(&b.2.place).then(b.1.total_cmp(&a.1)));
    hits.truncate(MOST);
    hits.into_iter().map(|(_, _, found)| found).collect()
}

//! What is said in other words: cues nearest in meaning to what is looked for, where a sentence encoder is at hand.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use meaning::{Encoder, nearness};
use timeline::VideoId;
use timeline::cues::Cue;

use crate::error::Result;

/// Nearer than this speaks of the same thing. By hand on sentences with all-MiniLM-L6-v2: what belongs together lies at 0.33
/// to 0.55, what does not under 0.25.
const NEAR: f32 = 0.3;
/// Cues whose directions are kept, of all transcripts together: 150 MB with 384 numbers each.
const KEPT: usize = 100_000;

/// Turns sentences into directions of length one.
pub(crate) trait Sense: Send + Sync {
    fn directions(&self, sentences: &[&str]) -> Result<Vec<Vec<f32>>>;
}

impl Sense for Encoder {
    fn directions(&self, sentences: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(self.encode(sentences)?)
    }
}

/// Names the cues of one transcript as they are now: an edited one is another.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    video: VideoId,
    transcript: i64,
    texts: blake3::Hash,
}

/// Directions of the cues of one transcript.
type Directions = Arc<Vec<Vec<f32>>>;

/// A sentence encoder and what it has encoded, the last used first.
pub(crate) struct Meaning {
    sense: Box<dyn Sense>,
    kept: Mutex<VecDeque<(Key, Directions)>>,
    /// Whoever wants a transcript that is being encoded waits for it instead of doing the same.
    turn: Mutex<()>,
}

impl Meaning {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        Ok(Self::new(Box::new(Encoder::open(folder)?)))
    }

    pub(crate) fn new(sense: Box<dyn Sense>) -> Self {
        Self { sense, kept: Mutex::default(), turn: Mutex::default() }
    }

    /// Places of the cues that speak of `wanted`, the nearest first, with how near they are.
    pub(crate) fn nearest(
        &self,
        video: &VideoId,
        transcript: i64,
        cues: &[Cue],
        wanted: &str,
    ) -> Result<Vec<(usize, f32)>> {
        let directions = self.prepare(video, transcript, cues)?;
        let Some(wanted) = self.sense.directions(&[wanted])?.pop() else { return Ok(Vec::new()) };
        let near = directions.iter().map(|direction| nearness(direction, &wanted)).enumerate();
        let mut near: Vec<_> = near.filter(|(_, near)| *near >= NEAR).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(near)
    }

    /// The directions of a transcript's cues, computed unless they are there: a second or two for an hour of speech.
    pub(crate) fn prepare(&self, video: &VideoId, transcript: i64, cues: &[Cue]) -> Result<Directions> {
        let mut texts = blake3::Hasher::new();
        for cue in cues {
            texts.update(&(cue.text.len() as u64).to_le_bytes()).update(cue.text.as_bytes());
        }
        let key = Key { video: video.clone(), transcript, texts: texts.finalize() };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let there = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let place = kept.iter().position(|(known, _)| *known == key);
            place.and_then(|place| kept.remove(place)).map(|(_, directions)| directions)
        };
        let directions = match there {
            Some(directions) => directions,
            None => Arc::new(self.sense.directions(&cues.iter().map(|cue| cue.text.as_str()).collect::<Vec<_>>())?),
        };
        self.keep(key, Arc::clone(&directions));
        Ok(directions)
    }

    fn keep(&self, key: Key, directions: Directions) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| (&known.video, known.transcript) != (&key.video, key.transcript));
        kept.push_front((key, directions));
        let mut cues = 0;
        kept.retain(|(_, directions)| {
            cues += directions.len();
            cues <= KEPT
        });
    }
}

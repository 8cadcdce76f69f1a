//! Transcripts of videos from outside: taken in from files, corrected, written to files.

use std::sync::Arc;

use timeline::cues::embedded::Track;
use timeline::cues::{self, Export, MAX_CUE_CHARS, Reading, Retiming};
use timeline::{Cue, CueRecord, Timestamp, Transcript, TranscriptInfo, TranscriptReceipt, VideoId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::worker::Shared;

/// Transcripts a video may have: languages, drafts, speakers.
pub const MAX_TRANSCRIPTS: u32 = 16;
/// The most a name keeps.
const MAX_NAME_CHARS: usize = 200;

impl Engine {
    /// Takes in a subtitle file or a transcript: SRT, WebVTT, ASS/SSA, TTML or JSON in any encoding. One of the same name is
    /// replaced.
    ///
    /// # Errors
    /// When nothing can be made of it (the line is named), the video is unknown or has too many, or the disk refuses.
    pub async fn put_transcript(&self, id: &VideoId, name: String, bytes: Vec<u8>) -> Result<TranscriptReceipt> {
        let (id, name) = (id.clone(), file_name(&name));
        self.blocking(move |shared| {
            let reading = cues::read(&bytes, &name)?;
            shared.keep_transcript(&id, &name, reading)
        })
        .await
    }

    /// Takes in a text track of the video's own file, under its number, language and title. One that is there already stays as
    /// it is, with whatever was corrected in it; then there is no receipt.
    ///
    /// # Errors
    /// When nothing can be made of it, the video is unknown or has too many transcripts, or the disk refuses.
    pub async fn put_track(&self, id: &VideoId, track: Track) -> Result<Option<TranscriptReceipt>> {
        let (id, name) = (id.clone(), plain_name(&track.name()));
        self.blocking(move |shared| {
            if shared.library.transcripts(&id)?.iter().any(|info| info.name == name) {
                return Ok(None);
            }
            shared.keep_transcript(&id, &name, track.read()?).map(Some)
        })
        .await
    }

    /// Begins a transcript that will grow with what is heard, without a cue; one of the same name is replaced.
    ///
    /// # Errors
    /// When the video is unknown or has too many transcripts, or the disk refuses.
    pub async fn begin_transcript(&self, id: &VideoId, name: String) -> Result<TranscriptInfo> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.has_room(&id, &name)?;
            Ok(shared.library.put_transcript(&id, &name, &Transcript::default())?)
        })
        .await
    }

    /// Adds cues to a transcript that is being heard. Says in which language it is, and up to where it holds what was said; nothing
    /// when it is whole.
    ///
    /// # Errors
    /// When the video has no such transcript or the disk refuses.
    pub async fn append_cues(
        &self,
        id: &VideoId,
        transcript: i64,
        cues: Vec<Cue>,
        language: Option<String>,
        heard: Option<Timestamp>,
    ) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.library.append_cues(&id, transcript, &cues, language.as_deref(), heard)?;
            if heard.is_none() {
                shared.prepare_soon(&id, transcript);
            }
            Ok(())
        })
        .await
    }

    /// The transcripts of a video, the oldest first.
    ///
    /// # Errors
    /// When the video is unknown or the library cannot be read.
    pub async fn transcripts(&self, id: &VideoId) -> Result<Vec<TranscriptInfo>> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.library.video(&id)?;
            Ok(shared.library.transcripts(&id)?)
        })
        .await
    }

    /// The cues of a transcript, ascending by start.
    ///
    /// # Errors
    /// When the video has no such transcript or the library cannot be read.
    pub async fn cues(&self, id: &VideoId, transcript: i64) -> Result<Vec<CueRecord>> {
        let id = id.clone();
        self.blocking(move |shared| Ok(shared.library.transcript(&id, transcript)?.1)).await
    }

    /// Gives a cue another text; an empty one removes it. Returns the text as it is kept.
    ///
    /// # Errors
    /// When the text is too long, there is no such cue, or the disk refuses.
    pub async fn edit_cue(&self, id: &VideoId, transcript: i64, cue: i64, text: &str) -> Result<String> {
        let (id, text) = (id.clone(), cues::tidy(text));
        let found = text.chars().count();
        if found > MAX_CUE_CHARS {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(Error::CueTooLong { found, limit: MAX_CUE_CHARS as u32 });
        }
        self.blocking(move |shared| {
            if text.is_empty() {
                shared.library.delete_cue(&id, transcript, cue)?;
            } else {
                shared.library.edit_cue(&id, transcript, cue, &text)?;
            }
            Ok(text)
        })
        .await
    }

    /// Corrects the times of a whole transcript. Cues shifted out of the video are kept: shifting back brings them back.
    ///
    /// # Errors
    /// When the correction makes no sense, there is no such transcript, or the disk refuses.
    pub async fn retime(&self, id: &VideoId, transcript: i64, by: Retiming) -> Result<()> {
        let (id, by) = (id.clone(), by.checked()?);
        self.blocking(move |shared| Ok(shared.library.retime(&id, transcript, by)?)).await
    }

    /// Removes a transcript.
    ///
    /// # Errors
    /// When the video has no such transcript or the disk refuses.
    pub async fn delete_transcript(&self, id: &VideoId, transcript: i64) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| Ok(shared.library.delete_transcript(&id, transcript)?)).await
    }

    /// A transcript as a file: its name and its text.
    ///
    /// # Errors
    /// When the video has no such transcript or the library cannot be read.
    pub async fn export_transcript(&self, id: &VideoId, transcript: i64, export: Export) -> Result<(String, String)> {
        let id = id.clone();
        self.blocking(move |shared| {
            let (info, records) = shared.library.transcript(&id, transcript)?;
            let cues = records.into_iter().map(|record| record.cue).collect();
            let stem = info.name.rsplit_once('.').map_or(info.name.as_str(), |(stem, _)| stem);
            let name = format!("{stem}.{}", export.ending());
            Ok((name, cues::export::write(&Transcript { language: info.language, cues }, export)))
        })
        .await
    }
}

impl Shared {
    fn has_room(&self, id: &VideoId, name: &str) -> Result<()> {
        let there = self.library.transcripts(id)?;
        let is_full = there.len() >= MAX_TRANSCRIPTS as usize && there.iter().all(|info| info.name != name);
        if is_full { Err(Error::TooManyTranscripts { limit: MAX_TRANSCRIPTS }) } else { Ok(()) }
    }

    fn prepare_soon(self: &Arc<Self>, id: &VideoId, transcript: i64) {
        let (shared, video) = (Arc::clone(self), id.clone());
        tokio::task::spawn_blocking(move || shared.prepare_meaning(&video, transcript));
    }

    fn keep_transcript(self: &Arc<Self>, id: &VideoId, name: &str, reading: Reading) -> Result<TranscriptReceipt> {
        self.has_room(id, name)?;
        let info = self.library.put_transcript(id, name, &reading.transcript)?;
        self.prepare_soon(id, info.id);
        Ok(TranscriptReceipt {
            info,
            format: reading.format,
            encoding: reading.encoding.to_owned(),
            warnings: reading.warnings,
            further_warnings: reading.further_warnings,
        })
    }
}

/// The name of a file without folders, control characters, or an end.
fn file_name(given: &str) -> String {
    plain_name(given.rsplit(['/', '\\']).next().unwrap_or_default())
}

fn plain_name(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    let name = name.trim();
    if name.is_empty() { "subtitles".to_owned() } else { name.to_owned() }
}

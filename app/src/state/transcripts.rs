//! Transcripts of the open video: which there are, the cues of the one that is shown, and what the user does to them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_bytes::ByteBuf;
use timeline::cues::{MAX_FILE_BYTES, Retiming, search};
use timeline::{CueRecord, Timestamp, TranscriptInfo, TranscriptReceipt};
use web_sys::File;

use super::bench::Bench;
use super::session::Session;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::platform;

/// Endings of files that are taken as subtitles when they fall on the page.
const ENDINGS: [&str; 9] = ["srt", "vtt", "ass", "ssa", "ttml", "dfxp", "xml", "json", "txt"];
/// For the file picker.
pub const ACCEPT: &str = ".srt,.vtt,.ass,.ssa,.ttml,.dfxp,.xml,.json,.txt";

/// Whether a file is named like subtitles.
pub fn is_named_like_subtitles(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The transcripts' signals, in the context of the workbench.
#[derive(Clone, Copy)]
pub struct Transcripts {
    /// The oldest first.
    pub list: RwSignal<Vec<TranscriptInfo>>,
    /// The one that is shown.
    pub chosen: RwSignal<Option<i64>>,
    /// Its cues, ascending by start.
    pub cues: RwSignal<Vec<CueRecord>>,
    /// What is looked for in it.
    pub wanted: RwSignal<String>,
    /// The cue whose text is being changed.
    pub editing: RwSignal<Option<i64>>,
    /// Whether the server is being asked for something.
    pub busy: RwSignal<bool>,
    /// What the file that was just taken in turned out to be.
    pub receipt: RwSignal<Option<TranscriptReceipt>>,
    /// Why the last thing did not work.
    pub trouble: RwSignal<Option<Trouble>>,
    /// Lists asked for so far: one that comes after a later one is old.
    asked: StoredValue<u32>,
    bench: Bench,
}

impl Transcripts {
    /// Puts the transcripts into the context; they are fetched once the page is alive.
    pub fn provide(bench: Bench) -> Self {
        let transcripts = Self {
            list: RwSignal::new(Vec::new()),
            chosen: RwSignal::new(None),
            cues: RwSignal::new(Vec::new()),
            wanted: RwSignal::new(String::new()),
            editing: RwSignal::new(None),
            busy: RwSignal::new(false),
            receipt: RwSignal::new(None),
            trouble: RwSignal::new(None),
            asked: StoredValue::new(0),
            bench,
        };
        provide_context(transcripts);
        // At once, and again whenever a track of the local file has become one.
        let tracks = Session::expect().tracks;
        let taken = Memo::new(move |_| tracks.with(|tracks| tracks.get(&bench.id()).map_or(0, Vec::len)));
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody reads hears of no change.
            let _count = taken.get();
            transcripts.act(move || async move { transcripts.refresh(None).await });
        });
        transcripts
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The transcript that is shown.
    pub fn shown(self) -> Option<TranscriptInfo> {
        let chosen = self.chosen.get()?;
        self.list.with(|list| list.iter().find(|info| info.id == chosen).cloned())
    }

    /// The place of the last cue that has begun at a moment.
    pub fn place(self, moment: Timestamp) -> Option<usize> {
        self.cues.with(|cues| cues.partition_point(|record| record.cue.span.start <= moment).checked_sub(1))
    }

    /// The places of the cues in which what is looked for stands; all when nothing is.
    pub fn found(self) -> Vec<usize> {
        let wanted = search::fold(&self.wanted.get());
        self.cues.with(|cues| {
            let places = cues.iter().enumerate();
            let fits = |(_, record): &(usize, &CueRecord)| {
                wanted.is_empty() || search::fold(&record.cue.text).contains(&wanted)
            };
            places.filter(fits).map(|(place, _)| place).collect()
        })
    }

    /// Shows another transcript.
    pub fn choose(self, id: i64) {
        self.act(move || async move { self.refresh(Some(id)).await });
    }

    /// A transcript has further cues on the server; `wanted` is to be shown from now on.
    pub fn has_grown(self, wanted: Option<i64>) {
        self.act(move || async move { self.refresh(wanted).await });
    }

    /// Sends subtitle files to the server, one after another, and shows the last.
    pub fn add(self, files: Vec<File>) {
        self.receipt.set(None);
        self.act(move || async move {
            for file in files {
                let size = file.size();
                if size > MAX_FILE_BYTES as f64 {
                    return Err(ApiError::BodyTooLarge.into());
                }
                let name = file.name();
                let bytes = platform::bytes(&file).await.ok_or(Trouble::Unreadable)?;
                let receipt = api::put_transcript(self.bench.id(), name, ByteBuf::from(bytes)).await?;
                let id = receipt.info.id;
                self.receipt.try_set(Some(receipt));
                self.refresh(Some(id)).await?;
            }
            Ok(())
        });
    }

    /// Gives a cue another text, here at once and on the server; an empty one removes it.
    pub fn edit(self, cue: i64, text: &str) {
        self.editing.set(None);
        let Some(transcript) = self.chosen.get_untracked() else { return };
        let same = |record: &CueRecord| record.id == cue && record.cue.text == text;
        if self.cues.with_untracked(|cues| cues.iter().any(same)) {
            return;
        }
        let text = text.to_owned();
        self.act(move || async move {
            let kept = api::edit_cue(self.bench.id(), transcript, cue, text).await?;
            self.cues.try_update(|cues| {
                if kept.is_empty() {
                    cues.retain(|record| record.id != cue);
                }
                if let Some(record) = cues.iter_mut().find(|record| record.id == cue) {
                    record.cue.text = kept;
                }
            });
            Ok(())
        });
    }

    /// Corrects all times of the transcript that is shown.
    pub fn retime(self, by: Retiming) {
        let Some(transcript) = self.chosen.get_untracked() else { return };
        self.act(move || async move {
            api::retime_transcript(self.bench.id(), transcript, by).await?;
            self.refresh(Some(transcript)).await
        });
    }

    /// Removes the transcript that is shown.
    pub fn delete(self) {
        let Some(transcript) = self.chosen.get_untracked() else { return };
        self.receipt.set(None);
        self.act(move || async move {
            api::delete_transcript(self.bench.id(), transcript).await?;
            self.refresh(None).await
        });
    }

    /// Fetches what there is and shows `wanted`, else what was shown, else the first.
    async fn refresh(self, wanted: Option<i64>) -> Result<(), Trouble> {
        let video = self.bench.id();
        let mine = self.asked.try_update_value(|asked| {
            *asked += 1;
            *asked
        });
        let list = api::list_transcripts(video.clone()).await?;
        let there = |id: &i64| list.iter().any(|info| info.id == *id);
        let before = self.chosen.try_get_untracked().flatten();
        let chosen = wanted.filter(there).or(before.filter(there)).or(list.first().map(|info| info.id));
        let cues = match chosen {
            Some(id) => api::list_cues(video, id).await?,
            None => Vec::new(),
        };
        if self.asked.try_get_value() != mine {
            return Ok(());
        }
        self.list.try_set(list);
        self.chosen.try_set(chosen);
        self.cues.try_set(cues);
        Ok(())
    }

    /// Does something that asks the server; trouble is shown.
    fn act<F: Future<Output = Result<(), Trouble>> + 'static>(self, work: impl FnOnce() -> F + 'static) {
        self.trouble.set(None);
        self.busy.set(true);
        spawn_local(async move {
            let done = work().await;
            // Gone when the workbench was left meanwhile.
            self.busy.try_set(false);
            if let Err(trouble) = done {
                self.trouble.try_set(Some(trouble));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitles_are_told_from_videos_by_their_names() {
        assert!(is_named_like_subtitles("clip.zh.SRT") && is_named_like_subtitles("a.vtt"));
        assert!(!is_named_like_subtitles("clip.mp4") && !is_named_like_subtitles("srt"));
    }
}

//! What happens to videos beside their frames: a video is deleted, described, named.

use store::VideoRow;
use timeline::{VideoId, VideoState, VideoSummary};

use crate::error::{Error, Result};
use crate::worker::Shared;

/// The most a title keeps.
const MAX_TITLE_CHARS: usize = 300;

pub(crate) fn delete(shared: &Shared, id: &VideoId) -> Result<()> {
    let deleted = shared.library.delete(id);
    shared.registry.remove(id);
    shared.outlines.forget(id);
    shared.queue.forget(id);
    Ok(deleted?)
}

/// A row with what only the engine knows: how far the index has come.
pub(crate) fn summary(shared: &Shared, row: VideoRow) -> VideoSummary {
    let loaded = shared.registry.with_loaded(&row.id, |entry| (entry.index.state(), entry.index.encoded().len()));
    let ready = row.ready_for.as_deref() == Some(shared.backend.fingerprint());
    let (state, segments) = loaded.map_or_else(
        || match (row.finished, ready) {
            (false, _) => (VideoState::Receiving, if ready { row.frames / 2 } else { 0 }),
            (true, true) => (VideoState::Ready, row.frames.div_ceil(2)),
            (true, false) => (VideoState::Indexing, 0),
        },
        |(state, segments)| (state, u32::try_from(segments).unwrap_or(u32::MAX)),
    );
    VideoSummary {
        id: row.id,
        video: row.video,
        state,
        frames: row.frames,
        segments,
        questions: row.questions,
        created_ms: row.created_ms,
    }
}

/// A title as it is kept: trimmed, without control characters, not endless.
pub(crate) fn title(wanted: &str) -> Result<String> {
    let title: String = wanted.chars().filter(|c| !c.is_control()).take(MAX_TITLE_CHARS).collect();
    let title = title.trim();
    if title.is_empty() { Err(Error::BadVideo("the title is empty".to_owned())) } else { Ok(title.to_owned()) }
}

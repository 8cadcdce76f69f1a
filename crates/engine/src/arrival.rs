//! Frames on their way in: checked, made durable, taken note of, queued to be encoded.

use store::{NewFrame, Role};
use timeline::{AppendReceipt, FrameIn, Span, Timestamp, VideoId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::images::{self, MAX_BATCH_FRAMES, MAX_VIDEO_FRAMES};
use crate::registry::Entry;
use crate::worker::Shared;

/// Frames between those of the plan that a video may have: more come and go in a restless film than anybody asks about.
const MOST_BETWEEN: usize = 512;

impl Engine {
    /// Keeps frames of the plan. When it returns they are on the disk; a timestamp that is already there keeps its frame.
    ///
    /// Where there is an overview they come in time order: up to the last of them the plan counts as complete.
    ///
    /// # Errors
    /// When a frame is no picture (then none of them is kept), the video is unknown, or the disk refuses.
    pub async fn append_frames(&self, id: &VideoId, frames: Vec<FrameIn>) -> Result<AppendReceipt> {
        let id = id.clone();
        self.blocking(move |shared| keep(shared, &id, &frames, |_| Role::Plan)).await
    }

    /// Keeps key frames of an overview: something to look at until the frames of the plan are there. Those in `planned`
    /// are wanted by the plan too and need not be sent again. A complete video takes none.
    ///
    /// # Errors
    /// As for [`append_frames`](Self::append_frames).
    pub async fn append_overview(
        &self,
        id: &VideoId,
        frames: Vec<FrameIn>,
        planned: Vec<Timestamp>,
    ) -> Result<AppendReceipt> {
        let id = id.clone();
        let role = move |pts| if planned.contains(&pts) { Role::Both } else { Role::Overview };
        self.blocking(move |shared| {
            let row = shared.library.video(&id)?;
            if row.finished {
                return Ok(AppendReceipt { accepted: 0, total: row.frames });
            }
            keep(shared, &id, &frames, role)
        })
        .await
    }

    /// Keeps the first frames of shots, found by whoever decoded the video. Sending one twice is harmless.
    ///
    /// # Errors
    /// When there are more of them than frames are taken at once, the video is unknown, or the disk refuses.
    pub async fn append_cuts(&self, id: &VideoId, cuts: Vec<Timestamp>) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            let count = u32::try_from(cuts.len()).unwrap_or(u32::MAX);
            if count > MAX_BATCH_FRAMES {
                return Err(Error::TooManyFrames { found: count, limit: MAX_BATCH_FRAMES });
            }
            let all = shared.registry.with(&shared.library, &id, |entry| entry.cuts.len())?;
            let after = u32::try_from(all).unwrap_or(u32::MAX).saturating_add(count);
            if after > MAX_VIDEO_FRAMES {
                return Err(Error::TooManyFrames { found: after, limit: MAX_VIDEO_FRAMES });
            }
            let added = shared.library.append_cuts(&id, &cuts)?;
            shared.registry.with(&shared.library, &id, |entry| entry.cut(added))
        })
        .await
    }

    /// Keeps where the picture was another for a moment, found by whoever decoded the video. Sending one twice is harmless.
    ///
    /// # Errors
    /// When there are more of them than frames are taken at once, the video is unknown, or the disk refuses.
    pub async fn append_flashes(&self, id: &VideoId, flashes: Vec<Span>) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            let found = u32::try_from(flashes.len()).unwrap_or(u32::MAX);
            let known = u32::try_from(shared.library.flashes(&id)?.len()).unwrap_or(u32::MAX);
            if found > MAX_BATCH_FRAMES || known > MAX_VIDEO_FRAMES {
                return Err(Error::TooManyFrames { found, limit: MAX_BATCH_FRAMES });
            }
            Ok(shared.library.append_flashes(&id, &flashes)?)
        })
        .await
    }

    /// Moments in the middle of what came and went between two frames of the plan, where no frame shows it yet; ascending. Empty for a
    /// video without notes of such (see [`append_flashes`](Self::append_flashes)).
    ///
    /// # Errors
    /// When the video is unknown or the disk refuses.
    pub async fn unseen(&self, id: &VideoId) -> Result<Vec<Timestamp>> {
        let id = id.clone();
        let middle = |flash: Span| flash.start.midpoint(flash.end);
        self.blocking(move |shared| Ok(unseen(shared, &id)?.into_iter().map(middle).take(MOST_BETWEEN).collect())).await
    }

    /// Keeps frames between those of the plan, durably: each is a segment by itself. A timestamp that is already there keeps its frame.
    ///
    /// # Errors
    /// As for [`append_frames`](Self::append_frames).
    pub async fn append_between(&self, id: &VideoId, frames: Vec<FrameIn>) -> Result<AppendReceipt> {
        let id = id.clone();
        self.blocking(move |shared| keep(shared, &id, &frames, |_| Role::Between)).await
    }

    /// Takes note that no more frames will come; the last segment can be closed.
    ///
    /// # Errors
    /// When the video is unknown or the disk refuses.
    pub async fn finish_video(&self, id: &VideoId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| finish(shared, &id)).await
    }
}

/// Flashes of which no frame is there, ascending.
pub(crate) fn unseen(shared: &Shared, id: &VideoId) -> Result<Vec<Span>> {
    let mut flashes = shared.library.flashes(id)?;
    if !flashes.is_empty() {
        shared.registry.with(&shared.library, id, |entry| flashes.retain(|flash| !entry.index.shows(*flash)))?;
    }
    Ok(flashes)
}

pub(crate) fn keep(
    shared: &Shared,
    id: &VideoId,
    frames: &[FrameIn],
    role: impl Fn(Timestamp) -> Role,
) -> Result<AppendReceipt> {
    let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
    if count > MAX_BATCH_FRAMES {
        return Err(Error::TooManyFrames { found: count, limit: MAX_BATCH_FRAMES });
    }
    let row = shared.library.video(id)?;
    let after = row.frames.saturating_add(row.beside).saturating_add(count);
    if after > MAX_VIDEO_FRAMES {
        return Err(Error::TooManyFrames { found: after, limit: MAX_VIDEO_FRAMES });
    }
    let rule = shared.backend.info().resize;
    let checked = frames
        .iter()
        .map(|frame| {
            let size = images::check(frame)?;
            rule.target(size, 1)?;
            let (pts, role) = (frame.pts, role(frame.pts));
            Ok(NewFrame { pts, role, bytes: &frame.bytes, width: size.width, height: size.height })
        })
        .collect::<Result<Vec<_>>>()?;
    let appended = shared.library.append_frames(id, &checked)?;
    let accepted = u32::try_from(appended.added.len()).unwrap_or(u32::MAX);
    if accepted > 0 {
        shared.registry.with(&shared.library, id, |entry| entry.add(appended.added))?;
        shared.queue.encode(id);
        shared.look_at(id);
    }
    Ok(AppendReceipt { accepted, total: appended.total })
}

pub(crate) fn finish(shared: &Shared, id: &VideoId) -> Result<()> {
    shared.library.finish(id)?;
    shared.registry.with(&shared.library, id, Entry::finish)?;
    shared.queue.encode(id);
    Ok(())
}

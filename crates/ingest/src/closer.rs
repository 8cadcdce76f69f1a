//! Frames for closer looks, out of files that are at hand: a file that was named, or what the server has of a video.

use std::sync::{Arc, Weak};

use engine::{Deliver, FrameSource};
use timeline::plan::shown_at;
use timeline::{FrameIn, Timestamp, VideoId};
use tokio::runtime::Handle;

use crate::error::Result;
use crate::ffmpeg::{self, Video};
use crate::jobs::{Ingest, Shared};

/// Instants as near as this are decoded in one go; between others FFmpeg seeks.
const TOGETHER: Timestamp = Timestamp::from_millis(10_000);
/// Frames taken at once.
const BATCH: usize = 64;

/// The frames that a player shows at some instants (ascending).
///
/// # Errors
/// When none of a stretch can be decoded.
pub fn frames_at(video: &Video, instants: &[Timestamp]) -> Result<Vec<FrameIn>> {
    let times: Vec<_> = video.frames.iter().map(|frame| frame.at).collect();
    let mut frames = Vec::new();
    for stretch in instants.chunk_by(|one, next| *next - *one <= TOGETHER) {
        let wanted = shown_at(stretch, &times);
        if wanted.is_empty() {
            continue;
        }
        let mut extraction = ffmpeg::extract_there(video, &wanted)?;
        let mut given = 0;
        // FFmpeg would go on to the end of the file.
        while given < wanted.len() {
            let more = extraction.next(BATCH.min(wanted.len() - given))?;
            if more.is_empty() {
                break;
            }
            given += more.len();
            frames.extend(more);
        }
    }
    Ok(frames)
}

/// One file, of whatever video is asked for.
#[derive(Debug)]
pub struct OneFile(pub Arc<Video>);

impl FrameSource for OneFile {
    fn fetch(&self, _video: VideoId, instants: Vec<Timestamp>, deliver: Deliver) {
        let file = Arc::clone(&self.0);
        std::thread::spawn(move || match frames_at(&file, &instants) {
            Ok(frames) => deliver(Some(frames)),
            Err(error) => tracing::warn!(%error, "no frames for a closer look"),
        });
    }
}

/// The files that the server has.
pub struct ServerFiles {
    ingest: Weak<Shared>,
    runtime: Handle,
}

impl std::fmt::Debug for ServerFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerFiles").finish_non_exhaustive()
    }
}

impl Ingest {
    /// What decodes frames of the files that the server has. Must be called in a tokio runtime.
    pub fn source(&self) -> ServerFiles {
        // Weak: these ingests have the engine that has this.
        ServerFiles { ingest: Arc::downgrade(&self.shared), runtime: Handle::current() }
    }

    async fn frames_at(&self, video: &VideoId, instants: Vec<Timestamp>) -> Result<Option<Vec<FrameIn>>> {
        let Some(path) = self.file_of(video).await? else { return Ok(None) };
        // A file that is being decoded as a whole has all cores already.
        let _turn = self.shared.turn.acquire().await.map_err(|_| crate::Error::Stopped)?;
        self.blocking(move |_| frames_at(&ffmpeg::probe(&path)?, &instants).map(Some)).await
    }
}

impl FrameSource for ServerFiles {
    fn fetch(&self, video: VideoId, instants: Vec<Timestamp>, deliver: Deliver) {
        let Some(shared) = self.ingest.upgrade() else { return };
        let ingest = Ingest { shared };
        self.runtime.spawn(async move {
            match ingest.frames_at(&video, instants).await {
                // Keeping them blocks.
                Ok(frames) => drop(tokio::task::spawn_blocking(move || deliver(frames))),
                Err(error) => tracing::warn!(%video, %error, "no frames for a closer look"),
            }
        });
    }
}

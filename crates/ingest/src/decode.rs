//! A file's planned frames, decoded by FFmpeg, into the engine: the same plan, instants and frames as in the page. The command
//! line and the server take this one way.

use std::collections::HashSet;

use engine::Engine;
use timeline::{NewVideo, SamplingPlan, Timestamp, VideoId};
use tokio_util::sync::CancellationToken;

use crate::closer::frames_at;
use crate::error::{Error, Result};
use crate::ffmpeg::{self, Sides, Video};

/// Frames handed to the engine at once: encoding begins while FFmpeg still decodes.
const BATCH: usize = 16;

/// The frames of the plan, as indices into the video's.
fn picked(engine: &Engine, video: &Video) -> Vec<usize> {
    let times: Vec<_> = video.frames.iter().map(|frame| frame.at).collect();
    SamplingPlan::uniform(video.duration, engine.model().plan).pick(&times)
}

/// Makes room in the library.
///
/// # Errors
/// When the picture's shape cannot be shown to the model, or the library refuses.
pub async fn create(engine: &Engine, video: &Video, title: String) -> Result<VideoId> {
    let about = NewVideo {
        title,
        file_bytes: video.bytes,
        duration: video.duration,
        width: video.size.width,
        height: video.size.height,
        codec: video.codec.clone(),
        planned_frames: u32::try_from(picked(engine, video).len()).unwrap_or(u32::MAX),
    };
    Ok(engine.create_video(about).await?)
}

/// Decodes the planned frames but those in `there`, which an earlier run brought, and says that no more will come. Where shots
/// begin, and what comes and goes between planned frames, is told on the side, as FFmpeg sees it; the former unless [`find_cuts`](crate::find_cuts) is going to.
///
/// # Errors
/// When no frame can be decoded, the library refuses, or it is stopped; what was decoded before stays.
pub async fn fill(
    engine: &Engine,
    id: &VideoId,
    video: &Video,
    there: &HashSet<Timestamp>,
    tells_cuts: bool,
    stop: &CancellationToken,
) -> Result<()> {
    let planned = picked(engine, video);
    let missing = |&index: &usize| video.frames.get(index).is_some_and(|frame| !there.contains(&frame.at));
    let wanted: Vec<_> = planned.iter().copied().filter(missing).collect();
    if !wanted.is_empty() {
        let mut extraction = ffmpeg::extract(video, &wanted, Sides { cuts: tells_cuts, between: &planned })?;
        loop {
            let step = tokio::task::spawn_blocking(move || {
                let frames = extraction.next(BATCH);
                let no_more = frames.as_ref().map_or(true, Vec::is_empty);
                (frames, extraction.cuts(no_more), extraction.flashes(no_more), extraction)
            });
            // The runtime is shutting down.
            let (frames, cuts, flashes, rest) = step.await.map_err(|_| Error::Stopped)?;
            extraction = rest;
            let frames = frames?;
            for cuts in cuts.chunks(BATCH) {
                engine.append_cuts(id, cuts.to_vec()).await?;
            }
            for flashes in flashes.chunks(BATCH) {
                engine.append_flashes(id, flashes.to_vec()).await?;
            }
            if stop.is_cancelled() {
                return Err(Error::Stopped);
            }
            if frames.is_empty() {
                break;
            }
            engine.append_frames(id, frames).await?;
        }
    }
    look_between(engine, id, video, stop).await?;
    Ok(engine.finish_video(id).await?)
}

/// Decodes a frame of everything that came and went between two frames of the plan. A file that gives none is as good as before.
async fn look_between(engine: &Engine, id: &VideoId, video: &Video, stop: &CancellationToken) -> Result<()> {
    let unseen = engine.unseen(id).await?;
    for moments in unseen.chunks(BATCH) {
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        let (video, moments) = (video.clone(), moments.to_vec());
        let decoding = tokio::task::spawn_blocking(move || frames_at(&video, &moments));
        match decoding.await.map_err(|_| Error::Stopped)? {
            Ok(frames) => drop(engine.append_between(id, frames).await?),
            Err(error) => tracing::warn!(video = %id, %error, "what came and went could not be looked at"),
        }
    }
    Ok(())
}

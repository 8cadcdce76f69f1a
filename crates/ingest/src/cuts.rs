//! Where the shots of a file begin, found by a shot model: FFmpeg decodes every frame in small, once more and behind the planned
//! frames, so that nobody waits for it.

use std::sync::Arc;

use engine::Engine;
use shots::{FRAME_BYTES, HEIGHT, ShotFinder, TransNet, WIDTH};
use timeline::resize::Size;
use timeline::{Timestamp, VideoId};
use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::ffmpeg::{self, Strip, Video};

/// Of a frame as the model looks at it.
const SIZE: Size = Size { height: HEIGHT as u32, width: WIDTH as u32 };

/// Looks at all frames of a video and hands the first ones of shots to the engine as they are found.
///
/// # Errors
/// When FFmpeg cannot be started, the model fails, the library refuses, or it is stopped; what was found before stays.
pub async fn find_cuts(
    engine: &Engine,
    id: &VideoId,
    video: &Video,
    network: &Arc<TransNet>,
    stop: &CancellationToken,
) -> Result<()> {
    let (strip, network) = (ffmpeg::strip(video, SIZE)?, Arc::clone(network));
    let (sender, mut found) = channel(1);
    let looking = tokio::task::spawn_blocking(move || look(strip, &network, &sender));
    while let Some(cuts) = tokio::select! {
        cuts = found.recv() => cuts,
        () = stop.cancelled() => return Err(Error::Stopped),
    } {
        engine.append_cuts(id, cuts).await?;
    }
    // An error means that the runtime is shutting down.
    looking.await.map_err(|_| Error::Stopped)?
}

/// Looks until the end, or until nobody listens any more. A window holds fewer cuts than the engine takes at once.
fn look(mut strip: Strip, network: &TransNet, sender: &Sender<Vec<Timestamp>>) -> Result<()> {
    let (mut finder, mut times, mut frame) = (ShotFinder::new(network), Vec::new(), [0; FRAME_BYTES]);
    let tell = |times: &[Timestamp], places: Vec<usize>| {
        let cuts: Vec<_> = places.into_iter().filter_map(|place| times.get(place).copied()).collect();
        if !cuts.is_empty() {
            // Checked before the next frame.
            let _gone = sender.blocking_send(cuts);
        }
    };
    while let Some(at) = strip.next(&mut frame) {
        if sender.is_closed() {
            return Err(Error::Stopped);
        }
        times.push(at);
        tell(&times, finder.see(&frame)?);
    }
    tell(&times, finder.finish()?);
    Ok(())
}

//! Frames that come with a question instead of being in the library: a video for as long as somebody may ask about the
//! same frames again. The latest few are kept, so that a further question costs its own tokens; all go with the run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::Role;
use timeline::{FrameIn, NewVideo, Timestamp, VideoId};

use crate::Engine;
use crate::arrival::{finish, keep};
use crate::error::{Error, Result};
use crate::images::MAX_BATCH_FRAMES;
use crate::videos::delete;
use crate::worker::Shared;

/// Guests kept when nobody asks them anything.
const KEPT: usize = 16;
/// How far apart the moments of a frame are that is said twice.
const SAID_TWICE: Timestamp = Timestamp::from_micros(1);
/// How long a single frame lasts.
const ALONE: Timestamp = Timestamp::from_millis(1_000);

/// Frames that can be asked about. They are kept at least as long as this value.
#[derive(Debug, Clone)]
pub struct Guest {
    video: Arc<VideoId>,
}

impl Guest {
    /// The video that [`Engine::ask`] takes.
    pub fn video(&self) -> &VideoId {
        &self.video
    }
}

/// The guests there are, by the hash of their frames.
#[derive(Default)]
pub(crate) struct Guests {
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    clock: u64,
    known: HashMap<blake3::Hash, (u64, Guest)>,
}

impl Engine {
    /// Takes frames that are not to be in the library. The same frames again are the same guest.
    ///
    /// # Errors
    /// When there is no frame, one of them is no picture, there are too many, or the disk refuses.
    pub async fn receive(&self, frames: Vec<FrameIn>) -> Result<Guest> {
        self.blocking(move |shared| receive(shared, &frames)).await
    }
}

fn receive(shared: &Shared, frames: &[FrameIn]) -> Result<Guest> {
    let key = hash(frames);
    if let Some(guest) = shared.guests.lock().find(key) {
        return Ok(guest);
    }
    let (planned, between) = apart(frames);
    let video = shared.library.create_guest(&about(&planned)?)?;
    let filled =
        fill(shared, &video, &planned, Role::Plan).and_then(|()| fill(shared, &video, &between, Role::Between));
    if let Err(error) = filled.and_then(|()| finish(shared, &video)) {
        leave(shared, &video);
        return Err(error);
    }
    let (guest, gone) = shared.guests.lock().add(key, video);
    gone.iter().for_each(|video| leave(shared, video));
    Ok(guest)
}

fn fill(shared: &Shared, video: &VideoId, frames: &[FrameIn], role: Role) -> Result<()> {
    for batch in frames.chunks(MAX_BATCH_FRAMES as usize) {
        keep(shared, video, batch, |_| role)?;
    }
    Ok(())
}

/// Frames that pair up, and those that are said twice, a microsecond apart: each of these is a segment by itself. The last frame of an odd
/// number is that anyway.
fn apart(frames: &[FrameIn]) -> (Vec<FrameIn>, Vec<FrameIn>) {
    let mut sorted = frames.to_vec();
    sorted.sort_by_key(|frame| frame.pts);
    let last = sorted.last().map(|frame| frame.pts);
    let (mut planned, mut between) = (Vec::new(), Vec::new());
    let mut rest = sorted.into_iter().peekable();
    while let Some(frame) = rest.next() {
        let is_again = |next: &FrameIn| next.pts - frame.pts <= SAID_TWICE && next.bytes == frame.bytes;
        match rest.next_if(is_again) {
            Some(again) if Some(again.pts) != last => between.push(frame),
            _ => planned.push(frame),
        }
    }
    (planned, between)
}

fn leave(shared: &Shared, video: &VideoId) {
    if let Err(error) = delete(shared, video) {
        tracing::warn!(%video, %error, "the frames of a request could not be removed; the next start removes them");
    }
}

fn hash(frames: &[FrameIn]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for frame in frames {
        hasher.update(&frame.pts.micros().to_le_bytes()).update(&(frame.bytes.len() as u64).to_le_bytes());
        hasher.update(&frame.bytes);
    }
    hasher.finalize()
}

/// A video of these frames. It lasts until the last of them would be followed by another.
fn about(frames: &[FrameIn]) -> Result<NewVideo> {
    let mut times: Vec<_> = frames.iter().map(|frame| frame.pts).collect();
    times.sort_unstable();
    let Some(&last) = times.last() else { return Err(Error::BadVideo("there are no frames".to_owned())) };
    let step = times.iter().rev().nth(1).map_or(ALONE, |&before| last - before);
    Ok(NewVideo {
        title: "frames of a request".to_owned(),
        file_bytes: frames.iter().map(|frame| frame.bytes.len() as u64).sum(),
        duration: last + step,
        // The size of the frames is the size of the video.
        width: 0,
        height: 0,
        codec: String::new(),
        planned_frames: u32::try_from(frames.len()).unwrap_or(u32::MAX),
    })
}

impl Guests {
    /// The map is whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    fn find(&mut self, key: blake3::Hash) -> Option<Guest> {
        self.clock += 1;
        let (used, guest) = self.known.get_mut(&key)?;
        *used = self.clock;
        Some(guest.clone())
    }

    /// Takes a guest in; returns it, or the one that came with the same frames meanwhile, and who has to go.
    fn add(&mut self, key: blake3::Hash, video: VideoId) -> (Guest, Vec<VideoId>) {
        if let Some(guest) = self.find(key) {
            return (guest, vec![video]);
        }
        let guest = Guest { video: Arc::new(video) };
        self.known.insert(key, (self.clock, guest.clone()));
        let mut gone = Vec::new();
        while self.known.len() > KEPT {
            // Whoever is being asked stays, even if that makes one more for a while.
            let idle = self.known.iter().filter(|(_, (_, guest))| Arc::strong_count(&guest.video) == 1);
            let Some(key) = idle.min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key) else { break };
            gone.extend(self.known.remove(&key).map(|(_, guest)| guest.video.as_ref().clone()));
        }
        (guest, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_whoever_is_being_asked_is_never_sent_away() {
        let mut present = Present::default();
        let key = |n: usize| blake3::hash(&n.to_le_bytes());
        let video = |n: usize| VideoId(n.to_string());
        let (asked, _) = present.add(key(0), video(0));
        for n in 1..KEPT {
            assert!(present.add(key(n), video(n)).1.is_empty());
        }
        assert_eq!(present.find(key(1)).unwrap().video(), &video(1));
        assert_eq!(present.add(key(100), video(100)).1, [video(2)]);
        drop(asked);
        assert_eq!(present.add(key(101), video(101)).1, [video(0)]);
        // The same frames twice at once: the second to arrive is the first.
        let (guest, gone) = present.add(key(101), video(102));
        assert_eq!((guest.video(), gone), (&video(101), vec![video(102)]));
    }

    #[test]
    fn a_frame_said_twice_is_between_the_others_unless_it_is_the_last() {
        let frame = |micros: i64, byte: u8| FrameIn { pts: Timestamp::from_micros(micros), bytes: vec![byte; 3] };
        let all = [
            frame(0, 0),
            frame(500_000, 1),
            frame(700_000, 9),
            frame(700_001, 9),
            frame(1_000_000, 2),
            frame(1_000_001, 2),
        ];
        let times = |frames: &[FrameIn]| frames.iter().map(|frame| frame.pts.micros()).collect::<Vec<_>>();
        let (planned, between) = apart(&all);
        assert_eq!((times(&planned), times(&between)), (vec![0, 500_000, 1_000_000], vec![700_000]));
        // As near, but another picture.
        assert_eq!(apart(&[frame(0, 0), frame(1, 1), frame(2, 2)]).0.len(), 3);
    }

    #[test]
    fn a_video_of_frames_lasts_one_step_beyond_the_last() {
        let at = |ms| FrameIn { pts: Timestamp::from_millis(ms), bytes: vec![0; 3] };
        let video = about(&[at(500), at(0), at(1_000)]).unwrap();
        assert_eq!((video.duration, video.planned_frames, video.file_bytes), (Timestamp::from_millis(1_500), 3, 9));
        assert_eq!(about(&[at(7_000)]).unwrap().duration, Timestamp::from_millis(8_000));
        assert_eq!(about(&[]).unwrap_err().code(), "bad_video");
    }
}

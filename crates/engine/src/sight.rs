//! Where it looks like what is asked for: frames as directions, where an encoder of pictures and sentences is at hand. Frames are
//! encoded in the background, on a thread of their own, a few a turn, and kept; questions use what is there.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ::sight::{Encoder, nearness};
use image::RgbImage;
use qwen3_vl::RgbFrame;
use store::{FrameRow, Role};
use timeline::{Timestamp, VideoId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::images;
use crate::worker::{Shared, survive};

/// Frames encoded in one turn: enough to be worth a transaction, few enough to stop soon.
const TOGETHER: usize = 16;
/// Frames nearer to each other are not told apart by what they show …
const APART: Timestamp = Timestamp::from_millis(1_000);
/// … and no video has more of them: 4 to 12 MB of directions.
const MOST_FRAMES: i64 = 4_096;
/// Places that a question is led to, and how far they are from each other.
const PLACES: usize = 12;
const PLACES_APART: Timestamp = Timestamp::from_millis(20_000);
/// How long a question under way is given way to before it is looked again.
const GIVE_WAY: Duration = Duration::from_millis(100);

/// Turns pictures and sentences into directions of length one.
pub(crate) trait Eye: Send + Sync {
    fn fingerprint(&self) -> &str;
    fn sentence(&self, text: &str) -> Result<Vec<f32>>;
    fn pictures(&self, pictures: &[RgbFrame]) -> Result<Vec<Vec<f32>>>;
}

impl Eye for Encoder {
    fn fingerprint(&self) -> &str {
        self.fingerprint()
    }

    fn sentence(&self, text: &str) -> Result<Vec<f32>> {
        Ok(self.sentence(text)?)
    }

    fn pictures(&self, pictures: &[RgbFrame]) -> Result<Vec<Vec<f32>>> {
        let picture = |frame: &RgbFrame| RgbImage::from_raw(frame.width(), frame.height(), frame.data().to_vec());
        let pictures: Vec<_> = pictures.iter().filter_map(picture).collect();
        Ok(self.pictures(&pictures.iter().collect::<Vec<_>>())?)
    }
}

/// Videos that may have frames to encode.
#[derive(Default)]
struct Queue {
    videos: VecDeque<VideoId>,
    /// The one that is being looked at.
    now: Option<VideoId>,
    closed: bool,
}

/// An encoder, and what it has to do.
pub(crate) struct Sight {
    eye: Box<dyn Eye>,
    queue: Mutex<Queue>,
    news: Condvar,
}

impl Sight {
    /// Opens a CLIP model; it takes half of the threads.
    pub(crate) fn open(folder: &Path, threads: usize) -> Result<Self> {
        Ok(Self::new(Box::new(Encoder::open(folder, threads.div_ceil(2))?)))
    }

    pub(crate) fn new(eye: Box<dyn Eye>) -> Self {
        Self { eye, queue: Mutex::default(), news: Condvar::new() }
    }

    /// Frames of a video may have come.
    pub(crate) fn look_at(&self, video: &VideoId) {
        let mut queue = self.queue();
        if !queue.videos.contains(video) {
            queue.videos.push_back(video.clone());
        }
        self.news.notify_all();
    }

    /// Nothing more is encoded.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.news.notify_all();
    }

    /// Waits until no frame of a video is left to encode.
    fn wait_for(&self, video: &VideoId) {
        let is_left =
            |queue: &mut Queue| !queue.closed && (queue.videos.contains(video) || queue.now.as_ref() == Some(video));
        drop(self.news.wait_while(self.queue(), is_left));
    }

    /// Encodes what comes until it is closed.
    pub(crate) fn run(&self, shared: &Shared) {
        while let Some(video) = self.next(shared) {
            let done = survive("looking at frames", || self.encode_some(shared, &video));
            match done {
                Ok(true) => self.look_at(&video),
                Ok(false) => {}
                Err(error) if error.code() == "unknown_video" => {}
                Err(error) => tracing::warn!(%video, %error, "what its frames look like was not noted"),
            }
            // After it may have been queued again: who waits for it sees no gap.
            self.queue().now = None;
            self.news.notify_all();
        }
    }

    /// The next video; while somebody waits for an answer there is none.
    fn next(&self, shared: &Shared) -> Option<VideoId> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            let is_asked = Arc::strong_count(&shared.asked) > 1;
            if !is_asked && let Some(video) = queue.videos.pop_front() {
                queue.now = Some(video.clone());
                return Some(video);
            }
            queue = if is_asked {
                self.news.wait_timeout(queue, GIVE_WAY).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.news.wait(queue).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Encodes the next few frames of a video; says whether there may be more.
    fn encode_some(&self, shared: &Shared, video: &VideoId) -> Result<bool> {
        let duration = shared.library.video(video)?.video.duration;
        let known = shared.library.directed(video, self.eye.fingerprint())?;
        let apart = APART.max(Timestamp::from_micros(duration.micros() / MOST_FRAMES));
        let mut wanted = wanting(shared.library.frames(video)?, &known, apart);
        let is_more = wanted.len() > TOGETHER;
        wanted.truncate(TOGETHER);
        if wanted.is_empty() {
            return Ok(false);
        }
        let picture = |frame: &FrameRow| images::decode(frame.pts, &shared.library.blob(&frame.blob)?);
        let pictures = wanted.iter().map(picture).collect::<Result<Vec<_>>>()?;
        let times = wanted.iter().map(|frame| frame.pts);
        let directions: Vec<_> = times.zip(self.eye.pictures(&pictures)?).collect();
        shared.library.save_directions(video, self.eye.fingerprint(), &directions)?;
        Ok(is_more)
    }

    /// The moments of a video that look most like what a text says, ascending.
    fn alike(&self, shared: &Shared, video: &VideoId, text: &str) -> Result<Vec<Timestamp>> {
        let directions = shared.library.directions(video, self.eye.fingerprint())?;
        if directions.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = self.eye.sentence(text)?;
        let near = directions.iter().map(|(pts, direction)| (nearness(direction, &wanted), *pts)).collect();
        Ok(best(near))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to encode what comes, on a thread of its own.
///
/// # Errors
/// When there is no thread.
pub(crate) fn begin(shared: &Arc<Shared>) -> Result<JoinHandle<()>> {
    let on_thread = Arc::clone(shared);
    let run = move || on_thread.sight.iter().for_each(|sight| sight.run(&on_thread));
    let begun = std::thread::Builder::new().name("timepin-sight".to_owned()).spawn(run);
    begun.map_err(|e| Error::Internal(format!("no thread to look at frames: {e}")))
}

impl Engine {
    /// Waits until what the frames of a video look like is noted; not at all without an encoder of pictures.
    ///
    /// # Errors
    /// When the engine shuts down.
    pub async fn seen(&self, id: &VideoId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.sight.iter().for_each(|sight| sight.wait_for(&id));
            Ok(())
        })
        .await
    }
}

impl Shared {
    /// Tells that frames of a video came.
    pub(crate) fn look_at(&self, video: &VideoId) {
        if let Some(sight) = &self.sight {
            sight.look_at(video);
        }
    }

    /// Moments that look like what a question asks for, ascending; none without an encoder.
    pub(crate) fn alike(&self, video: &VideoId, text: &str) -> Vec<Timestamp> {
        let found = self.sight.as_ref().map(|sight| sight.alike(self, video, text)).transpose();
        // The question is answered all the same.
        found
            .inspect_err(|error| tracing::warn!(%error, "frames could not be compared"))
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

/// Frames of the plan that are to be encoded, no two of them and of those that are `known` nearer than `apart`; and whatever came and
/// went between them. frames: ascending.
fn wanting(mut frames: Vec<FrameRow>, known: &[Timestamp], apart: Timestamp) -> Vec<FrameRow> {
    let known: BTreeSet<_> = known.iter().copied().collect();
    let is_near = |at: Timestamp| {
        let before = known.range(..=at).next_back().is_some_and(|known| at - *known < apart);
        before || known.range(at..).next().is_some_and(|known| *known - at < apart)
    };
    let mut last: Option<Timestamp> = None;
    frames.retain(|frame| match frame.role {
        Role::Overview => false,
        Role::Between => !known.contains(&frame.pts),
        Role::Plan | Role::Both => {
            let is_next = !is_near(frame.pts) && last.is_none_or(|last| frame.pts - last >= apart);
            last = if is_next { Some(frame.pts) } else { last };
            is_next
        }
    });
    frames
}

/// The nearest moments that are no neighbours, ascending: those that are nearer than halfway from all to the nearest, for how near
/// what belongs together is depends on the model and the sentence.
fn best(mut near: Vec<(f32, Timestamp)>) -> Vec<Timestamp> {
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mean = near.iter().map(|(nearness, _)| nearness).sum::<f32>() / near.len().max(1) as f32;
    let least = near.first().map_or(0.0, |(nearest, _)| (nearest + mean) / 2.0);
    near.retain(|(nearness, _)| *nearness >= least);
    let mut chosen: Vec<Timestamp> = Vec::new();
    for (_, at) in near {
        let is_apart = |other: &Timestamp| (at - *other).max(*other - at) >= PLACES_APART;
        if chosen.len() < PLACES && chosen.iter().all(is_apart) {
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use store::BlobId;

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn frames(of: impl IntoIterator<Item = (f64, Role)>) -> Vec<FrameRow> {
        let row = |(pts, role)| FrameRow { pts: at(pts), role, blob: BlobId::of(b""), width: 1, height: 1 };
        of.into_iter().map(row).collect()
    }

    #[test]
    fn one_frame_a_second_is_wanted_and_all_that_came_and_went() {
        let plan = |range: std::ops::Range<i32>| range.map(|i| (0.5 * f64::from(i), Role::Plan));
        let times = |frames: Vec<FrameRow>| frames.iter().map(|frame| frame.pts.seconds()).collect::<Vec<_>>();
        let wanted = |frames, known: &[f64]| {
            let known: Vec<_> = known.iter().copied().map(at).collect();
            times(wanting(frames, &known, at(1.0)))
        };
        assert_eq!(wanted(frames(plan(0..7)), &[]), [0.0, 1.0, 2.0, 3.0]);
        // More came; what is known counts from either side.
        assert_eq!(wanted(frames(plan(0..11)), &[0.0, 1.0, 2.0, 3.0]), [4.0, 5.0]);
        assert_eq!(wanted(frames(plan(0..6)), &[1.5]), [0.0, 2.5]);
        let mixed = [(0.0, Role::Both), (0.2, Role::Between), (0.3, Role::Overview), (0.4, Role::Between)];
        assert_eq!(wanted(frames(mixed), &[0.4]), [0.2]);
        assert_eq!(wanted(frames(mixed), &[]), [0.0, 0.2, 0.4]);
    }

    #[test]
    fn places_are_the_nearest_that_are_no_neighbours() {
        let near = vec![(0.3, at(100.0)), (0.29, at(101.0)), (0.1, at(300.0)), (0.28, at(10.0)), (0.1, at(200.0))];
        assert_eq!(best(near), [at(10.0), at(100.0)]);
        let many = (0..80).map(|i| (1.0 - i as f32 / 100.0, at(30.0 * f64::from(i)))).collect();
        assert_eq!(best(many), (0..12).map(|i| at(30.0 * f64::from(i))).collect::<Vec<_>>());
        assert!(best(Vec::new()).is_empty());
    }
}

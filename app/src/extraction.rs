//! The seam between the page and whatever reads frames out of a file: the page says what it wants and hears events;
//! `frontend` implements it with a Worker, tests may implement it with anything.

mod sound;

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use leptos::prelude::{provide_context, use_context};
use send_wrapper::SendWrapper;
use serde::{Deserialize, Serialize};
use timeline::cues::embedded::Track;
use timeline::plan::PlanRequest;
use timeline::{FrameIn, Glimpse, Span, Timestamp, VideoId};

pub use sound::{Piece, SoundEvent, SoundHandle};

/// What to extract.
pub struct ExtractRequest {
    /// The video the frames are for.
    pub video: VideoId,
    /// The local file.
    pub file: web_sys::File,
    /// How many frames, how dense.
    pub plan_request: PlanRequest,
    /// What the server already has: a resumed run leaves it out.
    pub there: There,
}

/// What the server already has of a video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct There {
    /// Frames of the plan, ascending.
    pub frames: Vec<Timestamp>,
    /// The overview of what lies behind them, ascending.
    pub overview: Vec<Glimpse>,
}

/// Reads frames and their timestamps out of local files.
pub trait Extractor {
    /// Reads the index of a file: cheap, no frame is decoded.
    fn probe(&self, file: web_sys::File) -> LocalBoxFuture<'static, Result<Probe, ExtractError>>;

    /// Starts decoding. Events come on the page's own thread; after `Finished` or `Failed` there are none.
    fn start(&self, request: ExtractRequest, on_event: Rc<dyn Fn(ExtractEvent)>) -> Box<dyn ExtractHandle>;

    /// The frames of a file that a player shows at some instants (ascending), beside whatever else is read of it.
    fn frames_at(
        &self,
        file: web_sys::File,
        instants: Vec<Timestamp>,
    ) -> LocalBoxFuture<'static, Result<Vec<FrameIn>, ExtractError>>;

    /// Starts reading the sound of a file from sample `from` on, at most a piece beyond `until`, beside whatever else is read of it.
    fn listen(
        &self,
        file: web_sys::File,
        from: u64,
        until: u64,
        on_event: Rc<dyn Fn(SoundEvent)>,
    ) -> Box<dyn SoundHandle>;
}

/// A run under way. Dropping it cancels nothing; say so with [`cancel`](Self::cancel).
pub trait ExtractHandle {
    /// Stops decoding; the run ends with `Failed(Cancelled)`.
    fn cancel(&self);

    /// The batch is durable on the server. At most three batches are under way unacknowledged, so a slow server slows
    /// decoding instead of filling memory.
    fn acknowledge(&self, seq: u32);
}

/// What a run reports.
#[derive(Debug, Clone, PartialEq)]
pub enum ExtractEvent {
    /// The plan is made.
    Planned {
        /// Frames in all, skipped ones included.
        frames: u32,
    },
    /// Frames to send; to be acknowledged.
    Batch {
        /// Counts from zero.
        seq: u32,
        /// Ascending by timestamp.
        frames: Vec<FrameIn>,
    },
    /// Key frames of the whole video to send, before the frames of the plan; to be acknowledged.
    Overview {
        /// Counted with the batches.
        seq: u32,
        /// Ascending by timestamp.
        frames: Vec<FrameIn>,
        /// Those that the plan wants too: they will come in no batch.
        planned: Vec<Timestamp>,
    },
    /// First frames of shots to send, before the frames they lie among.
    Cuts {
        /// Ascending.
        cuts: Vec<Timestamp>,
    },
    /// Where the picture was another for a moment.
    Flashes {
        /// Ascending.
        flashes: Vec<Span>,
    },
    /// How far the run has come.
    Progress {
        /// Frames done, skipped ones included.
        done: u32,
        /// Frames in all.
        total: u32,
        /// The video is covered up to here.
        covered: Timestamp,
        /// Frames decoded and encoded a second.
        fps: f64,
    },
    /// A subtitle track of the file, read while frames are decoded.
    Track(Result<Track, TrackRefused>),
    /// All batches were handed over.
    Finished {
        /// Frames in all.
        frames: u32,
    },
    /// The run ended early.
    Failed(ExtractError),
}

/// A subtitle track that cannot be read: images, protected, damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRefused {
    /// The file's own number for it.
    pub number: u32,
    /// Why, and what to do.
    pub message: String,
}

/// What the index of a file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Length of the presentation.
    pub duration: Timestamp,
    /// Shown width in pixels (rotation and pixel aspect applied).
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Clockwise turn to show it upright: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Codec string as the container gives it.
    pub codec: String,
    /// Frames in the track.
    pub frames: u32,
    /// What is missing or damaged in a file that is read all the same: a sentence each, for the curious.
    pub warnings: Vec<String>,
}

/// Why a file gives no frames. The page has its own words for each, in every language (`i18n`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ExtractError {
    /// Neither a container we read nor one we recognise.
    #[error("not a video")]
    NotAVideo,
    /// Zero bytes.
    #[error("the file is empty")]
    Empty,
    /// The index is missing or the samples end before it says.
    #[error("the file is cut short")]
    Truncated,
    /// Sound only.
    #[error("the file has no video track")]
    NoVideoTrack,
    /// A track without length.
    #[error("the video has no length")]
    ZeroDuration,
    /// Recognised, not read.
    #[error("{name} files are not read")]
    UnsupportedContainer {
        /// Its name, as people know it.
        name: String,
    },
    /// The browser has no decoder.
    #[error("this browser cannot decode {codec} in {container}")]
    UnsupportedCodec {
        /// Its name and codec string.
        codec: String,
        /// The container's name.
        container: String,
    },
    /// A file without sound.
    #[error("the file has no sound")]
    NoSoundTrack,
    /// The browser does not decode its sound, or the container's sound is not read.
    #[error("the sound cannot be read in this browser: {what}")]
    UnsupportedSound {
        /// Codec and container.
        what: String,
    },
    /// A picture the model cannot be shown.
    #[error("the picture is too small or too thin ({width}×{height})")]
    BadShape {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The index contradicts itself.
    #[error("the file is damaged: {message}")]
    Damaged {
        /// For the curious.
        message: String,
    },
    /// The decoder gave up.
    #[error("decoding failed: {message}")]
    Decode {
        /// For the curious.
        message: String,
    },
    /// The file could not be read (moved, deleted, permission lost).
    #[error("reading failed: {message}")]
    Read {
        /// For the curious.
        message: String,
    },
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The browser has no WebCodecs.
    #[error("this browser has no WebCodecs")]
    NoWebCodecs,
    /// The Worker could not start or died.
    #[error("the extraction worker failed: {message}")]
    Worker {
        /// For the curious.
        message: String,
    },
}

/// The extractor in the page's context. Wrapped because contexts must be `Send`; it is touched on the page's thread only.
#[derive(Clone)]
struct ExtractorContext(SendWrapper<Rc<dyn Extractor>>);

/// Gives the page its extractor; call it before the app is mounted or hydrated, in the same reactive owner.
pub fn provide_extractor(extractor: Rc<dyn Extractor>) {
    provide_context(ExtractorContext(SendWrapper::new(extractor)));
}

/// The extractor, when there is one (there is none on the server).
pub fn use_extractor() -> Option<Rc<dyn Extractor>> {
    use_context::<ExtractorContext>().map(|context| (*context.0).clone())
}

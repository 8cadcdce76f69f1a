//! What page and Worker say to each other: JSON for the words, transferred buffers for the pictures.

use app::extraction::{ExtractError, Probe, There};
use js_sys::{Array, ArrayBuffer};
use serde::{Deserialize, Serialize};
use timeline::{PlanRequest, Span, Timestamp};
use wasm_bindgen::prelude::*;

use crate::javascript::{get, object};

/// Longest side of a frame that is sent. The model's own size follows from its budget and is at most this.
pub(crate) const LONGEST_SIDE: f64 = 448.0;
/// Quality of the JPEG.
pub(crate) const QUALITY: f64 = 0.85;
/// A batch is posted when it has this many frames …
pub(crate) const BATCH_FRAMES: usize = 16;
/// … or this many bytes …
pub(crate) const BATCH_BYTES: u32 = 1 << 20;
/// … or when the page has heard nothing for this long.
pub(crate) const BATCH_MS: f64 = 500.0;
/// Batches under way: a slow server slows decoding.
pub(crate) const UNDER_WAY: u32 = 3;

/// Page to Worker. The first six come with a file and are said once in a Worker's life.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Read the index; answered by [`Reply::Probed`].
    Probe,
    /// Read the index whether or not this browser decodes the codec; answered by [`Reply::Outlined`].
    Outline,
    /// List the timestamps of all frames; answered by [`Reply::Listed`].
    List,
    /// Extract frames.
    Extract {
        /// Which.
        plan: PlanRequest,
        /// What the server has.
        there: There,
    },
    /// Extract the frames that a player shows at these instants.
    At {
        /// Ascending.
        instants: Vec<Timestamp>,
    },
    /// Read the sound.
    Listen {
        /// The first sample that the server has not.
        from: u64,
        /// From here on nobody cares, whatever a damaged file says.
        until: u64,
    },
    /// A batch is durable, or a piece of sound is with the server.
    Acknowledge {
        /// Which.
        seq: u32,
    },
    /// Stop.
    Cancel,
}

/// Worker to page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The Worker listens from now on.
    Ready,
    /// See [`Request::Probe`].
    Probed(Result<Probe, ExtractError>),
    /// See [`Request::Outline`].
    Outlined(Result<Outline, ExtractError>),
    /// See [`Request::List`].
    Listed(Result<Vec<Timestamp>, ExtractError>),
    /// The plan is made.
    Planned {
        /// Frames in all.
        frames: u32,
    },
    /// Encoded frames, each in a transferred buffer.
    Batch {
        /// Counts from zero.
        seq: u32,
        /// Ascending, one a buffer.
        pts: Vec<Timestamp>,
    },
    /// Encoded key frames of the overview, each in a transferred buffer.
    Overview {
        /// Counted with the batches.
        seq: u32,
        /// Ascending, one a buffer.
        pts: Vec<Timestamp>,
        /// Those that the plan wants too.
        planned: Vec<Timestamp>,
    },
    /// First frames of shots, before the batch they lie in.
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
        /// Frames done.
        done: u32,
        /// Frames in all.
        total: u32,
        /// Covered up to here.
        covered: Timestamp,
        /// Frames a second.
        fps: f64,
    },
    /// A subtitle track of the file; what it holds lies in the one buffer, Postcard-encoded.
    Track {
        /// The file's own number for it.
        number: u32,
        /// Why it cannot be read, and no buffer comes.
        refused: Option<String>,
    },
    /// Sound of 16 bits, one channel and 16 kHz, little-endian in the one buffer.
    Sound {
        /// Counts from zero.
        seq: u32,
        /// The number of its first sample.
        at: u64,
        /// Whether nothing follows.
        last: bool,
    },
    /// All batches were posted.
    Finished {
        /// Frames in all.
        frames: u32,
        /// What the run took.
        cost: Cost,
    },
    /// The run ended early.
    Failed(ExtractError),
    /// The Worker is no longer usable.
    Crashed {
        /// For the curious.
        message: String,
    },
}

/// A file as its index describes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outline {
    /// What is to be known before a run.
    pub(crate) probe: Probe,
    /// Times of all frames, ascending.
    pub(crate) shown: Vec<Timestamp>,
}

/// What a run took, for tests and benchmarks.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Bytes read from the file.
    pub(crate) bytes_read: u64,
    /// Samples given to the decoder.
    pub(crate) samples_fed: u32,
    /// Unwanted non-reference samples left out.
    pub(crate) samples_left_out: u32,
    /// Pictures that came out of the decoder.
    pub(crate) pictures: u32,
    /// Decoders opened; more than one after a decoder's failure.
    pub(crate) decoders: u32,
}

/// Words, and what cannot be said in words.
pub(crate) fn envelope<T: Serialize>(words: &T, file: Option<&web_sys::File>, buffers: &Array) -> JsValue {
    let words = serde_json::to_string(words).unwrap_or_default();
    let file = file.map_or(JsValue::UNDEFINED, Into::into);
    object(&[("words", &words.into()), ("file", &file), ("buffers", buffers.as_ref())]).into()
}

/// The words of an envelope; `None` for a message that is none.
pub(crate) fn words<T: for<'de> Deserialize<'de>>(envelope: &JsValue) -> Option<T> {
    let text = get(envelope, "words").as_string()?;
    serde_json::from_str(&text).ok()
}

/// The file of an envelope.
pub(crate) fn file(envelope: &JsValue) -> Option<web_sys::File> {
    get(envelope, "file").dyn_into().ok()
}

/// The buffers of an envelope.
pub(crate) fn buffers(envelope: &JsValue) -> Vec<ArrayBuffer> {
    let buffers: Array = get(envelope, "buffers").dyn_into().unwrap_or_default();
    buffers.iter().filter_map(|b| b.dyn_into().ok()).collect()
}

//! What page and Worker say to each other: JSON for the words, transferred buffers for the pictures.

use app::extraction::{ExtractError, Probe, There};
use js_sys::{Array, ArrayBuffer};
use serde::{Deserialize, Serialize};
use timeline::{PlanRequest, Timestamp};
use wasm_bindgen::prelude::*;

use crate::javascript::{get, object};

/// Page to Worker. The first three come with a file and are said once in a Worker's life.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Read the index; answered by [`Reply::Probed`].
    Probe,
    /// List the timestamps of all frames; answered by [`Reply::Listed`].
    List,
    /// Extract frames.
    Extract {
        /// Which.
        plan: PlanRequest,
        /// What the server has.
        there: There,
    },
    /// A batch is durable.
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

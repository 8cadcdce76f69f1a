//! Everything that can go wrong in the engine, as one type: a message that says what to do, a code that never changes,
//! and the HTTP status it means.

use std::path::PathBuf;

use timeline::events::TokensWanting;
use timeline::{Timestamp, VideoId};

use crate::remote::RemoteError;

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such video.
    #[error("there is no video {0}; it may have been deleted")]
    UnknownVideo(VideoId),
    /// No such question.
    #[error("there is no question {0}; it may have been deleted")]
    UnknownQuestion(i64),
    /// No such transcript of the video.
    #[error("the video has no transcript {0}; it may have been deleted")]
    UnknownTranscript(i64),
    /// No such cue of the transcript.
    #[error("the transcript has no subtitle {0}; it may have been deleted or replaced")]
    UnknownCue(i64),
    /// A file that is no transcript.
    #[error(transparent)]
    Subtitles(#[from] timeline::cues::CueError),
    /// A correction of times that makes no sense.
    #[error(transparent)]
    Retime(#[from] timeline::cues::retime::RetimeError),
    /// More transcripts than a video may have.
    #[error("the video has {limit} transcripts, the most there may be; delete one")]
    TooManyTranscripts {
        /// The most there may be.
        limit: u32,
    },
    /// More text than a subtitle keeps.
    #[error("the subtitle has {found} characters, at most {limit} are kept; shorten it")]
    CueTooLong {
        /// What it has.
        found: u32,
        /// The most there may be.
        limit: u32,
    },
    /// What was said about a video cannot be true.
    #[error("this video cannot be added: {0}")]
    BadVideo(String),
    /// The model cannot be shown pictures of this shape.
    #[error("the picture's shape cannot be shown to the model: {0}")]
    BadShape(#[from] timeline::resize::ResizeError),
    /// A frame's bytes are no picture.
    #[error("the frame at {pts} is not a picture that can be read ({reason}); send JPEG, PNG or WebP")]
    NotAnImage {
        /// Which frame.
        pts: Timestamp,
        /// What the decoder said.
        reason: String,
    },
    /// A frame has more bytes or pixels than any use can need.
    #[error("the frame at {pts} is too large ({found}); send at most {limit}")]
    FrameTooLarge {
        /// Which frame.
        pts: Timestamp,
        /// What it has.
        found: String,
        /// What it may have.
        limit: String,
    },
    /// More frames than one call or one video may have.
    #[error("{found} frames are too many; send at most {limit}")]
    TooManyFrames {
        /// How many there would be.
        found: u32,
        /// How many there may be.
        limit: u32,
    },
    /// Nothing was asked.
    #[error("the question is empty; write what you want to know")]
    EmptyQuestion,
    /// The question is longer than any question.
    #[error("the question has {bytes} bytes, at most {limit} are allowed; shorten it")]
    QuestionTooLong {
        /// Its length.
        bytes: u32,
        /// The most there may be.
        limit: u32,
    },
    /// The video has no frame yet.
    #[error("video {0} has no frames yet; wait until the first have arrived")]
    NoFrames(VideoId),
    /// The index of the video is not complete.
    #[error("the index of video {0} is not complete; wait until it is")]
    NotReady(VideoId),
    /// Even a single segment and the question do not fit.
    #[error(
        "the question and the least of the video need {needed} tokens, {} more than the {limit} there are; shorten the question, or raise max_context_length (beyond the model's own window it is read with YaRN, up to three times as far)",
        needed.saturating_sub(*limit)
    )]
    ContextExceeded {
        /// Tokens of question, answer and the smallest segment.
        needed: u32,
        /// Tokens there are.
        limit: u32,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full; free some space and try again", .0.display())]
    StorageFull(PathBuf),
    /// The library refused for another reason.
    #[error(transparent)]
    Store(store::Error),
    /// The model's files are not there.
    #[error("there is no model in {}; give --model or set `model` to a folder with config.json and safetensors, or with a text GGUF and its mmproj GGUF", .0.display())]
    ModelMissing(PathBuf),
    /// The model's files are there but cannot be used, or a computation failed.
    #[error(transparent)]
    Model(qwen3_vl::Error),
    /// The server that answers does not.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The sentence encoder.
    #[error(transparent)]
    Meaning(#[from] meaning::Error),
    /// The encoder of pictures and sentences.
    #[error(transparent)]
    Sight(#[from] ::sight::Error),
    /// The device asked for does not exist here.
    #[error("there is no device `{0}`; use auto, cpu, cuda or cuda:N (cuda needs a build with the `cuda` feature)")]
    NoDevice(String),
    /// A request to be inspected makes no sense.
    #[error("the request cannot be run: {0}; docs/inspect.md shows the form")]
    BadRequest(String),
    /// A file that was named cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The asker went away.
    #[error("the answer was stopped")]
    Cancelled,
    /// The server is on its way out.
    #[error("timepin is shutting down; ask again when it is back")]
    ShuttingDown,
    /// A part of the engine died; a restart repairs it.
    #[error("an internal part of timepin failed ({0}); restart it and report this")]
    Internal(String),
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A code for programs; it stays the same when the message is reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownVideo(_) => "unknown_video",
            Self::UnknownQuestion(_) => "unknown_question",
            Self::UnknownTranscript(_) => "unknown_transcript",
            Self::UnknownCue(_) => "unknown_cue",
            Self::Subtitles(error) => error.code(),
            Self::Retime(_) => "bad_retiming",
            Self::TooManyTranscripts { .. } => "too_many_transcripts",
            Self::CueTooLong { .. } => "cue_too_long",
            Self::BadVideo(_) | Self::BadShape(_) => "bad_video",
            Self::NotAnImage { .. } => "not_an_image",
            Self::FrameTooLarge { .. } => "frame_too_large",
            Self::TooManyFrames { .. } => "too_many_frames",
            Self::EmptyQuestion => "empty_question",
            Self::QuestionTooLong { .. } => "question_too_long",
            Self::NoFrames(_) => "no_frames",
            Self::NotReady(_) => "not_ready",
            Self::ContextExceeded { .. } => "context_exceeded",
            Self::StorageFull(_) => "storage_full",
            Self::Store(_) => "library_unreadable",
            Self::ModelMissing(_) => "model_missing",
            Self::Model(qwen3_vl::Error::OutOfMemory(_)) => "out_of_memory",
            Self::Model(qwen3_vl::Error::TooLong { .. }) => "context_exceeded",
            Self::NoDevice(_) | Self::Model(qwen3_vl::Error::NoDevice { .. }) => "no_device",
            Self::Model(_) => "model_failed",
            Self::Remote(error) => error.code(),
            Self::Meaning(_) => "text_model_failed",
            Self::Sight(_) => "image_model_failed",
            Self::BadRequest(_) => "bad_request",
            Self::File { .. } => "file_unusable",
            Self::Cancelled => "cancelled",
            Self::ShuttingDown => "shutting_down",
            Self::Internal(_) => "internal",
        }
    }

    /// With a prompt that is too long: what it needs and what there is, where that is known.
    pub fn tokens_wanting(&self) -> Option<TokensWanting> {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (needed, limit) = match *self {
            Self::ContextExceeded { needed, limit } => (needed, limit),
            Self::Model(qwen3_vl::Error::TooLong { needed, limit }) => (narrow(needed), narrow(limit)),
            Self::Remote(RemoteError::TooLong { needed: Some(needed), limit: Some(limit), .. }) => (needed, limit),
            _ => return None,
        };
        Some(TokensWanting { needed, limit })
    }

    /// Whether the device has no memory left: nothing is wrong with what was asked.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Model(qwen3_vl::Error::OutOfMemory(_)))
    }

    /// Whether the device failed, for want of memory or another reason that may pass.
    pub(crate) fn is_of_device(&self) -> bool {
        self.is_out_of_memory() || matches!(self, Self::Model(qwen3_vl::Error::Tensor(_)))
    }

    /// The HTTP status it means.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownVideo(_) | Self::UnknownQuestion(_) | Self::UnknownTranscript(_) | Self::UnknownCue(_) => 404,
            Self::NoFrames(_) | Self::NotReady(_) | Self::TooManyTranscripts { .. } => 409,
            Self::Subtitles(timeline::cues::CueError::TooLarge { .. })
            | Self::CueTooLong { .. }
            | Self::FrameTooLarge { .. }
            | Self::TooManyFrames { .. }
            | Self::QuestionTooLong { .. } => 413,
            Self::BadVideo(_)
            | Self::BadShape(_)
            | Self::Subtitles(_)
            | Self::Retime(_)
            | Self::NotAnImage { .. }
            | Self::EmptyQuestion
            | Self::BadRequest(_)
            | Self::Model(qwen3_vl::Error::TooLong { .. })
            | Self::ContextExceeded { .. } => 422,
            Self::Model(qwen3_vl::Error::OutOfMemory(_)) => 503,
            // 499 is what proxies log for a client that went away.
            Self::Cancelled => 499,
            Self::Store(_)
            | Self::ModelMissing(_)
            | Self::Model(_)
            | Self::Meaning(_)
            | Self::Sight(_)
            | Self::NoDevice(_)
            | Self::File { .. }
            | Self::Internal(_) => 500,
            Self::Remote(error) => error.status(),
            Self::ShuttingDown => 503,
            Self::StorageFull(_) => 507,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::UnknownVideo(id) => Self::UnknownVideo(id),
            store::Error::UnknownQuestion(id) => Self::UnknownQuestion(id),
            store::Error::UnknownTranscript(id) => Self::UnknownTranscript(id),
            store::Error::UnknownCue(id) => Self::UnknownCue(id),
            store::Error::NoFrames(id) => Self::NoFrames(id),
            store::Error::Full(path) => Self::StorageFull(path),
            other => Self::Store(other),
        }
    }
}

impl From<qwen3_vl::Error> for Error {
    fn from(error: qwen3_vl::Error) -> Self {
        match error {
            qwen3_vl::Error::Cancelled => Self::Cancelled,
            other => Self::Model(other),
        }
    }
}

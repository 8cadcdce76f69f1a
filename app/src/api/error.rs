//! The one error of all server functions: a code for programs, numbers where they help, a status for HTTP.
//!
//! The page never shows these messages; it has its own sentence for each code in every language (`i18n::errors`).

use leptos::prelude::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::codec::JsonEncoding;
use serde::{Deserialize, Serialize};
use timeline::events::TokensWanting;
use timeline::{HearingCause, IngestCause, PullCause};

/// Why a server function refused or failed. Codes are the engine's, so that streams and requests speak alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ApiError {
    /// No such video; it may have been deleted.
    #[error("there is no such video")]
    UnknownVideo,
    /// No such question.
    #[error("there is no such question")]
    UnknownQuestion,
    /// No such transcript; it may have been deleted.
    #[error("there is no such transcript")]
    UnknownTranscript,
    /// No such cue; it may have been deleted.
    #[error("there is no such subtitle")]
    UnknownCue,
    /// A file that is no transcript.
    #[error("{message}")]
    Subtitles {
        /// With the line at fault.
        message: String,
    },
    /// More transcripts than a video may have, more text than a subtitle keeps, or a correction that makes no sense.
    #[error("{message}")]
    Transcript {
        /// With numbers and advice.
        message: String,
    },
    /// What was said about a video cannot be true.
    #[error("this video cannot be added: {message}")]
    BadVideo {
        /// Why.
        message: String,
    },
    /// The bytes of a frame are not JPEG, WebP or PNG.
    #[error("the frame at {pts_us} µs is not an image")]
    NotAnImage {
        /// Its timestamp in microseconds.
        pts_us: i64,
    },
    /// A frame has more bytes or pixels than any use can need.
    #[error("the frame at {pts_us} µs is too large")]
    FrameTooLarge {
        /// Its timestamp in microseconds.
        pts_us: i64,
    },
    /// More frames than one call or one video may have.
    #[error("{found} frames are too many; at most {limit} are taken")]
    TooManyFrames {
        /// How many there would be.
        found: u32,
        /// How many there may be.
        limit: u32,
    },
    /// More bytes than the route takes.
    #[error("the request is too large")]
    BodyTooLarge,
    /// Nothing was asked.
    #[error("the question is empty")]
    EmptyQuestion,
    /// More text than a question may have.
    #[error("the question has {bytes} bytes; at most {limit} are taken")]
    QuestionTooLong {
        /// Its length.
        bytes: u32,
        /// The most that is taken.
        limit: u32,
    },
    /// Nothing to look at yet.
    #[error("the video has no frames yet")]
    NoFrames,
    /// The index is not complete yet.
    #[error("the index of the video is not complete")]
    NotReady,
    /// Video and question do not fit the model's context.
    #[error("the prompt needs {needed} tokens; the context holds {limit}")]
    ContextExceeded {
        /// Needed.
        needed: u32,
        /// There.
        limit: u32,
    },
    /// The library's disk is full.
    #[error("the disk is full")]
    StorageFull,
    /// The library failed.
    #[error("the library failed: {message}")]
    LibraryUnreadable {
        /// For the log and the curious.
        message: String,
    },
    /// The model failed or is not there.
    #[error("the model failed: {message}")]
    ModelFailed {
        /// For the log and the curious.
        message: String,
    },
    /// The device ran out of memory in the middle.
    #[error("the device that runs the model ran out of memory")]
    OutOfMemory,
    /// The server that runs the model is away, busy, or refuses.
    #[error("the model server failed: {message}")]
    BackendFailed {
        /// What about it and what to do.
        message: String,
    },
    /// A model cannot be pulled.
    #[error("{message}")]
    Pull {
        /// The kind of reason, with names and numbers.
        cause: PullCause,
        /// A sentence with advice.
        message: String,
    },
    /// A file does not become a video on the server.
    #[error("{message}")]
    Ingest {
        /// The kind of reason, with names and numbers.
        cause: IngestCause,
        /// A sentence with advice.
        message: String,
    },
    /// What is said in a video is not heard.
    #[error("{message}")]
    Hearing {
        /// The kind of reason.
        cause: HearingCause,
        /// A sentence with advice.
        message: String,
    },
    /// The asker went away.
    #[error("the answer was stopped")]
    Cancelled,
    /// The server is on its way out.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The request does not make sense.
    #[error("bad request: {message}")]
    BadRequest {
        /// What about it.
        message: String,
    },
    /// The server did not answer.
    #[error("the server cannot be reached: {message}")]
    Network {
        /// What the browser says.
        message: String,
    },
    /// The stream ended before its end.
    #[error("the connection broke off")]
    Interrupted,
    /// A bug.
    #[error("internal error: {message}")]
    Internal {
        /// For the log and the curious.
        message: String,
    },
}

impl ApiError {
    /// The error behind a `code` in a stream of events, where most numbers are only in the message.
    pub fn from_code(code: &str, message: String, tokens: Option<TokensWanting>) -> Self {
        if let Some(TokensWanting { needed, limit }) = tokens {
            return Self::ContextExceeded { needed, limit };
        }
        match code {
            "unknown_video" => Self::UnknownVideo,
            "unknown_question" => Self::UnknownQuestion,
            "unknown_transcript" => Self::UnknownTranscript,
            "unknown_cue" => Self::UnknownCue,
            "too_many_transcripts" | "cue_too_long" | "bad_retiming" => Self::Transcript { message },
            code if code.starts_with("subtitles_") => Self::Subtitles { message },
            "bad_video" => Self::BadVideo { message },
            "empty_question" => Self::EmptyQuestion,
            "no_frames" => Self::NoFrames,
            "not_ready" => Self::NotReady,
            "storage_full" => Self::StorageFull,
            "library_unreadable" => Self::LibraryUnreadable { message },
            "model_failed" | "model_missing" | "no_device" => Self::ModelFailed { message },
            code if code.starts_with("backend_") => Self::BackendFailed { message },
            "out_of_memory" => Self::OutOfMemory,
            "cancelled" => Self::Cancelled,
            "shutting_down" => Self::ShuttingDown,
            _ => Self::Internal { message },
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Interrupted | Self::ShuttingDown)
    }

    fn status(&self) -> u16 {
        match self {
            Self::BadRequest { .. } => 400,
            Self::UnknownVideo | Self::UnknownQuestion | Self::UnknownTranscript | Self::UnknownCue => 404,
            Self::Subtitles { .. } | Self::Transcript { .. } => 422,
            Self::NoFrames | Self::NotReady => 409,
            Self::BodyTooLarge
            | Self::FrameTooLarge { .. }
            | Self::TooManyFrames { .. }
            | Self::QuestionTooLong { .. } => 413,
            Self::Pull { cause: PullCause::BadName { .. }, .. } => 422,
            Self::Pull { .. } => 502,
            Self::Ingest { cause, .. } => ingest_status(cause),
            Self::Hearing { cause, .. } => hearing_status(*cause),
            Self::BadVideo { .. } | Self::NotAnImage { .. } | Self::EmptyQuestion | Self::ContextExceeded { .. } => 422,
            Self::Cancelled => 499,
            Self::LibraryUnreadable { .. } | Self::ModelFailed { .. } | Self::Internal { .. } => 500,
            Self::BackendFailed { .. } => 502,
            Self::OutOfMemory | Self::ShuttingDown | Self::Network { .. } | Self::Interrupted => 503,
            Self::StorageFull => 507,
        }
    }
}

fn hearing_status(cause: HearingCause) -> u16 {
    match cause {
        HearingCause::Unknown => 404,
        HearingCause::Left => 408,
        HearingCause::NoModel => 409,
        HearingCause::BadPiece => 413,
        HearingCause::NoSound => 422,
        HearingCause::TooMany => 429,
        HearingCause::Model | HearingCause::Refused => 500,
    }
}

fn ingest_status(cause: &IngestCause) -> u16 {
    match cause {
        IngestCause::BadUpload { .. } | IngestCause::BadUrl { .. } => 400,
        IngestCause::PrivateAddress { .. } => 403,
        IngestCause::Unknown | IngestCause::NoFolders | IngestCause::NoSuchFile { .. } => 404,
        IngestCause::TooLarge { .. } => 413,
        IngestCause::TooMany { .. } => 429,
        IngestCause::NotAVideo { .. }
        | IngestCause::NoPictures
        | IngestCause::Undecodable { .. }
        | IngestCause::WebPage { .. } => 422,
        IngestCause::DiskFailed { .. } | IngestCause::Refused { .. } => 500,
        IngestCause::NoFfmpeg => 501,
        IngestCause::Unreachable { .. } | IngestCause::HttpStatus { .. } | IngestCause::Cut { .. } => 502,
        IngestCause::TimedOut { .. } => 504,
        IngestCause::DiskFull { .. } => 507,
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        // axum says so in words only, whichever extractor met the limit.
        if value.to_string().contains("size limit") {
            return Self::BodyTooLarge;
        }
        match value {
            ServerFnErrorErr::Request(message) => Self::Network { message },
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => Self::BadRequest { message },
            // On the server: a body that is no argument. In the page: a proxy's error page instead of an answer.
            ServerFnErrorErr::Deserialization(message) => Self::BadRequest { message },
            other => Self::Internal { message: other.to_string() },
        }
    }

    fn status_code(&self) -> http::StatusCode {
        http::StatusCode::from_u16(self.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
    }
}

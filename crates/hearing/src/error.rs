//! Everything that can go wrong: a message that says what to do, and a cause for programs.

use timeline::HearingCause;
use timeline::hearing::MOST_WAITING;

/// Why there is no speech model.
#[derive(Debug, thiserror::Error)]
pub enum NoModel {
    /// None is set.
    #[error(
        "no speech model is set; get one with `timepin pull openai/whisper-base`, and start the server with --speech-model \
         openai/whisper-base, or put speech_model into config.yaml"
    )]
    Unset,
    /// The one that is set is not there, or not whole.
    #[error("{0}")]
    Missing(String),
}

/// Why a video is not heard.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no speech model.
    #[error(transparent)]
    NoModel(#[from] NoModel),
    /// The machine has no thread left.
    #[error("there is no thread to hear on ({0}); close other programs and begin again")]
    NoThread(std::io::Error),
    /// It cannot be loaded, or its computation failed.
    #[error(transparent)]
    Speech(#[from] speech::Error),
    /// A bug in a numeric kernel.
    #[error("the speech model failed; the server's log says more")]
    Panic,
    /// Sound cannot be decoded.
    #[error(transparent)]
    Sound(#[from] ingest::ffmpeg::Error),
    /// Too many wait.
    #[error("{MOST_WAITING} videos are waiting to be heard, the most there may be; stop one or come back later")]
    TooMany,
    /// No sound anybody could have sent.
    #[error("a piece of sound has at most {} samples of 16 bits", timeline::hearing::PIECE_SAMPLES)]
    BadPiece,
    /// The page is gone.
    #[error("no sound came for a minute; what was heard stays, begin again to hear the rest")]
    Left,
    /// Not under way.
    #[error("this video is not being heard; it was stopped, or the server started anew: begin again")]
    Unknown,
    /// Somebody stopped it.
    #[error("it was stopped")]
    Stopped,
    /// The library.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The path of the file.
    #[error(transparent)]
    Ingest(#[from] ingest::Error),
}

impl Error {
    /// The kind of reason.
    pub fn cause(&self) -> HearingCause {
        match self {
            Self::NoModel(NoModel::Unset) => HearingCause::NoModel,
            Self::NoModel(NoModel::Missing(_)) | Self::Speech(_) | Self::Panic => HearingCause::Model,
            Self::Sound(_) => HearingCause::NoSound,
            Self::TooMany => HearingCause::TooMany,
            Self::BadPiece => HearingCause::BadPiece,
            Self::Left => HearingCause::Left,
            Self::Unknown | Self::Stopped => HearingCause::Unknown,
            Self::NoThread(_) | Self::Engine(_) | Self::Ingest(_) => HearingCause::Refused,
        }
    }
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

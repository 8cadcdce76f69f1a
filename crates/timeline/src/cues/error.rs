//! Why a file is no transcript, with the line at fault and what to do.

use super::Format;

/// Why nothing could be made of a subtitle file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CueError {
    /// More bytes than any transcript needs.
    #[error("the file has {bytes} bytes, subtitles at most {limit}; is it a video?")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most there may be.
        limit: u64,
    },
    /// Not text in any encoding.
    #[error("line {line}: this is no text (it holds zero bytes); choose a subtitle file, not a video or an archive")]
    NotText {
        /// Where the first of them is.
        line: u32,
    },
    /// Text, but nothing that looks like subtitles.
    #[error(
        "line {line}: no subtitle format is recognised; SRT, WebVTT, ASS/SSA, TTML and JSON with timed text are read"
    )]
    UnknownFormat {
        /// The first line that has something in it.
        line: u32,
    },
    /// The format is clear, but no cue can be read.
    #[error("line {line}: no subtitle of this {format} file can be read ({reason})")]
    NoCues {
        /// The format.
        format: Format,
        /// The first line that would have to be another.
        line: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// More cues than are kept.
    #[error("line {line}: there are more than {limit} subtitles; split the file")]
    TooManyCues {
        /// Where the first too many stands.
        line: u32,
        /// The most there may be.
        limit: u32,
    },
}

impl CueError {
    /// Machine-readable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "subtitles_too_large",
            Self::NotText { .. } => "subtitles_not_text",
            Self::UnknownFormat { .. } => "subtitles_unknown_format",
            Self::NoCues { .. } => "subtitles_unreadable",
            Self::TooManyCues { .. } => "subtitles_too_many",
        }
    }
}

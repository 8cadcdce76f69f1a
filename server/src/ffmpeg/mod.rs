//! Frames without a browser: FFmpeg tells every frame's true time, the plan chooses, and exactly the chosen ones are decoded.
//! Sound comes the same way.

mod extract;
mod png;
mod probe;
mod sound;

pub(crate) use extract::extract;
pub(crate) use probe::{Video, probe};
pub(crate) use sound::sound;

use std::io;
use std::path::PathBuf;

/// Why a file gives no frames, or no sound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// FFmpeg is not installed.
    #[error("`{0}` was not found; install FFmpeg (on Debian: apt install ffmpeg)")]
    NotInstalled(&'static str),
    /// FFmpeg could not be run.
    #[error("`{0}` could not be run: {1}")]
    Run(&'static str, io::Error),
    /// There is no such file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// FFmpeg does not know what this is.
    #[error("{} is not a video that FFmpeg can read ({reason})", path.display())]
    NotAVideo {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        reason: String,
    },
    /// FFmpeg does not know what this is.
    #[error("{} is nothing that FFmpeg can hear ({reason})", path.display())]
    NoSound {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        reason: String,
    },
    /// Pictures only.
    #[error("{} has no sound track, so there is nothing to transcribe", .0.display())]
    NoSoundTrack(PathBuf),
    /// The sound is there but cannot be decoded.
    #[error("no sound of {} could be decoded ({reason})", path.display())]
    DecodeSound {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        reason: String,
    },
    /// Sound only.
    #[error("{} has no video track", .0.display())]
    NoVideoTrack(PathBuf),
    /// A track without a single frame.
    #[error("{} has a video track without frames", .0.display())]
    NoFrames(PathBuf),
    /// The frames exist but cannot be decoded.
    #[error("no frame of {} could be decoded ({reason})", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What FFmpeg said.
        reason: String,
    },
}

impl Error {
    fn spawn(program: &'static str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::NotInstalled(program) } else { Self::Run(program, error) }
    }
}

/// The last thing FFmpeg said, without the address of whoever said it ("[mov @ 0x55…] ").
fn last_words(stderr: &str) -> String {
    let line = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    let line = line.split_once("] ").filter(|(head, _)| head.starts_with('[')).map_or(line, |(_, rest)| rest);
    line.rsplit_once(": ").map_or(line, |(_, reason)| reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_ffmpeg_said_last() {
        let said = "[mov,mp4 @ 0x55d] moov atom not found\nclip.mp4: Invalid data found when processing input\n";
        assert_eq!(last_words(said), "Invalid data found when processing input");
        assert_eq!(last_words("[mov @ 0x1] moov atom not found\n\n"), "moov atom not found");
        assert_eq!(last_words(""), "it said nothing");
    }
}

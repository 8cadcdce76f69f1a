//! Frames without a browser: `demux` tells every frame's true time as it does in the page, FFmpeg where `demux` cannot; the plan
//! chooses, and exactly the chosen ones are decoded. Sound comes the same way.

mod extract;
mod glances;
mod png;
mod probe;
mod shots;
mod sound;
mod strip;

pub use extract::{Extraction, Sides, extract, extract_there};
pub use probe::{Frame, Naming, Video, probe};
pub use sound::{Sound, sound};
pub use strip::{Strip, strip};

use std::io;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

/// Containers and raw streams that FFmpeg may open, by its names for them. Playlists (HLS, DASH, concat, SDP …) are left out: such a
/// file names other files and addresses, which FFmpeg would go and read.
const FORMATS: &str = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,rm,dv,h264,hevc,vvc,m4v,vc1,av1,obu,ivf,yuv4mpegpipe,nut,\
     gif,apng,mjpeg,wtv,nsv,gxf,swf,bink,smk,roq,vivo,nuv,ty,pva,film_cpk,idcin,mp3,wav,flac,aac,ac3,aiff,au,amr,caf";

/// One of FFmpeg's programs, reading local files of these formats and nothing else.
fn program(name: &'static str) -> Command {
    let mut command = Command::new(name);
    command.args(["-protocol_whitelist", "file", "-format_whitelist", FORMATS]);
    command
}

/// FFmpeg at work; it ends with its owner.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Usually it has ended by itself; then both fail and nothing is left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts FFmpeg: itself, what it makes and what it says.
fn launch(command: &mut Command) -> Result<(Running, ChildStdout, ChildStderr), Error> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| Error::spawn("ffmpeg", e))?;
    match (child.stdout.take(), child.stderr.take()) {
        (Some(stdout), Some(stderr)) => Ok((Running(child), stdout, stderr)),
        _ => Err(Error::Run("ffmpeg", io::ErrorKind::BrokenPipe.into())),
    }
}

/// Why a file gives no frames, or no sound.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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

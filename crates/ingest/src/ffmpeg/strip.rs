//! Every frame of a file in small, as a shot model looks at it.

use std::io::{BufReader, Read};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};

use timeline::Timestamp;
use timeline::resize::Size;

use super::extract::Listener;
use super::probe::{Frame, Naming, Video, plain};
use super::{Error, Running, launch, program};

/// Bytes that FFmpeg may say of a frame.
const WORDS: u64 = 1 << 16;

/// Frames on their way out of FFmpeg, in presentation order.
#[derive(Debug)]
pub struct Strip {
    _running: Running,
    stdout: BufReader<ChildStdout>,
    /// Ticks of the frames in the order they come out.
    ticks: Receiver<i64>,
    naming: Naming,
    frames: Vec<Frame>,
    came: usize,
}

/// Decodes all frames of a video in this size, whatever shape they have.
///
/// # Errors
/// When FFmpeg cannot be started.
pub fn strip(video: &Video, size: Size) -> Result<Strip, Error> {
    let mut command = program("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-copyts", "-i"])
        .arg(plain(&video.path))
        .args(["-map", &format!("0:v:{}", video.track), "-an", "-sn", "-dn", "-vf"])
        .arg(format!("scale={}:{},showinfo=checksum=0", size.width, size.height))
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let (running, stdout, stderr) = launch(&mut command)?;
    let (sender, ticks) = channel();
    let (cuts, _told) = channel();
    let listener = Listener { ticks: sender, glanced: None, cuts };
    let words = WORDS.saturating_mul(1 + video.frames.len() as u64);
    let _complaints = std::thread::spawn(move || listener.listen(stderr.take(words)));
    let stdout = BufReader::with_capacity(1 << 18, stdout);
    Ok(Strip { _running: running, stdout, ticks, naming: video.naming, frames: video.frames.clone(), came: 0 })
}

impl Strip {
    /// Puts the next frame (red, green and blue of every pixel, row by row) into `pixels`, which has just its size, and gives its
    /// time; nothing at the end. Where FFmpeg dies early, what came before is good.
    pub fn next(&mut self, pixels: &mut [u8]) -> Option<Timestamp> {
        loop {
            self.stdout.read_exact(pixels).ok()?;
            let ticks = self.ticks.recv().ok()?;
            let place = self.naming.place(&self.frames, ticks, self.came);
            self.came += 1;
            // One that is not in the tables cannot be shown at a time.
            if let Some(frame) = place.and_then(|at| self.frames.get(at)) {
                return Some(frame.at);
            }
        }
    }
}

//! The sound of a file as a speech model hears it: one channel, 16 kHz, sample by sample from the start of the video's clock.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout};
use std::thread::JoinHandle;

use serde::Deserialize;
use timeline::Timestamp;

use super::probe::{Format, plain};
use super::{Error, Running, last_words, launch, program};

/// Bytes read at once: a second.
const CHUNK: usize = 32_000;

/// Sound on its way out of FFmpeg.
pub struct Sound {
    path: PathBuf,
    _running: Running,
    stdout: ChildStdout,
    complaints: Option<JoinHandle<String>>,
    /// Of the file, where it says.
    pub duration: Option<Timestamp>,
    is_given: bool,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<serde::de::IgnoredAny>,
    format: Option<Format>,
}

/// Decodes the first sound track of a file.
///
/// # Errors
/// When the file is missing, nothing FFmpeg reads, has no sound, or FFmpeg cannot be started.
pub fn sound(path: &Path) -> Result<Sound, Error> {
    std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let format = format(path)?;
    let start = format.as_ref().map(Format::start).unwrap_or_default();
    // As frames do, sound keeps the file's own times. Silence stands where the track begins late or has a hole: sample and time stay
    // together.
    let filter = format!("asetpts=PTS-{}/1000000/TB,aresample=16000:async=1:first_pts=0", start.micros());
    let mut command = program("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-copyts", "-i"])
        .arg(plain(path))
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-af", &filter])
        .args(["-ac", "1", "-f", "s16le", "-c:a", "pcm_s16le", "-"]);
    let (running, stdout, stderr) = launch(&mut command)?;
    let complaints = std::thread::spawn(move || listen(stderr));
    let duration = format.and_then(|format| format.duration());
    Ok(Sound {
        path: path.to_owned(),
        _running: running,
        stdout,
        complaints: Some(complaints),
        duration,
        is_given: false,
    })
}

impl Sound {
    /// About a second of samples in -1 … 1; none at the end.
    ///
    /// # Errors
    /// When not a single sample could be decoded.
    pub fn second(&mut self) -> Result<Vec<f32>, Error> {
        let mut bytes = Vec::with_capacity(CHUNK);
        // FFmpeg died: what came before is good.
        let _ended = self.stdout.by_ref().take(CHUNK as u64).read_to_end(&mut bytes);
        if bytes.is_empty() && !self.is_given {
            let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(Error::DecodeSound { path: self.path.clone(), reason: last_words(&said) });
        }
        self.is_given = true;
        let (pairs, _) = bytes.as_chunks::<2>();
        Ok(pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect())
    }
}

/// What the container says of itself, if the file has sound.
fn format(path: &Path) -> Result<Option<Format>, Error> {
    let output = program("ffprobe")
        .args(["-v", "error", "-select_streams", "a:0", "-of", "json", "-show_entries"])
        .arg("stream=codec_name:format=duration,format_name,start_time")
        .arg(plain(path))
        .output()
        .map_err(|e| Error::spawn("ffprobe", e))?;
    let refuse = |reason| Error::NoSound { path: path.to_owned(), reason };
    if !output.status.success() {
        return Err(refuse(last_words(&String::from_utf8_lossy(&output.stderr))));
    }
    let report: Report = serde_json::from_slice(&output.stdout).map_err(|e| refuse(e.to_string()))?;
    if report.streams.is_empty() { Err(Error::NoSoundTrack(path.to_owned())) } else { Ok(report.format) }
}

/// Everything that is said, so that FFmpeg never waits to say it.
fn listen(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    let _cut = stderr.by_ref().take(1 << 20).read_to_end(&mut said);
    let _rest = std::io::copy(&mut stderr, &mut std::io::sink());
    String::from_utf8_lossy(&said).into_owned()
}

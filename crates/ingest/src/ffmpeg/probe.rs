//! What is in a file: the video track the page would show, and the presentation time of each of its frames.
//!
//! Times, size and length are those of `demux`, so that page and command line mean the same frames; FFmpeg's own where `demux`
//! does not read the file, or where the two do not see the same frames in it.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use demux::{Container, TrackKind};
use serde::Deserialize;
use timeline::Timestamp;
use timeline::resize::Size;

use super::{Error, last_words, program};

/// The video track of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Codec string of the container, or FFmpeg's name for the codec.
    pub codec: String,
    /// As shown: turned upright, with square pixels.
    pub size: Size,
    /// Length of the presentation.
    pub duration: Timestamp,
    /// Which of the file's video tracks, counted from zero.
    pub track: usize,
    /// What the names of the frames are.
    pub naming: Naming,
    /// In the order of presentation.
    pub frames: Vec<Frame>,
}

/// How a frame is named to FFmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By its ticks on the track's clock: what a decoder drops or repeats cannot shift the rest.
    Ticks,
    /// By its place among all frames as they are shown. For AVI, which has no presentation times.
    Order,
}

impl Naming {
    /// Which of `frames` came out of FFmpeg with these ticks, as the one of this number.
    pub(super) fn place(self, frames: &[Frame], ticks: i64, order: usize) -> Option<usize> {
        match self {
            Self::Ticks => frames.binary_search_by_key(&ticks, |frame| frame.name).ok(),
            Self::Order => Some(order),
        }
    }
}

/// A frame's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame {
    /// When it is shown.
    pub at: Timestamp,
    /// Its name to FFmpeg, see [`Naming`].
    pub name: i64,
}

/// What `demux` says of a file.
struct Seen {
    /// Times of all frames, ascending.
    times: Vec<Timestamp>,
    /// From these to the file's own clock.
    origin: Timestamp,
    duration: Timestamp,
    size: Size,
    codec: String,
    track: usize,
    container: Container,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    packets: Vec<Packet>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Stream {
    codec_name: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Format {
    duration: Option<String>,
    format_name: Option<String>,
    start_time: Option<String>,
}

impl Report {
    /// Packets whose frames are shown. Marked D: decoded but not shown, before the start of an edit list.
    fn shown(&self) -> impl Iterator<Item = &Packet> {
        self.packets.iter().filter(|packet| !packet.flags.contains('D'))
    }
}

impl Format {
    /// Where the file's clock begins. That of a transport stream begins anywhere; as on the page, its times count from there.
    pub(super) fn start(&self) -> Timestamp {
        let anywhere = self.format_name.as_deref() == Some("mpegts");
        seconds(self.start_time.as_deref()).filter(|_| anywhere).unwrap_or_default()
    }

    /// Of the whole file.
    pub(super) fn duration(&self) -> Option<Timestamp> {
        seconds(self.duration.as_deref())
    }
}

#[derive(Deserialize)]
struct Packet {
    pts: Option<i64>,
    pts_time: Option<String>,
    duration_time: Option<String>,
    #[serde(default)]
    flags: String,
}

/// Reads a file's tables. Nothing is decoded.
///
/// # Errors
/// When the file is missing, no video, or has no frames.
pub fn probe(path: &Path) -> Result<Video, Error> {
    let about = std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let seen = see(path);
    let track = seen.as_ref().map_or(0, |seen| seen.track);
    let report = report(path, track)?;
    // A cover picture in a sound file counts as a track of its own.
    let Some(stream) = report.streams.first().filter(|stream| stream.disposition.attached_pic == 0) else {
        return Err(Error::NoVideoTrack(path.to_owned()));
    };
    let video = |codec: String, size, duration: Timestamp, naming, frames| Video {
        path: path.to_owned(),
        bytes: about.len(),
        codec,
        size,
        duration: duration.max(Timestamp::ZERO),
        track,
        naming,
        frames,
    };
    if let Some(seen) = seen
        && let Some((naming, frames)) = name(&seen, &report)
    {
        return Ok(video(seen.codec, seen.size, seen.duration, naming, frames));
    }
    let start = report.format.as_ref().map(Format::start).unwrap_or_default();
    let frame = |packet: &Packet| Some(Frame { at: seconds(packet.pts_time.as_deref())? - start, name: packet.pts? });
    let mut frames: Vec<_> = report.shown().filter_map(frame).collect();
    // Packets stand in the order of decoding.
    frames.sort_unstable();
    frames.dedup_by_key(|frame| frame.name);
    let Some(last) = frames.last() else { return Err(Error::NoFrames(path.to_owned())) };
    let end = report.shown().filter(|packet| packet.pts == Some(last.name));
    let end = end.filter_map(|p| seconds(p.duration_time.as_deref())).next();
    let duration = seconds(stream.duration.as_deref())
        .or_else(|| report.format.as_ref()?.duration())
        .unwrap_or(last.at + end.unwrap_or_default());
    let (Some(width), Some(height)) = (stream.width, stream.height) else {
        let reason = "the size of its frames is not known".to_owned();
        return Err(Error::NotAVideo { path: path.to_owned(), reason });
    };
    let turned = stream.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0);
    let size = shown_size(Size { height, width }, stream.sample_aspect_ratio.as_deref(), turned);
    Ok(video(stream.codec_name.clone().unwrap_or_default(), size, duration, Naming::Ticks, frames))
}

/// Reads the file as the page does; nothing where it cannot be read so.
fn see(path: &Path) -> Option<Seen> {
    let movie = demux::open(&mut BufReader::new(File::open(path).ok()?)).ok()?;
    let track = movie.video().ok()?;
    let (width, height) = track.shown_size();
    let videos = movie.tracks.iter().filter(|track| track.kind == TrackKind::Video);
    Some(Seen {
        times: track.presented.iter().map(|frame| frame.pts).collect(),
        origin: movie.origin,
        duration: track.duration,
        size: Size { height, width },
        codec: track.codec.string.clone(),
        track: videos.take_while(|other| other.id != track.id).count(),
        container: movie.container,
    })
}

/// The frames with their names, if FFmpeg sees every one of them.
fn name(seen: &Seen, report: &Report) -> Option<(Naming, Vec<Frame>)> {
    if seen.container == Container::Avi {
        let frames = (0_i64..).zip(&seen.times).map(|(name, &at)| Frame { at, name });
        return Some((Naming::Order, frames.collect()));
    }
    let ticks: HashMap<_, _> =
        report.shown().filter_map(|packet| Some((seconds(packet.pts_time.as_deref())?, packet.pts?))).collect();
    let frame = |&at: &Timestamp| Some(Frame { at, name: *ticks.get(&(at + seen.origin))? });
    let frames = seen.times.iter().map(frame).collect::<Option<_>>()?;
    Some((Naming::Ticks, frames))
}

/// What ffprobe says of a video track.
fn report(path: &Path, track: usize) -> Result<Report, Error> {
    let output = program("ffprobe")
        .args(["-v", "error", "-select_streams", &format!("v:{track}"), "-of", "json", "-show_entries"])
        .arg(
            "stream=codec_name,width,height,sample_aspect_ratio,duration:stream_side_data=rotation\
             :stream_disposition=attached_pic:format=duration,format_name,start_time:packet=pts,pts_time,duration_time,flags",
        )
        .arg(plain(path))
        .output()
        .map_err(|e| Error::spawn("ffprobe", e))?;
    let refuse = |reason| Error::NotAVideo { path: path.to_owned(), reason };
    if !output.status.success() {
        return Err(refuse(last_words(&String::from_utf8_lossy(&output.stderr))));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| refuse(e.to_string()))
}

/// A path FFmpeg cannot take for an option or a protocol ("-i", "http:…").
pub(super) fn plain(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// Decimal seconds as ffprobe prints them, six digits behind the point: exact microseconds.
fn seconds(text: Option<&str>) -> Option<Timestamp> {
    let seconds: f64 = text?.parse().ok()?;
    seconds.is_finite().then(|| Timestamp::from_seconds(seconds))
}

fn shown_size(coded: Size, aspect: Option<&str>, turned: i64) -> Size {
    let ratio = aspect
        .and_then(|text| text.split_once(':'))
        .and_then(|(n, d)| Some((n.parse::<f64>().ok()?, d.parse::<f64>().ok()?)))
        .filter(|(n, d)| *n > 0.0 && *d > 0.0)
        .map_or(1.0, |(n, d)| n / d);
    let width = (f64::from(coded.width) * ratio).round().max(1.0) as u32;
    if turned.rem_euclid(180) == 90 {
        Size { height: width, width: coded.height }
    } else {
        Size { height: coded.height, width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_and_stretched_pictures_have_the_size_a_player_shows() {
        let coded = Size { height: 576, width: 720 };
        assert_eq!(shown_size(coded, Some("16:15"), 0), Size { height: 576, width: 768 });
        assert_eq!(shown_size(coded, Some("0:1"), -90), Size { height: 720, width: 576 });
        assert_eq!(shown_size(coded, None, 180), coded);
    }

    #[test]
    fn the_clock_of_a_transport_stream_alone_is_moved() {
        let start = |name: &str| {
            let text = format!(r#"{{"format_name":"{name}","start_time":"36000.040000"}}"#);
            serde_json::from_str::<Format>(&text).unwrap().start().micros()
        };
        assert_eq!((start("mpegts"), start("matroska,webm")), (36_000_040_000, 0));
    }

    #[test]
    fn printed_seconds_are_exact_microseconds() {
        assert_eq!(seconds(Some("3725.033367")), Some(Timestamp::from_micros(3_725_033_367)));
        assert_eq!(seconds(Some("N/A")), None);
    }
}

//! What is in a file: its first video track, and the presentation time of each of its frames.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use timeline::Timestamp;
use timeline::resize::Size;

use super::{Error, last_words};

/// A file's first video track.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Video {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) codec: String,
    /// As shown: turned upright, with square pixels.
    pub(crate) size: Size,
    pub(crate) duration: Timestamp,
    /// In the order of presentation.
    pub(crate) frames: Vec<Frame>,
}

/// A frame's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) at: Timestamp,
    /// The same in ticks of the track, to name the frame to FFmpeg.
    pub(crate) ticks: i64,
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
pub(crate) fn probe(path: &Path) -> Result<Video, Error> {
    let about = std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries"])
        .arg(
            "stream=codec_name,width,height,sample_aspect_ratio,duration:stream_side_data=rotation\
             :stream_disposition=attached_pic:format=duration,format_name,start_time:packet=pts,pts_time,duration_time,flags",
        )
        .arg(plain(path))
        .output()
        .map_err(|e| Error::spawn("ffprobe", e))?;
    let said = || last_words(&String::from_utf8_lossy(&output.stderr));
    let refuse = |reason| Error::NotAVideo { path: path.to_owned(), reason };
    if !output.status.success() {
        return Err(refuse(said()));
    }
    let report: Report = serde_json::from_slice(&output.stdout).map_err(|e| refuse(e.to_string()))?;
    // A cover picture in a sound file counts as a track of its own.
    let Some(stream) = report.streams.first().filter(|stream| stream.disposition.attached_pic == 0) else {
        return Err(Error::NoVideoTrack(path.to_owned()));
    };
    // Marked D: decoded but not shown, before the start of an edit list.
    let shown = || report.packets.iter().filter(|packet| !packet.flags.contains('D'));
    let start = report.format.as_ref().map(Format::start).unwrap_or_default();
    let frame = |packet: &Packet| Some(Frame { at: seconds(packet.pts_time.as_deref())? - start, ticks: packet.pts? });
    let mut frames: Vec<_> = shown().filter_map(frame).collect();
    // Packets stand in the order of decoding.
    frames.sort_unstable();
    frames.dedup_by_key(|frame| frame.ticks);
    let Some(last) = frames.last() else { return Err(Error::NoFrames(path.to_owned())) };
    let end = shown().filter(|packet| packet.pts == Some(last.ticks)).find_map(|p| seconds(p.duration_time.as_deref()));
    let duration = seconds(stream.duration.as_deref())
        .or_else(|| report.format.as_ref()?.duration())
        .unwrap_or(last.at + end.unwrap_or_default());
    let (Some(width), Some(height)) = (stream.width, stream.height) else {
        return Err(refuse("the size of its frames is not known".to_owned()));
    };
    let turned = stream.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0);
    let coded = Size { height, width };
    Ok(Video {
        path: path.to_owned(),
        bytes: about.len(),
        codec: stream.codec_name.clone().unwrap_or_default(),
        size: shown_size(coded, stream.sample_aspect_ratio.as_deref(), turned),
        duration: duration.max(Timestamp::ZERO),
        frames,
    })
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

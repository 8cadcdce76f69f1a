//! `timepin probe`: what the page finds in a file: container, tracks, and with `--frames` every frame's time and place.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::Context;
use demux::{Codec, Color, Movie, SubtitleTrack, Track, TrackKind, Warning};
use serde::Serialize;

use crate::cli::Probe;
use crate::commands;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    container: demux::Container,
    duration_us: i64,
    /// What the file's own clock shows at the start; zero in all containers but transport streams.
    origin_us: i64,
    tracks: Vec<TrackReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subtitles: Vec<SubtitleTrack>,
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<Vec<FrameReport>>,
}

#[derive(Serialize)]
struct TrackReport {
    id: u32,
    kind: TrackKind,
    enabled: bool,
    codec: String,
    codec_name: String,
    codec_id: String,
    encrypted: bool,
    #[serde(flatten)]
    picture: Option<PictureReport>,
}

/// What only a video track has.
#[derive(Serialize)]
struct PictureReport {
    width: u32,
    height: u32,
    shown_width: u32,
    shown_height: u32,
    rotation: u16,
    mirrored: bool,
    pixel_aspect: Option<(u32, u32)>,
    color: Option<Color>,
    duration_us: i64,
    frames: usize,
    key_frames: usize,
}

/// A frame as it is shown; times are those of the file's own clock, as `ffprobe` prints them.
#[derive(Serialize)]
struct FrameReport {
    pts_us: i64,
    duration_us: i64,
    key: bool,
    offset: u64,
    size: u32,
}

/// Probes.
///
/// # Errors
/// When the file cannot be read, is no video, or `--frames` finds none.
pub(crate) fn run(request: &Probe) -> anyhow::Result<()> {
    let path = request.video.as_path();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let movie = demux::open(&mut reader).with_context(|| path.display().to_string())?;
    let frames = request.frames.then(|| frames(&movie, &mut reader)).transpose();
    let report = report(&movie, frames.with_context(|| path.display().to_string())?);
    let text = if request.json { serde_json::to_string(&report)? + "\n" } else { text(path, &report) };
    commands::print(&text)
}

/// The frames of the track that the page would look at.
fn frames<R: Read + Seek>(movie: &Movie, reader: &mut R) -> Result<Vec<FrameReport>, demux::Error> {
    let mut track = movie.video()?.clone();
    demux::verify_keys(reader, &mut track)?;
    let frame = |frame: &demux::Frame| {
        let sample = track.samples.get(frame.sample as usize)?;
        Some(FrameReport {
            pts_us: (frame.pts + movie.origin).micros(),
            duration_us: sample.duration.micros(),
            key: sample.key,
            offset: sample.offset,
            size: sample.size,
        })
    };
    Ok(track.presented.iter().filter_map(frame).collect())
}

fn report(movie: &Movie, frames: Option<Vec<FrameReport>>) -> Report {
    Report {
        container: movie.container,
        duration_us: movie.duration.micros(),
        origin_us: movie.origin.micros(),
        tracks: movie.tracks.iter().map(track_report).collect(),
        subtitles: movie.subtitles.clone(),
        warnings: movie.warnings.clone(),
        frames,
    }
}

fn track_report(track: &Track) -> TrackReport {
    let Codec { fourcc, name, string, encrypted, .. } = track.codec.clone();
    let picture = (track.kind == TrackKind::Video).then(|| {
        let (shown_width, shown_height) = track.shown_size();
        let key = |frame: &&demux::Frame| track.samples.get(frame.sample as usize).is_some_and(|s| s.key);
        PictureReport {
            width: track.width,
            height: track.height,
            shown_width,
            shown_height,
            rotation: track.orientation.rotation.degrees(),
            mirrored: track.orientation.mirrored,
            pixel_aspect: track.pixel_aspect,
            color: track.color,
            duration_us: track.duration.micros(),
            frames: track.presented.len(),
            key_frames: track.presented.iter().filter(key).count(),
        }
    });
    TrackReport {
        id: track.id,
        kind: track.kind,
        enabled: track.enabled,
        codec: string,
        codec_name: name,
        codec_id: fourcc,
        encrypted,
        picture,
    }
}

/// For people. Writing to a string cannot fail.
fn text(path: &Path, report: &Report) -> String {
    let mut out = format!("{}: {}, {}\n", path.display(), report.container, seconds(report.duration_us));
    if report.origin_us != 0 {
        let _ = writeln!(out, "  its clock shows {} at the start", seconds(report.origin_us));
    }
    for track in &report.tracks {
        let _ = writeln!(out, "  {}", track_text(track));
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "  damaged: {warning}");
    }
    if let Some(frames) = &report.frames {
        let _ = writeln!(out, "{:>14} {:>10} {:>3} {:>14} {:>10}", "pts_us", "duration", "key", "offset", "size");
        for frame in frames {
            let FrameReport { pts_us, duration_us, offset, size, .. } = frame;
            let key = if frame.key { "key" } else { "" };
            let _ = writeln!(out, "{pts_us:>14} {duration_us:>10} {key:>3} {offset:>14} {size:>10}");
        }
    }
    out
}

fn track_text(track: &TrackReport) -> String {
    let kind = match track.kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "sound",
        TrackKind::Subtitle => "subtitles",
        TrackKind::Other => "other",
    };
    let mut parts = vec![if track.codec == track.codec_name {
        format!("{kind} {}: {}", track.id, track.codec_name)
    } else {
        format!("{kind} {}: {} ({})", track.id, track.codec_name, track.codec)
    }];
    if track.encrypted {
        parts.push("encrypted".to_owned());
    }
    if let Some(picture) = &track.picture {
        parts.push(format!("{}×{}", picture.width, picture.height));
        if (picture.shown_width, picture.shown_height) != (picture.width, picture.height) {
            parts.push(format!("shown {}×{}", picture.shown_width, picture.shown_height));
        }
        if picture.rotation != 0 {
            parts.push(format!("turned {}° clockwise", picture.rotation));
        }
        if picture.mirrored {
            parts.push("mirrored".to_owned());
        }
        if let Some((wide, high)) = picture.pixel_aspect.filter(|(wide, high)| wide != high) {
            parts.push(format!("pixels {wide}:{high}"));
        }
        if let Some(Color { primaries, transfer, matrix, full_range }) = picture.color {
            let range = if full_range { "full" } else { "limited" };
            parts.push(format!("colour {primaries}/{transfer}/{matrix} {range}"));
        }
        parts.push(format!("{} frames, {} of them key", picture.frames, picture.key_frames));
        parts.push(seconds(picture.duration_us));
    }
    parts.join(", ")
}

fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_microsecond() {
        assert_eq!(seconds(1_400_000), "1.400000 s");
        assert_eq!(seconds(-1), "-0.000001 s");
    }
}

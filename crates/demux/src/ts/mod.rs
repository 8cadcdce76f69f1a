//! MPEG transport streams (ITU-T H.222.0), with packets of 188, 192 (M2TS) or 204 bytes.
//!
//! There is no index: the file is read through once, in large pieces, and of each picture its place, its time and whether
//! decoding can begin there are kept. Pictures are scattered over packets; `layout.rs` gathers one when it is wanted.

mod packet;
mod pes;
mod psi;
mod stream;
mod units;

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use packet::{SIZE, Step};
pub(crate) use packet::{joined, stride};
use pes::Clock;
use psi::{Described, Tables};
use stream::{Coded, Stream};
use timeline::Timestamp;
use units::{Syntax, Units};

use crate::codec::plain;
use crate::error::Warnings;
use crate::layout::{Layout, Packets};
use crate::movie::{Codec, Movie, Orientation, Track, TrackKind};
use crate::order::{Picture, ordered};
use crate::sniff::Container;
use crate::source::fill;
use crate::time::micros;
use crate::{Error, sniff};

/// Bytes read at once.
const PIECE: usize = 1 << 20;
const BASE: (u32, u32) = (1, pes::TICKS);

/// Reads a transport stream through.
pub(crate) fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    let (from, stride) = stride(&sniff::head(reader)?).ok_or(Error::NotAVideo)?;
    let mut scan = Scan::new(stride);
    scan.run(reader, from as u64)?;
    scan.finish()
}

/// What the scan has found.
struct Scan {
    stride: usize,
    tables: Tables,
    videos: HashMap<u16, Stream>,
    /// First times of streams of sound.
    sounds: HashMap<u16, (Clock, Option<i64>)>,
    warnings: Warnings,
}

impl Scan {
    fn new(stride: usize) -> Self {
        Self {
            stride,
            tables: Tables::default(),
            videos: HashMap::new(),
            sounds: HashMap::new(),
            warnings: Warnings::default(),
        }
    }

    fn run<R: Read + Seek>(&mut self, reader: &mut R, from: u64) -> Result<(), Error> {
        let file_len = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(from))?;
        let mut piece = vec![0; usize::try_from(file_len).map_or(PIECE, |len| len.min(PIECE))];
        // What the last piece left over stands at the front.
        let (mut held, mut at) = (0, from);
        loop {
            let came = fill(reader, piece.get_mut(held..).unwrap_or_default())?;
            let filled = held + came;
            let bytes = piece.get(..filled).unwrap_or_default();
            let last = came == 0 || filled < piece.len();
            let used = self.packets(bytes, at, last);
            at += used as u64;
            piece.copy_within(used.min(filled)..filled, 0);
            held = filled.saturating_sub(used);
            if last {
                if held >= 4 {
                    self.warnings.add("packet", at, "the file ends in the middle of it; what came before is read");
                }
                return Ok(());
            }
        }
    }

    /// Reads the packets of a piece; returns how many bytes are done with.
    fn packets(&mut self, bytes: &[u8], from: u64, last: bool) -> usize {
        let mut at = 0;
        // A packet's follower tells where packets are again after noise, so one stride is kept back.
        let margin = if last { SIZE } else { 2 * self.stride };
        while at + margin <= bytes.len() {
            match packet::step(bytes, at, self.stride) {
                Step::Packet(packet) => {
                    if let Some(packet) = packet {
                        self.packet(&packet, from + at as u64);
                    }
                    at += self.stride;
                }
                Step::Noise(next) => {
                    self.warnings.add("packet", from + at as u64, "noise between packets; reading goes on behind it");
                    at = match next {
                        Some(next) => next,
                        None if last => return bytes.len(),
                        // The end of the piece may hold the beginning of a packet.
                        None => (bytes.len() - self.stride).max(at + 1),
                    };
                }
            }
        }
        at.min(bytes.len())
    }

    fn packet(&mut self, packet: &packet::Packet<'_>, at: u64) {
        if let Some(stream) = self.videos.get_mut(&packet.pid) {
            stream.take(packet, at);
        } else if let Some((clock, first)) = self.sounds.get_mut(&packet.pid) {
            if first.is_none()
                && packet.start
                && let Some((pts, dts)) = pes::stamps(packet.payload)
            {
                *first = Some(clock.stamp(pts, dts, 0).pts);
            }
        } else if self.tables.take(packet) {
            for stream in &self.tables.streams {
                match (syntax(stream), kind(stream)) {
                    (Some(syntax), _) => {
                        self.videos.entry(stream.pid).or_insert_with(|| Stream::new(Units::new(syntax)));
                    }
                    (None, TrackKind::Audio) => {
                        self.sounds.entry(stream.pid).or_default();
                    }
                    _ => {}
                }
            }
        }
    }

    fn finish(mut self) -> Result<Movie, Error> {
        if self.tables.streams.is_empty() {
            return Err(Error::HeaderMissing { missing: "the program map (PMT)" });
        }
        let mut tracks = Vec::new();
        let mut first: Vec<Timestamp> =
            self.sounds.values().filter_map(|(_, first)| first.map(|ticks| micros(ticks, pes::TICKS))).collect();
        for described in &self.tables.streams {
            let track = match self.videos.remove(&described.pid) {
                Some(mut stream) => {
                    stream.finish();
                    for &at in &stream.jumps {
                        self.warnings.add("PES", at, "the clock jumps; time goes on after the picture before");
                    }
                    picture_track(described, stream, self.stride, &mut self.warnings)
                }
                None => other_track(described),
            };
            first.extend(track.presented.first().map(|f| f.pts));
            tracks.push(track);
        }
        let origin = first.into_iter().min().unwrap_or(Timestamp::ZERO);
        for track in &mut tracks {
            shift(track, origin);
        }
        Ok(Movie {
            container: Container::MpegTs,
            duration: tracks.iter().map(|t| t.duration).max().unwrap_or(Timestamp::ZERO),
            tracks,
            subtitles: Vec::new(),
            origin,
            warnings: self.warnings.into_list(),
        })
    }
}

/// How the pictures of a stream are told apart; nothing for what is no video, or one without start codes.
fn syntax(stream: &Described) -> Option<Syntax> {
    match (stream.kind, stream.registered.as_ref()) {
        (0x01 | 0x02, _) => Some(Syntax::Mpeg2),
        (0x10, _) => Some(Syntax::Mpeg4),
        (0x1B, _) => Some(Syntax::H264),
        (0x24, _) | (0x06, Some(b"HEVC")) => Some(Syntax::H265),
        _ => None,
    }
}

fn kind(stream: &Described) -> TrackKind {
    match stream.kind {
        0x01 | 0x02 | 0x10 | 0x1B | 0x1F..=0x21 | 0x24 | 0x25 | 0x32..=0x34 | 0x42 | 0xD1 | 0xD2 | 0xEA => {
            TrackKind::Video
        }
        0x03 | 0x04 | 0x0F | 0x11 | 0x1C | 0x80..=0x87 | 0xA1 | 0xA2 => TrackKind::Audio,
        0x06 if stream.sound.is_some() => TrackKind::Audio,
        0x06 => match stream.registered.as_ref() {
            Some(b"HEVC" | b"AV01" | b"drac" | b"VC-1") => TrackKind::Video,
            Some(b"Opus" | b"AC-3" | b"EAC3" | b"DTS1" | b"DTS2" | b"DTS3") => TrackKind::Audio,
            _ => TrackKind::Other,
        },
        _ => TrackKind::Other,
    }
}

/// Codec of a stream by its type (Table 2-34 and the registrations in use).
fn codec(stream: &Described, string: Option<&str>) -> Codec {
    let kind = format!("stream type {:02X}", stream.kind);
    let (name, string) = match (stream.kind, stream.registered.as_ref()) {
        // The type may say MPEG-2 of either; only MPEG-2 has a sequence extension.
        (0x01 | 0x02, _) => string.map_or(("MPEG-1", "mp4v.6A".to_owned()), |s| ("MPEG-2", s.to_owned())),
        (0x10, _) => ("MPEG-4 Visual", "mp4v.20".to_owned()),
        (0x1B, _) => ("H.264", string.map_or_else(|| "avc1".to_owned(), |s| format!("avc1.{s}"))),
        (0x24, _) | (0x06, Some(b"HEVC")) => {
            ("HEVC (H.265)", string.map_or_else(|| "hev1".to_owned(), |s| format!("hev1.{s}")))
        }
        (0x33, _) => ("VVC (H.266)", "vvc1".to_owned()),
        (0x06, Some(b"AV01")) => ("AV1", "av01".to_owned()),
        (0x21, _) => ("JPEG 2000", "mjp2".to_owned()),
        (0xEA, _) => ("VC-1", "vc-1".to_owned()),
        (0x42 | 0xD2, _) => ("AVS", "avs".to_owned()),
        (0xD1, _) => ("Dirac", "drac".to_owned()),
        (0x03 | 0x04, _) => ("MPEG audio", kind.clone()),
        (0x0F | 0x11 | 0x1C, _) => ("AAC", kind.clone()),
        (0x81, _) | (_, Some(b"AC-3")) => ("AC-3", kind.clone()),
        (0x84 | 0x87, _) | (_, Some(b"EAC3")) => ("E-AC-3", kind.clone()),
        (0x82 | 0x85 | 0x86, _) => ("DTS", kind.clone()),
        (_, Some(b"Opus")) => ("Opus", kind.clone()),
        _ => (stream.sound.unwrap_or(kind.as_str()), kind.clone()),
    };
    plain(&kind, name, &string)
}

fn other_track(described: &Described) -> Track {
    Track {
        id: described.pid.into(),
        kind: kind(described),
        enabled: true,
        codec: codec(described, None),
        width: 0,
        height: 0,
        orientation: Orientation::default(),
        pixel_aspect: None,
        color: None,
        time_base: BASE,
        duration: Timestamp::ZERO,
        samples: Vec::new(),
        presented: Vec::new(),
        layout: Layout::Plain,
    }
}

fn picture_track(described: &Described, stream: Stream, stride: usize, warnings: &mut Warnings) -> Track {
    let mut list = timed(&stream.coded);
    if list.iter().all(|p| !p.key) && !list.is_empty() {
        warnings.add("stream", 0, "no picture is marked as a place to begin; those that refer to no other are taken");
        for (picture, coded) in list.iter_mut().zip(&stream.coded) {
            picture.key = coded.told.intra;
        }
    }
    let ordered = ordered(&list, BASE, 0);
    let shape = stream.units.shape.unwrap_or_default();
    let mut codec = codec(described, stream.units.string.as_deref());
    codec.encrypted = stream.scrambled && stream.coded.is_empty();
    codec.scheme = codec.encrypted.then(|| "transport stream scrambling".to_owned());
    Track {
        codec,
        width: shape.width,
        height: shape.height,
        pixel_aspect: shape.pixel_aspect,
        color: shape.color,
        duration: ordered.duration,
        samples: ordered.samples,
        presented: ordered.presented,
        layout: Layout::Packets(Packets {
            pid: described.pid,
            stride: u16::try_from(stride).unwrap_or(u16::MAX),
            starts: stream.coded.iter().map(|c| c.start).collect(),
            end: stream.end,
        }),
        ..other_track(described)
    }
}

/// Pictures with times. Of several in one PES packet only the first has one; the others follow at the usual distance.
fn timed(coded: &[Coded]) -> Vec<Picture> {
    let known: Vec<i64> = coded.iter().filter_map(|c| c.pts).collect();
    let usual = distance(known);
    let mut last = None;
    let picture = |c: &Coded| {
        let pts = c.pts.or_else(|| last.map(|before: i64| before.saturating_add(usual)));
        last = pts.or(last);
        Picture {
            offset: c.packet,
            size: c.size,
            pts: pts.unwrap_or_default(),
            length: 0,
            key: c.told.key && pts.is_some(),
            shown: pts.is_some(),
        }
    };
    coded.iter().map(picture).collect()
}

/// The distance of most pictures: the middle one of all.
fn distance(mut times: Vec<i64>) -> i64 {
    times.sort_unstable();
    let mut apart: Vec<i64> =
        times.windows(2).map(|w| w.iter().rev().copied().reduce(|a, b| a - b).unwrap_or(0)).collect();
    apart.retain(|&d| d > 0);
    apart.sort_unstable();
    apart.get(apart.len() / 2).copied().unwrap_or(3_600)
}

/// Moves a track's clock to begin at zero.
fn shift(track: &mut Track, origin: Timestamp) {
    for sample in &mut track.samples {
        (sample.dts, sample.pts) = (sample.dts - origin, sample.pts - origin);
    }
    for frame in &mut track.presented {
        frame.pts = frame.pts - origin;
    }
    if !track.presented.is_empty() {
        track.duration = track.duration - origin;
    }
}

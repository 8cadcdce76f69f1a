//! MP4 and QuickTime (ISO/IEC 14496-12): top-level boxes are walked by their headers; only `moov` and `moof` are read.

mod boxes;
mod edits;
mod entry;
mod fragments;
mod header;
mod sound;
mod tables;
mod text;
mod track;

use std::io::{Read, Seek, SeekFrom};

pub(crate) use boxes::name;
use boxes::{Body, Kind};
use fragments::Fragments;
pub(crate) use text::{sized_text, vtt_payloads};
use timeline::Timestamp;

use crate::error::Warnings;
use crate::movie::{Movie, Track, TrackKind, Wanted};
use crate::sniff::Container;
use crate::sound::SoundTrack;
use crate::subtitles::MOST_PACKETS;
use crate::{Error, time, verify};

/// An index larger than this belongs to no video (a day at 60 frames a second has about 100 MB).
const LARGEST_INDEX: u64 = 512 << 20;
/// Top-level boxes; a day in fragments of one second has 173,000.
const MOST_BOXES: usize = 4_000_000;
/// Samples of all tracks together; a day at 60 frames a second has five million.
const MOST_SAMPLES: u64 = 16_000_000;

/// A sample in ticks of its track, as the tables or fragments say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RawSample {
    offset: u64,
    size: u32,
    dts: i64,
    cts: i64,
    delta: u32,
    key: bool,
}

/// How many samples may still be claimed: a sample has at least a byte, so a small file cannot ask for much memory. Texts
/// have an allowance of their own, so that they hide no picture.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    wanted: Wanted,
    samples: u64,
    texts: u64,
}

impl Allowance {
    fn of(file_len: u64, wanted: Wanted) -> Self {
        Self { wanted, samples: MOST_SAMPLES.min(file_len), texts: MOST_PACKETS.min(file_len) }
    }

    fn spend(&mut self, kind: TrackKind, samples: u64, body: &Body<'_>) -> Result<(), Error> {
        let left = if kind == TrackKind::Subtitle { &mut self.texts } else { &mut self.samples };
        *left = left.checked_sub(samples).ok_or_else(|| body.too_many(samples))?;
        Ok(())
    }
}

/// What `moov` and all fragments say, before edit lists are applied.
struct Index {
    file_len: u64,
    header: track::Header,
    drafts: Vec<track::Draft>,
    warnings: Warnings,
}

fn index<R: Read + Seek>(reader: &mut R, wanted: Wanted) -> Result<Index, Error> {
    let file_len = reader.seek(SeekFrom::End(0))?;
    let mut allowance = Allowance::of(file_len, wanted);
    let mut index: Option<(track::Header, Vec<track::Draft>)> = None;
    let mut fragments = Fragments::default();
    let mut warnings = Warnings::default();
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        let Some(head) = box_header(reader, at, file_len)? else { break };
        match &head.kind {
            b"moov" if index.is_none() => {
                let data = payload(reader, &head, file_len)?;
                let body = Body::new(head.kind, &data, head.body);
                fragments.defaults(body)?;
                index = Some(track::drafts(body, &mut allowance, &mut warnings)?);
            }
            // A fragment that the file does not hold whole is a cut recording: what came before stays readable.
            b"moof" if head.end > file_len => {
                warnings.add("moof", at, "the file ends in the middle of it; what came before is read");
            }
            b"moof" => {
                if let Some((_, drafts)) = &mut index {
                    let data = payload(reader, &head, file_len)?;
                    fragments.read(Body::new(head.kind, &data, head.body), at, drafts, &mut allowance)?;
                }
            }
            _ => {}
        }
        at = head.end;
    }
    let (header, drafts) = index.ok_or(Error::MoovMissing { file_len })?;
    Ok(Index { file_len, header, drafts, warnings })
}

/// Reads the index of the first sound track of an MP4 file.
pub(crate) fn sound<R: Read + Seek>(reader: &mut R) -> Result<Option<SoundTrack>, Error> {
    let Index { header, drafts, .. } = index(reader, Wanted::Sound)?;
    let first = drafts.into_iter().find(|draft| draft.kind == TrackKind::Audio);
    Ok(first.and_then(|draft| draft.sound(header.timescale)))
}

/// Reads the index of an MP4 file.
pub(crate) fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    let Index { file_len, header, mut drafts, mut warnings } = index(reader, Wanted::Pictures)?;
    for lost in drafts.iter_mut().filter_map(|draft| draft.cut(file_len)) {
        warnings.add("mdat", lost, "the file ends in the middle of it; what came before is read");
    }
    let finished = drafts.into_iter().map(|draft| draft.finish(header.timescale));
    let (mut tracks, texts): (Vec<_>, Vec<_>) = finished.unzip();
    for track in tracks.iter().filter(|t| t.kind == TrackKind::Video) {
        check_file_holds(track, file_len)?;
    }
    for track in tracks.iter_mut().filter(|t| t.kind == TrackKind::Video) {
        if verify::on_opening(reader, track)? > 0 {
            warnings.add("stss", 0, "frames that refer to others are called key frames; the mark was taken off");
        }
    }
    let duration = tracks.iter().map(|t| t.duration).max().unwrap_or(Timestamp::ZERO);
    let container = Container::Mp4;
    let subtitles = texts.into_iter().flatten().collect();
    Ok(Movie { container, tracks, subtitles, duration, origin: Timestamp::ZERO, warnings: warnings.into_list() })
}

/// Where a top-level box lies: payload from `body`, next box at `end` (which may be behind the end of the file).
struct Placed {
    kind: Kind,
    body: u64,
    end: u64,
}

fn box_header<R: Read + Seek>(reader: &mut R, at: u64, file_len: u64) -> Result<Option<Placed>, Error> {
    if at.saturating_add(8) > file_len {
        return Ok(None);
    }
    reader.seek(SeekFrom::Start(at))?;
    let mut head = [0_u8; 8];
    reader.read_exact(&mut head)?;
    let [a, b, c, d, kind @ ..] = head;
    let malformed = |what| Error::Malformed { name: name(kind), offset: at, what };
    let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, file_len - at),
        1 => {
            let mut large = [0_u8; 8];
            reader.read_exact(&mut large).map_err(|_| malformed("its 64-bit size is cut off"))?;
            (16, u64::from_be_bytes(large))
        }
        size => (8, u64::from(size)),
    };
    if size < header {
        // Zeros or noise behind the last box: common in recordings, harmless.
        return if kind.iter().all(u8::is_ascii_alphanumeric) {
            Err(malformed("a size below eight"))
        } else {
            Ok(None)
        };
    }
    Ok(Some(Placed { kind, body: at + header, end: at.saturating_add(size) }))
}

fn payload<R: Read + Seek>(reader: &mut R, head: &Placed, file_len: u64) -> Result<Vec<u8>, Error> {
    let malformed = |what| Error::Malformed { name: name(head.kind), offset: head.body, what };
    if head.end > file_len {
        return Err(malformed("its end lies behind the end of the file"));
    }
    let length = head.end.saturating_sub(head.body);
    if length > LARGEST_INDEX {
        return Err(malformed("more than 512 MB of index"));
    }
    reader.seek(SeekFrom::Start(head.body))?;
    let mut data = vec![0; usize::try_from(length).map_err(|_| malformed("more than this machine can address"))?];
    reader.read_exact(&mut data)?;
    Ok(data)
}

fn check_file_holds(track: &Track, file_len: u64) -> Result<(), Error> {
    let beyond = || track.samples.iter().filter(|s| s.offset.saturating_add(s.size.into()) > file_len);
    match beyond().map(|s| s.pts).min() {
        None => Ok(()),
        Some(first) => Err(Error::SampleBeyondFile {
            missing: beyond().count(),
            total: track.samples.len(),
            file_len,
            readable: first.max(Timestamp::ZERO),
        }),
    }
}

/// Ticks of a track as microseconds.
fn micros(ticks: i64, timescale: u32) -> Timestamp {
    time::micros(ticks, timescale)
}

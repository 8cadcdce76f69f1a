//! `RIFF` chunks, and the header list `hdrl` with its streams.

use std::io::{Read, Seek};

use crate::Error;
use crate::codec::fourcc::{self, BITMAP_HEADER};
use crate::codec::names::Fourcc;
use crate::codec::{Shape, pixel_aspect, plain};
use crate::movie::{Codec, TrackKind};
use crate::source::Source;

/// Streams beyond these are left out; their numbers have two digits.
const MOST_STREAMS: usize = 100;

/// A chunk of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Riff {
    pub(super) kind: Fourcc,
    /// What a `RIFF` or `LIST` is a list of.
    pub(super) list: Option<Fourcc>,
    /// First byte of its header.
    pub(super) at: u64,
    /// First byte of its content.
    pub(super) body: u64,
    pub(super) end: u64,
    /// The next chunk: content is padded to whole words.
    pub(super) next: u64,
}

/// The chunk at a position; nothing at the end of the file and in noise.
pub(super) fn riff<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<Option<Riff>, Error> {
    let bytes = source.peek(at, 12)?;
    let head: [u8; 12] = std::array::from_fn(|n| bytes.get(n).copied().unwrap_or_default());
    let held = bytes.len();
    let [a, b, c, d, s0, s1, s2, s3, list @ ..] = head;
    let kind = [a, b, c, d];
    if !kind.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        return Ok(None);
    }
    let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
    let is_list = matches!(&kind, b"RIFF" | b"LIST");
    let header = if is_list { 12 } else { 8 };
    if held < header {
        return Ok(None);
    }
    let body = at + header as u64;
    // A list is at least as large as the name of what it is a list of.
    let end = at.saturating_add(8).saturating_add(size).max(body);
    let next = end.saturating_add(size % 2);
    Ok(Some(Riff { kind, list: is_list.then_some(list), at, body, end, next }))
}

/// A stream before its chunks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stream {
    pub(super) kind: TrackKind,
    pub(super) codec: Codec,
    pub(super) shape: Shape,
    /// A tick lasts `scale / rate` seconds.
    pub(super) scale: u32,
    pub(super) rate: u32,
    /// Ticks before the first chunk.
    pub(super) start: u32,
    pub(super) disabled: bool,
}

/// The chunks of a list in memory.
pub(super) fn children(list: &[u8]) -> impl Iterator<Item = (Fourcc, &[u8])> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let [a, b, c, d, s0, s1, s2, s3, tail @ ..] = rest else { return None };
        let size = usize::try_from(u32::from_le_bytes([*s0, *s1, *s2, *s3])).ok()?;
        let body = tail.get(..size).unwrap_or(tail);
        rest = tail.get(size.saturating_add(size % 2)..).unwrap_or_default();
        Some(([*a, *b, *c, *d], body))
    })
}

/// Lists of one kind among the chunks of another.
fn lists<'a>(list: &'a [u8], kind: &'a Fourcc) -> impl Iterator<Item = &'a [u8]> {
    children(list).filter_map(move |(found, body)| match body.split_at_checked(4) {
        Some((name, rest)) if &found == b"LIST" && name == kind => Some(rest),
        _ => None,
    })
}

/// The streams of a header list, and where the OpenDML index of each is told.
pub(super) fn streams(header: &[u8]) -> Vec<(Stream, Vec<u8>)> {
    lists(header, b"strl").take(MOST_STREAMS).map(stream).collect()
}

fn stream(list: &[u8]) -> (Stream, Vec<u8>) {
    let chunk = |kind: &Fourcc| children(list).find(|(found, _)| found == kind).map_or(&[][..], |(_, body)| body);
    let (header, format) = (chunk(b"strh"), chunk(b"strf"));
    let word = |at: usize| header.get(at..at + 4).and_then(|w| w.try_into().ok()).map_or(0, u32::from_le_bytes);
    let kind = match header.get(..4) {
        Some(b"vids") => TrackKind::Video,
        Some(b"auds") => TrackKind::Audio,
        _ => TrackKind::Other,
    };
    let (codec, mut shape) = match kind {
        TrackKind::Video => picture(format),
        TrackKind::Audio => (sound(format), Shape::default()),
        TrackKind::Subtitle | TrackKind::Other => (plain("", "data", ""), Shape::default()),
    };
    shape.pixel_aspect = properties(chunk(b"vprp"), shape);
    let stream = Stream {
        kind,
        codec,
        shape,
        // A clock without ticks is taken as FFmpeg takes it: 25 a second.
        scale: if word(20) == 0 || word(24) == 0 { 1 } else { word(20) },
        rate: if word(20) == 0 || word(24) == 0 { 25 } else { word(24) },
        start: word(28).min(1 << 20),
        disabled: word(8) & 1 != 0,
    };
    (stream, chunk(b"indx").to_vec())
}

fn picture(format: &[u8]) -> (Codec, Shape) {
    match fourcc::bitmap(format) {
        Some((code, width, height)) => {
            let codec = fourcc::codec(code, format.get(BITMAP_HEADER..).unwrap_or_default());
            (codec, Shape { width, height, ..Shape::default() })
        }
        None => (plain("", "an unnamed codec", "unknown"), Shape::default()),
    }
}

/// Pixel aspect by the shape of the screen in `vprp` (OpenDML 1.02 §5).
fn properties(chunk: &[u8], shape: Shape) -> Option<(u32, u32)> {
    let [y0, y1, x0, x1] = *chunk.get(20..24)? else { return None };
    let (x, y) = (u16::from_le_bytes([x0, x1]), u16::from_le_bytes([y0, y1]));
    pixel_aspect(u64::from(x) * u64::from(shape.height), u64::from(y) * u64::from(shape.width))
}

/// `wFormatTag` of a `WAVEFORMATEX`.
fn sound(format: &[u8]) -> Codec {
    let tag = format.get(..2).map_or(0, |t| t.iter().rev().fold(0_u16, |sum, &b| sum << 8 | u16::from(b)));
    let name = match tag {
        0x0001 | 0x0003 => "PCM",
        0x0050 => "MP2",
        0x0055 => "MP3",
        0x00FF | 0x1600 | 0x706D => "AAC",
        0x2000 => "AC-3",
        0x2001 => "DTS",
        0x566F | 0x674F..=0x6771 => "Vorbis",
        0xF1AC => "FLAC",
        _ => "sound",
    };
    plain(&format!("{tag:04X}"), name, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes.extend(std::iter::repeat_n(0, body.len() % 2));
        bytes
    }

    #[test]
    fn a_stream_tells_clock_and_shape() {
        let mut header = vec![0; 56];
        header[..4].copy_from_slice(b"vids");
        header[20..24].copy_from_slice(&1001_u32.to_le_bytes());
        header[24..28].copy_from_slice(&30000_u32.to_le_bytes());
        let mut format = vec![0; 40];
        format[4..8].copy_from_slice(&720_i32.to_le_bytes());
        format[8..12].copy_from_slice(&(-576_i32).to_le_bytes());
        format[16..20].copy_from_slice(b"XVID");
        let mut properties = vec![0; 36];
        properties[20..24].copy_from_slice(&[9, 0, 16, 0]);
        let list = [
            &b"strl"[..],
            &chunk(b"strh", &header),
            &chunk(b"strf", &format),
            &chunk(b"vprp", &properties),
            &chunk(b"indx", &[7]),
        ]
        .concat();
        let found = streams(&[chunk(b"avih", &[0; 3]), chunk(b"LIST", &list)].concat());
        let [(stream, index)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((stream.scale, stream.rate, stream.kind), (1001, 30000, TrackKind::Video));
        assert_eq!((stream.shape.width, stream.shape.height), (720, 576));
        assert_eq!(stream.shape.pixel_aspect, Some((64, 45)));
        assert_eq!((stream.codec.string.as_str(), index.as_slice()), ("mp4v.20", &[7][..]));
        assert!(streams(&list[..20]).is_empty());
    }
}

//! AVI and its extension beyond a gigabyte (OpenDML 1.02): `RIFF 'AVI '`, then any number of `RIFF 'AVIX'`.
//!
//! Where an index is whole it is believed; otherwise the chunks of `movi` are walked by their headers. A chunk is one tick
//! of `rate / scale`, shown or not: an empty one repeats the picture before. AVI has no presentation times. Pictures that
//! are stored out of order are put back by their own headers and take the ticks in that order, the first picture the
//! first (FFmpeg adds the decoder's delay instead). MPEG-4 with packed B-frames keeps its chunks: one with two pictures,
//! then an empty one that holds the other's tick; a decoder takes them apart.

mod header;
mod index;
mod order;

use std::io::{Read, Seek};

use header::{Riff, Stream, riff, streams};
use index::Chunk;
use timeline::Timestamp;

use crate::error::Warnings;
use crate::layout::Layout;
use crate::movie::{Movie, Orientation, Track, TrackKind};
use crate::order::ordered;
use crate::sniff::Container;
use crate::source::Source;
use crate::{Error, time};

/// A header list larger than this belongs to no video.
const LARGEST_HEADER: u64 = 16 << 20;
/// Top-level chunks; a file in pieces of one gigabyte has few.
const MOST_CHUNKS: usize = 1_000_000;

/// Reads the index of an AVI file.
pub(crate) fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    let mut source = Source::new(reader)?;
    let mut warnings = Warnings::default();
    let parts = top(&mut source, &mut warnings)?;
    let (at, end) = parts.header.ok_or(Error::HeaderMissing { missing: "the header list (hdrl)" })?;
    let length = usize::try_from((end - at).min(LARGEST_HEADER)).unwrap_or(0);
    let header = source.bytes(at, length)?;
    let streams = streams(&header);
    if streams.is_empty() {
        return Err(Error::HeaderMissing { missing: "the list of streams (strl)" });
    }
    let chunks = index::chunks(&mut source, &parts, &streams, &mut warnings)?;
    let mut tracks = Vec::new();
    for (number, (stream, list)) in (0_u32..).zip(streams.into_iter().map(|(stream, _)| stream).zip(chunks)) {
        tracks.push(track(&mut source, number, stream, list)?);
    }
    Ok(Movie {
        container: Container::Avi,
        duration: tracks.iter().map(|t| t.duration).max().unwrap_or(Timestamp::ZERO),
        tracks,
        subtitles: Vec::new(),
        origin: Timestamp::ZERO,
        warnings: warnings.into_list(),
    })
}

/// Where the parts of the file are.
#[derive(Debug, Default)]
struct Parts {
    header: Option<(u64, u64)>,
    /// Content of each `movi`, from behind its four characters.
    movies: Vec<(u64, u64)>,
    index: Option<(u64, u64)>,
}

/// Walks the top: `RIFF` lists one after the other, and the lists in them.
fn top<R: Read + Seek>(source: &mut Source<'_, R>, warnings: &mut Warnings) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    let mut at = 0;
    for _ in 0..MOST_CHUNKS {
        let Some(chunk) = riff(source, at)? else { break };
        at = match (&chunk.kind, chunk.list.as_ref()) {
            (b"RIFF", Some(b"AVI " | b"AVIX")) => chunk.body,
            (b"LIST", Some(b"hdrl")) if parts.header.is_none() => {
                parts.header = Some((chunk.body, chunk.end.min(source.len())));
                chunk.next
            }
            (b"LIST", Some(b"movi")) => {
                let end = movie_end(source, &chunk, warnings);
                parts.movies.push((chunk.body, end));
                if end < chunk.end && end == source.len() { break } else { end + end % 2 }
            }
            (b"idx1", _) => {
                parts.index = Some((chunk.body, chunk.end.min(source.len())));
                chunk.next
            }
            _ => chunk.next,
        };
    }
    Ok(parts)
}

/// The end of the pictures. A recording that was cut off, or never finished (size zero), has them up to the file's end.
fn movie_end<R: Read + Seek>(source: &Source<'_, R>, movie: &Riff, warnings: &mut Warnings) -> u64 {
    if movie.end > source.len() {
        warnings.add("movi", movie.at, "the file ends in the middle of it; what came before is read");
        return source.len();
    }
    if movie.end <= movie.body {
        warnings.add("movi", movie.at, "a recording that was never finished; it is read as far as it goes");
        return source.len();
    }
    movie.end
}

fn track<R: Read + Seek>(
    source: &mut Source<'_, R>,
    number: u32,
    stream: Stream,
    chunks: Vec<Chunk>,
) -> Result<Track, Error> {
    let Stream { kind, mut codec, mut shape, scale, rate, start, disabled } = stream;
    let base = time::reduced(u64::from(scale), u64::from(rate));
    let (pictures, ticks) = order::pictures(source, &chunks, start, &mut codec, &mut shape)?;
    let ordered = ordered(&pictures, base, 1);
    // Ticks of empty chunks at the end belong to the last picture.
    let end = time::micros_of(i64::from(start).saturating_add(ticks), base).max(ordered.duration);
    Ok(Track {
        id: number,
        kind,
        enabled: !disabled,
        codec,
        width: shape.width,
        height: shape.height,
        orientation: Orientation::default(),
        pixel_aspect: shape.pixel_aspect,
        color: shape.color,
        time_base: base,
        duration: if kind == TrackKind::Video && !ordered.presented.is_empty() { end } else { Timestamp::ZERO },
        samples: ordered.samples,
        presented: ordered.presented,
        layout: Layout::Plain,
    })
}

//! Where the chunks of each stream are: OpenDML's `indx` and `ix##`, the older `idx1`, or a walk through `movi`.

use std::io::{Read, Seek};

use super::Parts;
use super::header::{Stream, riff};
use crate::Error;
use crate::error::Warnings;
use crate::movie::TrackKind;
use crate::source::Source;

/// An index larger than this belongs to no video.
const LARGEST_INDEX: usize = 512 << 20;
/// Entries of a stream's list of indices; a file of four terabytes has 4,000.
const MOST_INDICES: usize = 1 << 16;
/// Bytes of an `ix##` before its entries.
const STANDARD_HEADER: usize = 24;
const KEY: u32 = 0x10;
const NOT_KEY: u32 = 1 << 31;

/// A chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// First byte of its content.
    pub(super) at: u64,
    pub(super) size: u32,
    /// By the index; nothing where there is none.
    pub(super) key: Option<bool>,
}

/// The chunks of every stream; only those of videos are gathered.
pub(super) fn chunks<R: Read + Seek>(
    source: &mut Source<'_, R>,
    parts: &Parts,
    streams: &[(Stream, Vec<u8>)],
    warnings: &mut Warnings,
) -> Result<Vec<Vec<Chunk>>, Error> {
    let videos: Vec<bool> = streams.iter().map(|(stream, _)| stream.kind == TrackKind::Video).collect();
    let mut lists = Lists { lists: vec![Vec::new(); streams.len()], videos, allowance: source.len().min(16_000_000) };
    let mut whole = true;
    for (number, (_, list)) in streams.iter().enumerate() {
        whole &= lists.open_dml(source, number, list)?;
    }
    let indexed = |lists: &Lists| lists.lists.iter().zip(&lists.videos).all(|(list, video)| !video || !list.is_empty());
    if whole && indexed(&lists) {
        return Ok(lists.lists);
    }
    lists.clear();
    // The older index knows the first gigabyte only.
    if parts.movies.len() <= 1
        && let (Some(index), Some(movie)) = (parts.index, parts.movies.first())
        && lists.older(source, index, movie.0)?
        && indexed(&lists)
    {
        return Ok(lists.lists);
    }
    lists.clear();
    for &(from, to) in &parts.movies {
        lists.walk(source, from, to, warnings)?;
    }
    warnings.add(
        "idx1",
        parts.index.map_or(0, |(at, _)| at),
        "no index that is whole; the pictures were looked for one by one",
    );
    Ok(lists.lists)
}

struct Lists {
    lists: Vec<Vec<Chunk>>,
    videos: Vec<bool>,
    /// How many chunks may still come: each takes eight bytes, so a small file cannot ask for much memory.
    allowance: u64,
}

impl Lists {
    fn clear(&mut self) {
        self.allowance = self.allowance.saturating_add(self.lists.iter().map(|l| l.len() as u64).sum());
        self.lists.iter_mut().for_each(Vec::clear);
    }

    /// Whether it is kept or of no interest; no when there are too many.
    fn add(&mut self, number: usize, chunk: Chunk) -> bool {
        if self.videos.get(number) != Some(&true) {
            return true;
        }
        let Some(left) = self.allowance.checked_sub(1) else { return false };
        self.allowance = left;
        if let Some(list) = self.lists.get_mut(number) {
            list.push(chunk);
        }
        true
    }

    /// Reads the indices that a stream's `indx` names; says whether they are whole.
    fn open_dml<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        number: usize,
        list: &[u8],
    ) -> Result<bool, Error> {
        if self.videos.get(number) != Some(&true) {
            return Ok(true);
        }
        // Four words an entry, no sub-type, a list of indices.
        let [4, 0, _, 0, n0, n1, n2, n3, ..] = *list else { return Ok(false) };
        let count = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        for entry in list.get(24..).unwrap_or_default().chunks_exact(16).take(count.min(MOST_INDICES)) {
            let at = entry.get(..8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
            if !self.standard(source, number, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads one `ix##`.
    fn standard<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, number: usize, at: u64) -> Result<bool, Error> {
        let Some(chunk) = riff(source, at)? else { return Ok(false) };
        if !chunk.kind.starts_with(b"ix") || chunk.end > source.len() {
            return Ok(false);
        }
        // Only as much as it says it has: a list may name the same index again and again.
        let head = source.bytes(chunk.body, STANDARD_HEADER)?;
        let [2, 0, _, 1, n0, n1, n2, n3, _, _, _, _, base @ ..] = head.as_slice() else { return Ok(false) };
        let count = u32::from_le_bytes([*n0, *n1, *n2, *n3]) as usize;
        let length = usize::try_from(chunk.end - chunk.body).unwrap_or(LARGEST_INDEX).min(LARGEST_INDEX);
        let length = length.saturating_sub(STANDARD_HEADER).min(count.saturating_mul(8));
        let entries = source.bytes(chunk.body + STANDARD_HEADER as u64, length)?;
        let base_at = base.get(..8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
        for entry in entries.chunks_exact(8) {
            let [a, b, c, d, e, f, g, h] = *entry else { break };
            let (offset, size) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            let at = base_at.saturating_add(offset.into());
            let size_only = size & !NOT_KEY;
            if at.saturating_add(size_only.into()) > source.len() {
                return Ok(false);
            }
            if !self.add(number, Chunk { at, size: size_only, key: Some(size & NOT_KEY == 0) }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads `idx1`; says whether it fits the file. Its offsets count from `movi` or from the start of the file.
    fn older<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        (at, end): (u64, u64),
        movie: u64,
    ) -> Result<bool, Error> {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(LARGEST_INDEX);
        let index = source.bytes(at, length)?;
        let words = |entry: &[u8]| -> Option<([u8; 4], u32, u32, u32)> {
            let word = |at: usize| entry.get(at..at + 4).and_then(|w| <[u8; 4]>::try_from(w).ok());
            let number = |at| word(at).map(u32::from_le_bytes);
            Some((word(0)?, number(4)?, number(8)?, number(12)?))
        };
        let mut base = None;
        for (id, flags, offset, size) in index.chunks_exact(16).filter_map(words) {
            let Some(number) = stream_of(id) else { continue };
            if self.videos.get(number) != Some(&true) || !is_picture(id) {
                continue;
            }
            if base.is_none() {
                base = base_of(source, id, offset, movie)?;
            }
            let Some(base) = base else { return Ok(false) };
            let at = base.saturating_add(offset.into()).saturating_add(8);
            if at.saturating_add(size.into()) > source.len() {
                return Ok(false);
            }
            if !self.add(number, Chunk { at, size, key: Some(flags & KEY != 0) }) {
                return Ok(false);
            }
        }
        Ok(base.is_some())
    }

    /// Looks at every chunk between two places.
    fn walk<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        mut at: u64,
        to: u64,
        warnings: &mut Warnings,
    ) -> Result<(), Error> {
        while at + 8 <= to {
            let Some(chunk) = riff(source, at)? else {
                warnings.add("movi", at, "noise between chunks; what comes behind it is left out");
                break;
            };
            match (chunk.list.as_ref(), stream_of(chunk.kind)) {
                (Some(_), _) => {
                    at = chunk.body;
                    continue;
                }
                (None, Some(number)) if is_picture(chunk.kind) && chunk.end <= to => {
                    let Ok(size) = u32::try_from(chunk.end - chunk.body) else { break };
                    if !self.add(number, Chunk { at: chunk.body, size, key: None }) {
                        break;
                    }
                }
                // An unfinished recording goes on into what comes behind the pictures.
                _ if &chunk.kind == b"idx1" => break,
                _ => {}
            }
            at = chunk.next;
        }
        Ok(())
    }
}

/// The number of a stream in the four characters of its chunk: `00dc`.
fn stream_of(id: [u8; 4]) -> Option<usize> {
    let digit = |b: u8| char::from(b).to_digit(10);
    let [a, b, ..] = id;
    Some((digit(a)? * 10 + digit(b)?) as usize)
}

/// Compressed and uncompressed pictures; `pc` changes a palette.
fn is_picture(id: [u8; 4]) -> bool {
    !id.ends_with(b"pc") && !id.ends_with(b"wb") && !id.ends_with(b"tx")
}

/// From where offsets count: where the chunk is that an entry names.
fn base_of<R: Read + Seek>(
    source: &mut Source<'_, R>,
    id: [u8; 4],
    offset: u32,
    movie: u64,
) -> Result<Option<u64>, Error> {
    for base in [movie.saturating_sub(4), 0, movie] {
        if source.array::<4>(base.saturating_add(offset.into()))? == Some(id) {
            return Ok(Some(base));
        }
    }
    Ok(None)
}

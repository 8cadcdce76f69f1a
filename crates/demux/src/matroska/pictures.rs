//! From blocks to pictures and texts: times, lacing, and what the first bytes of VP8 and VP9 say.

use std::io::{Read, Seek};

use super::block::{self, Lacing};
use super::ebml::{self, Content};
use super::track::Entry;
use super::{codec, ids};
use crate::Error;
use crate::codec::vpx;
use crate::layout::Layout;
use crate::movie::{TrackKind, Wanted};
use crate::order::Picture;
use crate::source::Source;
use crate::subtitles::MOST_PACKETS;

/// Bytes that hold the sizes of a laced block's frames.
const LONGEST_LACING: usize = 64 << 10;

/// A block and what its group says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// First byte, and the one behind the last.
    pub(super) block: (u64, u64),
    /// Whether it refers to no other; nothing where the block says it itself.
    pub(super) key: Option<bool>,
    /// Ticks.
    pub(super) duration: Option<u64>,
}

/// Reads a `BlockGroup`. Without a `ReferenceBlock` the block needs no other.
pub(super) fn group<R: Read + Seek>(source: &mut Source<'_, R>, mut at: u64, end: u64) -> Result<Option<Group>, Error> {
    let (mut block, mut duration, mut key) = (None, None, true);
    while at < end {
        let Some(child) = ebml::header(source, at)? else { break };
        let Some(child_end) = child.end.filter(|&inner| inner <= end) else { break };
        match child.id {
            ids::BLOCK => block = Some((child.body, child_end)),
            ids::REFERENCE_BLOCK => key = false,
            ids::BLOCK_DURATION => {
                let length = usize::try_from(child_end - child.body).unwrap_or(8).min(8);
                duration = Some(Content { bytes: source.peek(child.body, length)?, at: child.body }.uint());
            }
            _ => {}
        }
        at = child_end;
    }
    Ok(block.map(|block| Group { block, key: Some(key), duration }))
}

/// Pictures, texts or sound of all tracks, in the file's order.
pub(super) struct Pictures {
    wanted: Wanted,
    lists: Vec<Vec<Picture>>,
    /// How many may still come: each has a byte at least, so a small file cannot ask for much memory.
    allowance: u64,
    /// The same for texts, so that they hide no picture.
    texts: u64,
}

impl Pictures {
    pub(super) fn new(file_len: u64, wanted: Wanted) -> Self {
        Self { wanted, lists: Vec::new(), allowance: file_len.min(16_000_000), texts: file_len.min(MOST_PACKETS) }
    }

    /// How many tracks there are.
    pub(super) fn tracks(&mut self, count: usize) {
        self.lists.resize_with(count, Vec::new);
    }

    pub(super) fn into_lists(self) -> Vec<Vec<Picture>> {
        self.lists
    }

    /// Adds the frames of a block; says whether it could be read.
    pub(super) fn add<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        group: &Group,
        time: i64,
        scale: u64,
        tracks: &mut [Entry],
    ) -> Result<bool, Error> {
        let (at, end) = group.block;
        let length = usize::try_from(end - at).unwrap_or(usize::MAX);
        let Some(head) = block::block(source.peek(at, length.min(block::HEADER + vpx::BEGINNING))?) else {
            return Ok(false);
        };
        let found = tracks.iter_mut().zip(&mut self.lists).find(|(t, _)| t.number == head.track);
        let Some((track, list)) = found.filter(|(t, _)| t.is_read(self.wanted)) else { return Ok(true) };
        let body = at + head.header as u64;
        let (sizes, told) = match head.lacing {
            Lacing::None => (vec![end - body], 0),
            lacing => {
                let bytes = source.peek(body, length.saturating_sub(head.header).min(LONGEST_LACING))?;
                match block::laces(bytes, lacing, end - body) {
                    Some(laces) => laces,
                    None => return Ok(false),
                }
            }
        };
        let mut offset = body + told as u64;
        let laces = sizes.len() as u64;
        let whole =
            group.duration.or_else(|| (laces > 1).then(|| track.default_duration.saturating_mul(laces) / scale.max(1)));
        let part = |index: u64| whole.map_or(0, |whole| whole.saturating_mul(index) / laces);
        for (index, &size) in (0..).zip(&sizes) {
            let is_text = track.kind == TrackKind::Subtitle;
            let allowance = if is_text { &mut self.texts } else { &mut self.allowance };
            // Whoever reads the texts is told that there are too many.
            let Some(left) = allowance.checked_sub(1) else { return Ok(is_text) };
            *allowance = left;
            let told = beginning(source, track, offset, size)?;
            let pts = time.saturating_add(head.time.into()).saturating_add_unsigned(part(index));
            list.push(Picture {
                offset,
                size: u32::try_from(size).unwrap_or(0),
                pts,
                length: u32::try_from(part(index + 1) - part(index)).unwrap_or(u32::MAX),
                key: group.key.unwrap_or(head.key) && told.key,
                shown: told.shown,
            });
            offset = offset.saturating_add(size);
        }
        Ok(true)
    }
}

/// What the picture itself says. Other codecs than VP8 and VP9 are believed to be what the container says.
fn beginning<R: Read + Seek>(
    source: &mut Source<'_, R>,
    track: &mut Entry,
    at: u64,
    size: u64,
) -> Result<vpx::Told, Error> {
    let believed = vpx::Told { key: true, shown: true };
    let vp8 = track.codec.string == "vp8";
    if !(vp8 || track.codec.string.starts_with("vp09.")) || track.codec.encrypted {
        return Ok(believed);
    }
    let length = usize::try_from(size).unwrap_or(usize::MAX).min(vpx::BEGINNING);
    let bytes = source.peek(at, length)?;
    let bytes = match &track.layout {
        Layout::Stripped(prefix) => [prefix, bytes].concat(),
        Layout::Plain => bytes.to_vec(),
        _ => return Ok(believed),
    };
    if vp8 {
        return Ok(vpx::vp8(&bytes).unwrap_or(believed));
    }
    if let Some(told) = vpx::vp9_profile(&bytes)
        && let Some(features) = track.features.take()
    {
        track.codec.string = codec::vp9(&features, Some(told));
    }
    let mut told = vpx::vp9(&bytes).unwrap_or(believed);
    if !told.shown && size > 0 {
        told.shown = source.peek(at + size - 1, 1)?.first().is_some_and(|&last| vpx::is_superframe(last));
    }
    Ok(told)
}

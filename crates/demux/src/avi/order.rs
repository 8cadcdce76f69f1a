//! Chunks to pictures: what their first bytes say of keys and of the order they are shown in.

use std::io::{Read, Seek};

use super::index::Chunk;
use crate::Error;
use crate::codec::mpeg::{self, Kind};
use crate::codec::{Shape, annexb, h264, vpx};
use crate::movie::Codec;
use crate::order::Picture;
use crate::source::Source;

/// Bytes of a chunk in which a picture's header is found, and those that also hold parameter sets and messages.
const SHORT: usize = 128;
const LONG: usize = 4 << 10;

/// MPEG-4 pictures that say "nothing changes" are no larger.
const LARGEST_EMPTY: usize = 19;

/// What a chunk's picture says of itself.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    key: Option<bool>,
    /// Sorts by the order pictures are shown in.
    order: Option<(i64, i64)>,
    hidden: bool,
}

/// The pictures of a track, in decoding order, on ticks in the order they are shown; and how many ticks they last.
pub(super) fn pictures<R: Read + Seek>(
    source: &mut Source<'_, R>,
    chunks: &[Chunk],
    start: u32,
    codec: &mut Codec,
    shape: &mut Shape,
) -> Result<(Vec<Picture>, i64), Error> {
    let mut reader = Reader::new(codec);
    let mut told = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        told.push(reader.read(source, chunk)?);
    }
    if let Reader::H264 { sps: Some(sps), .. } = &reader {
        if codec.string == "avc1" {
            codec.string = format!("avc1.{}", sps.string);
        }
        shape.pixel_aspect = shape.pixel_aspect.or(sps.shape.pixel_aspect);
        shape.color = shape.color.or(sps.shape.color);
    }
    let (ticks, whole) = ticks(chunks, &told);
    let picture = |((chunk, told), tick): ((&Chunk, &Told), i64)| Picture {
        offset: chunk.at,
        size: chunk.size,
        pts: tick.saturating_add(start.into()),
        length: 0,
        key: chunk.size > 0 && told.key.or(chunk.key).unwrap_or(true),
        shown: !told.hidden,
    };
    Ok((chunks.iter().zip(&told).zip(ticks).map(picture).collect(), whole))
}

/// The tick of every chunk, and how many ticks all of them take. Chunks that say nothing of their order keep their own.
///
/// A decoder that puts pictures in order holds some back, and its first one comes that much later. Whoever wrote the file
/// may have left ticks empty for it: what counts is when a picture comes out, moved so that the first one comes first.
fn ticks(chunks: &[Chunk], told: &[Told]) -> (Vec<i64>, i64) {
    let filled: Vec<i64> = (0_i64..).zip(chunks).filter(|(_, c)| c.size > 0).map(|(tick, _)| tick).collect();
    let mut own: Vec<i64> = (0..).take(chunks.len()).collect();
    let whole = chunks.len() as i64;
    if told.iter().zip(chunks).any(|(told, chunk)| chunk.size > 0 && told.order.is_none()) {
        return (own, whole);
    }
    let decoded = told.iter().enumerate().filter_map(|(index, told)| Some((index, told.order?)));
    let mut shown: Vec<_> = decoded.enumerate().map(|(place, (index, order))| (place, index, order)).collect();
    shown.sort_by_key(|&(_, _, order)| order);
    let held_back = shown.iter().enumerate().map(|(at, &(place, _, _))| place.saturating_sub(at)).max().unwrap_or(0);
    let first = filled.get(held_back).or(filled.last()).copied().unwrap_or(0);
    let last = filled.last().copied().unwrap_or(0);
    // Those still held back at the end come out as far apart as the last ones did.
    let apart = filled.len().checked_sub(2).and_then(|at| filled.get(at)).map_or(1, |before| last - before);
    for (at, &(_, index, _)) in shown.iter().enumerate() {
        let behind = (at + held_back + 1).saturating_sub(filled.len()) as i64;
        let tick = filled.get(at + held_back).copied().unwrap_or(last + behind * apart);
        if let Some(own) = own.get_mut(index) {
            *own = tick - first;
        }
    }
    (own, whole - (first - held_back as i64))
}

/// Reads the beginnings of chunks.
enum Reader {
    H264 { sps: Option<h264::Sps>, order: h264::Order },
    Mpeg4 { references: i64, pictures: i64 },
    Vp8,
    Vp9,
    Other,
}

impl Reader {
    fn new(codec: &Codec) -> Self {
        match codec.string.as_str() {
            string if string.starts_with("avc1") && codec.description.is_none() => {
                Self::H264 { sps: None, order: h264::Order::default() }
            }
            "mp4v.20" => Self::Mpeg4 { references: 0, pictures: 0 },
            "vp8" => Self::Vp8,
            string if string.starts_with("vp09.") => Self::Vp9,
            _ => Self::Other,
        }
    }

    fn read<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, chunk: &Chunk) -> Result<Told, Error> {
        let size = chunk.size as usize;
        let want = match self {
            Self::Other => 0,
            Self::H264 { .. } if chunk.key != Some(false) => LONG,
            _ => SHORT,
        };
        if want == 0 || size == 0 {
            return Ok(Told::default());
        }
        let bytes = source.peek(chunk.at, size.min(want))?;
        Ok(match self {
            Self::H264 { sps, order } => {
                if !annexb::is_annexb(bytes) {
                    return Ok(Told::default());
                }
                let told = h264::told(bytes, sps);
                let place = told.slice.zip(sps.as_ref()).and_then(|(slice, sps)| order.of(&slice, sps));
                Told { key: told.slice.is_some().then_some(told.key), order: place, hidden: false }
            }
            Self::Mpeg4 { references, pictures } => mpeg4(bytes, size, references, pictures),
            Self::Vp8 => vpx::vp8(bytes).map_or_else(Told::default, of_vpx),
            Self::Vp9 => vpx::vp9(bytes).map_or_else(Told::default, |told| of_vpx(vpx::Told { shown: true, ..told })),
            Self::Other => Told::default(),
        })
    }
}

fn of_vpx(told: vpx::Told) -> Told {
    Told { key: Some(told.key), order: None, hidden: !told.shown }
}

/// A picture between its references is shown before the reference that was stored ahead of it. The empty picture behind a
/// chunk of two takes the place of the one that is packed in there.
fn mpeg4(bytes: &[u8], size: usize, references: &mut i64, pictures: &mut i64) -> Told {
    let kind = mpeg::mpeg4(bytes).unwrap_or(Kind::Intra);
    *pictures += 1;
    let between = kind == Kind::Between || size <= LARGEST_EMPTY;
    *references += i64::from(!between);
    let place = if between { *pictures } else { i64::MAX };
    let key = kind == Kind::Intra && size > LARGEST_EMPTY;
    Told { key: Some(key), order: Some((*references, place)), hidden: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks of MPEG-4 chunks of `(kind of the first picture, size)`.
    fn placed(film: &[(u8, u32)]) -> Vec<i64> {
        let chunk = |&(_, size): &(u8, u32)| Chunk { at: 0, size, key: None };
        let chunks: Vec<_> = film.iter().map(chunk).collect();
        let (mut references, mut pictures) = (0, 0);
        let told = film.iter().map(|&(kind, size)| match size {
            0 => Told::default(),
            _ => mpeg4(&[0, 0, 1, 0xB6, kind << 6], size as usize, &mut references, &mut pictures),
        });
        ticks(&chunks, &told.collect::<Vec<_>>()).0
    }

    const I: u8 = 0;
    const P: u8 = 1;
    const B: u8 = 2;

    #[test]
    fn pictures_between_come_before_the_reference_stored_ahead() {
        assert_eq!(placed(&[(I, 90), (P, 50), (B, 20), (B, 20), (I, 90), (B, 20)]), [0, 3, 1, 2, 5, 4]);
        assert_eq!(placed(&[(I, 90), (P, 50), (P, 50)]), [0, 1, 2]);
    }

    #[test]
    fn an_empty_picture_stands_for_the_one_packed_before_it() {
        assert_eq!(placed(&[(I, 90), (P, 70), (P, 6), (P, 70), (P, 6)]), [0, 2, 1, 4, 3]);
    }

    #[test]
    fn empty_chunks_keep_their_ticks_and_the_decoder_s_delay_is_taken_off() {
        assert_eq!(placed(&[(I, 90), (I, 0), (P, 50), (P, 50)]), [0, 1, 2, 3]);
        // Every second tick is empty.
        assert_eq!(placed(&[(I, 90), (P, 0), (P, 50), (B, 0), (B, 20)]), [0, 1, 4, 3, 2]);
        // Two ticks were left empty for the decoder.
        assert_eq!(placed(&[(I, 90), (I, 0), (I, 0), (P, 50), (B, 20), (P, 50)])[3..], [2, 1, 3]);
    }
}

//! Where one picture ends and the next begins in an elementary stream, and what a picture says of itself.
//!
//! H.264 §7.4.1.2.3, H.265 §7.4.2.4.4, H.262 §6.2: what leads a picture (parameter sets, messages, headers) belongs to
//! it, and two fields make one picture.

use crate::codec::h264::{self, Slice, Sps};
use crate::codec::mpeg::{self, Kind};
use crate::codec::{Shape, h265};

/// How the bytes between start codes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    H264,
    H265,
    Mpeg2,
    Mpeg4,
}

/// What a unit is to the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Stands before a picture's first slice.
    Leading,
    /// The first slice of a picture.
    First(Told),
    /// More of the picture before, or nothing of interest.
    More,
    Other,
}

/// What is known of a picture by its first slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether a decoder can begin here.
    pub(super) key: bool,
    /// Whether it refers to no other picture, though what follows may refer to what came before.
    pub(super) intra: bool,
}

/// What was read of a stream so far.
#[derive(Debug)]
pub(super) struct Units {
    syntax: Syntax,
    sps: Option<Sps>,
    /// A recovery point, or a picture header, that the next slice belongs to.
    recovery: bool,
    header: Option<Kind>,
    structure: u8,
    /// A first field that waits for its second.
    field: Option<Slice>,
    mpeg_field: u8,
    /// The end of the codec string, and the shape, as the stream first says them.
    pub(super) string: Option<String>,
    pub(super) shape: Option<Shape>,
}

impl Units {
    pub(super) fn new(syntax: Syntax) -> Self {
        Self {
            syntax,
            sps: None,
            recovery: false,
            header: None,
            structure: 3,
            field: None,
            mpeg_field: 3,
            string: None,
            shape: None,
        }
    }

    /// Whether a picture's first start code has a zero byte before it (ITU-T H.264 annex B).
    pub(super) fn has_long_codes(&self) -> bool {
        matches!(self.syntax, Syntax::H264 | Syntax::H265)
    }

    /// Reads a unit: what stands between two start codes.
    pub(super) fn read(&mut self, unit: &[u8]) -> Role {
        match self.syntax {
            Syntax::H264 => self.h264(unit),
            Syntax::H265 => self.h265(unit),
            Syntax::Mpeg2 => self.mpeg2(unit),
            Syntax::Mpeg4 => self.mpeg4(unit),
        }
    }

    fn h264(&mut self, unit: &[u8]) -> Role {
        match unit.first().map(|header| header & 0x1F) {
            Some(7) => {
                if let Some(sps) = h264::sps(unit) {
                    self.string.get_or_insert_with(|| sps.string.clone());
                    self.shape.get_or_insert(sps.shape);
                    self.sps = Some(sps);
                }
                Role::Leading
            }
            Some(6) => {
                self.recovery |= h264::recovery_point(unit);
                Role::Leading
            }
            Some(8 | 9 | 14..=18) => Role::Leading,
            Some(kind @ (1 | 5)) => {
                let slice = self.sps.as_ref().and_then(|sps| h264::slice(unit, sps));
                let first = slice.map_or_else(|| unit.get(1).is_some_and(|b| b & 0x80 != 0), |s| s.first);
                if !first || self.completes(slice) {
                    self.recovery = false;
                    return Role::More;
                }
                self.field = slice.filter(|s| s.field.is_some());
                let recovery = std::mem::take(&mut self.recovery);
                Role::First(Told { key: kind == 5 || recovery, intra: slice.is_some_and(|s| s.intra) })
            }
            // Partitions B and C follow their A.
            Some(2) => Role::First(Told::default()),
            Some(3 | 4) => Role::More,
            _ => Role::Other,
        }
    }

    /// Whether a slice begins the second field of the picture before.
    fn completes(&mut self, slice: Option<Slice>) -> bool {
        let pair = self.field.zip(slice).is_some_and(|(first, second)| {
            first.frame_num == second.frame_num && second.field.is_some() && first.field != second.field
        });
        if pair {
            self.field = None;
        }
        pair
    }

    fn h265(&mut self, unit: &[u8]) -> Role {
        let [header, layer, first, ..] = *unit else { return Role::Other };
        if header & 1 != 0 || layer & 0xF8 != 0 {
            return Role::Other;
        }
        match header >> 1 & 0x3F {
            33 => {
                if let Some((string, shape)) = h265::sps(unit) {
                    self.string.get_or_insert(string);
                    self.shape.get_or_insert(shape);
                }
                Role::Leading
            }
            32 | 34 | 35 | 39 | 41..=44 | 48..=55 => Role::Leading,
            kind @ 0..=31 if first & 0x80 != 0 => {
                let key = h265::is_entry(kind);
                Role::First(Told { key, intra: key })
            }
            0..=31 => Role::More,
            _ => Role::Other,
        }
    }

    fn mpeg2(&mut self, unit: &[u8]) -> Role {
        match unit.first() {
            Some(0xB3) => {
                if let Some(shape) = mpeg::sequence(unit) {
                    self.shape.get_or_insert(shape);
                }
                Role::Leading
            }
            Some(0xB8) => Role::Leading,
            Some(0x00) => {
                (self.header, self.structure) = (mpeg::picture(unit), 3);
                Role::Leading
            }
            Some(0xB5) => {
                if let Some(string) = mpeg::mpeg2_string(unit) {
                    self.string.get_or_insert_with(|| string.to_owned());
                }
                self.structure = mpeg::structure(unit).unwrap_or(self.structure);
                Role::Leading
            }
            Some(0x01..=0xAF) => {
                let Some(kind) = self.header.take() else { return Role::More };
                let second = self.structure != 3 && self.mpeg_field + self.structure == 3;
                self.mpeg_field = if second { 3 } else { self.structure };
                let key = kind == Kind::Intra;
                if second { Role::More } else { Role::First(Told { key, intra: key }) }
            }
            _ => Role::Other,
        }
    }

    fn mpeg4(&mut self, unit: &[u8]) -> Role {
        match unit.first() {
            Some(0xB6) => {
                let key = mpeg::mpeg4(&[&[0, 0, 1], unit].concat()) == Some(Kind::Intra);
                Role::First(Told { key, intra: key })
            }
            Some(layer @ (0x00..=0x2F | 0xB0..=0xB5)) => {
                if (0x20..=0x2F).contains(layer)
                    && let Some(shape) = mpeg::object_layer(unit)
                {
                    self.shape.get_or_insert(shape);
                }
                Role::Leading
            }
            _ => Role::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_mpeg2_are_paired() {
        let mut units = Units::new(Syntax::Mpeg2);
        let extension = |structure: u8| [0xB5, 0x8F, 0xFF, 0xF0 | structure, 0];
        let picture = |kind: u8| [0x00, 0, kind << 3, 0];
        let key = Role::First(Told { key: true, intra: true });
        for (field, expected) in [(1, key), (2, Role::More)] {
            assert_eq!(units.read(&picture(if field == 1 { 1 } else { 2 })), Role::Leading);
            assert_eq!(units.read(&extension(field)), Role::Leading);
            assert_eq!(units.read(&[0x01, 9]), expected);
            assert_eq!(units.read(&[0x02, 9]), Role::More);
        }
        units.read(&picture(2));
        units.read(&extension(3));
        assert_eq!(units.read(&[0x01, 9]), Role::First(Told::default()));
    }

    #[test]
    fn pictures_of_h264_begin_with_their_first_slice() {
        let mut units = Units::new(Syntax::H264);
        assert_eq!(units.read(&[9, 0x10]), Role::Leading);
        assert_eq!(units.read(&[0x65, 0x88]), Role::First(Told { key: true, intra: false }));
        assert_eq!(units.read(&[0x65, 0x08]), Role::More);
        units.read(&[6, 6, 1, 0xC4, 0x80]);
        assert_eq!(units.read(&[0x41, 0x88]), Role::First(Told { key: true, intra: false }));
        assert_eq!(units.read(&[0x41, 0x88]), Role::First(Told::default()));
        assert_eq!((units.read(&[]), units.read(&[12])), (Role::Other, Role::Other));
    }

    #[test]
    fn pictures_of_h265_begin_with_a_first_segment() {
        let mut units = Units::new(Syntax::H265);
        assert_eq!(units.read(&[19 << 1, 1, 0x80]), Role::First(Told { key: true, intra: true }));
        assert_eq!(units.read(&[19 << 1, 1, 0x00]), Role::More);
        assert_eq!(units.read(&[1 << 1, 1, 0x80]), Role::First(Told::default()));
        assert_eq!(units.read(&[35 << 1, 1, 0x50]), Role::Leading);
    }
}

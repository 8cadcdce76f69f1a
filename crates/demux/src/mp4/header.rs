//! The small boxes: `mvhd`, `tkhd`, `mdhd`, `hdlr`, `elst`, `pasp`, `colr`.

use timeline::cues::language_of_code;

use super::boxes::{Body, Kind};
use crate::Error;
use crate::movie::{Color, Orientation, Rotation};

/// The upper left of a transformation matrix in 16.16 fixed point: x' = a·x + c·y, y' = b·x + d·y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matrix {
    a: i64,
    b: i64,
    c: i64,
    d: i64,
}

impl Matrix {
    pub(super) const IDENTITY: Self = Self { a: 1 << 16, b: 0, c: 0, d: 1 << 16 };

    fn read(body: &mut Body<'_>) -> Result<Self, Error> {
        let mut row = || -> Result<(i64, i64), Error> {
            let pair = (body.i32()?.into(), body.i32()?.into());
            body.skip(4)?;
            Ok(pair)
        };
        let ((a, b), (c, d)) = (row()?, row()?);
        body.skip(12)?;
        Ok(Self { a, b, c, d })
    }

    /// This one first, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        let cell = |p: i64, q: i64, r: i64, s: i64| {
            ((i128::from(p) * i128::from(q) + i128::from(r) * i128::from(s)) >> 16) as i64
        };
        Self {
            a: cell(self.a, next.a, self.b, next.c),
            b: cell(self.a, next.b, self.b, next.d),
            c: cell(self.c, next.a, self.d, next.c),
            d: cell(self.c, next.b, self.d, next.d),
        }
    }

    /// The nearest quarter turn, and whether the picture is mirrored before it.
    pub(super) fn orientation(self) -> Orientation {
        let Self { a, b, c, d } = self;
        let mirrored = i128::from(a) * i128::from(d) < i128::from(b) * i128::from(c);
        let (a, b) = if mirrored { (a.saturating_neg(), b.saturating_neg()) } else { (a, b) };
        let rotation = match (b.unsigned_abs() > a.unsigned_abs(), a < 0, b < 0) {
            (false, false, _) => Rotation::None,
            (false, true, _) => Rotation::Half,
            (true, _, false) => Rotation::Clockwise90,
            (true, _, true) => Rotation::Clockwise270,
        };
        Orientation { rotation, mirrored }
    }
}

/// `mvhd`: timescale of edit durations, and a matrix for all tracks.
pub(super) fn movie(mut body: Body<'_>) -> Result<(u32, Matrix), Error> {
    let (version, _) = body.version()?;
    body.skip(if version == 1 { 16 } else { 8 })?;
    let timescale = body.u32()?;
    body.skip(if version == 1 { 8 } else { 4 } + 16)?;
    Ok((timescale, Matrix::read(&mut body).unwrap_or(Matrix::IDENTITY)))
}

/// `tkhd`: number, whether enabled, matrix.
pub(super) fn track(mut body: Body<'_>) -> Result<(u32, bool, Matrix), Error> {
    let (version, flags) = body.version()?;
    body.skip(if version == 1 { 16 } else { 8 })?;
    let id = body.u32()?;
    body.skip(4 + if version == 1 { 8 } else { 4 } + 16)?;
    Ok((id, flags & 1 != 0, Matrix::read(&mut body)?))
}

/// `mdhd`: ticks a second.
pub(super) fn media(mut body: Body<'_>) -> Result<u32, Error> {
    let (version, _) = body.version()?;
    body.skip(if version == 1 { 16 } else { 8 })?;
    match body.u32()? {
        0 => Err(body.malformed("a clock with zero ticks a second")),
        timescale => Ok(timescale),
    }
}

/// `mdhd`: the language, three letters of five bits each, or a number of QuickTime's.
pub(super) fn language(mut body: Body<'_>) -> Option<String> {
    let (version, _) = body.version().ok()?;
    body.skip(if version == 1 { 16 + 4 + 8 } else { 8 + 4 + 4 }).ok()?;
    let packed = body.u16().ok()?;
    if packed < 0x400 {
        return MACINTOSH.get(usize::from(packed)).and_then(|code| language_of_code(code));
    }
    let letters = [10, 5, 0].map(|shift| char::from((packed >> shift & 0x1F) as u8 + 0x60));
    language_of_code(&letters.iter().collect::<String>())
}

/// The first of QuickTime's language numbers, up to Simplified Chinese.
const MACINTOSH: [&str; 34] = [
    "en", "fr", "de", "it", "nl", "sv", "es", "da", "pt", "no", "he", "ja", "ar", "fi", "el", "is", "mt", "tr", "hr",
    "zh-Hant", "ur", "hi", "th", "ko", "lt", "pl", "hu", "et", "lv", "se", "fo", "fa", "ru", "zh-Hans",
];

/// `elng`: the language as a tag of BCP 47.
pub(super) fn extended_language(mut body: Body<'_>) -> Option<String> {
    body.version().ok()?;
    language_of_code(&text(body))
}

/// Text up to the end of a box or the first zero.
pub(super) fn text(body: Body<'_>) -> String {
    let text = body.bytes().split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}

/// `hdlr`: what the track carries.
pub(super) fn handler(mut body: Body<'_>) -> Result<Kind, Error> {
    body.skip(8)?;
    Ok(body.u32()?.to_be_bytes())
}

/// One entry of `elst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// In ticks of the movie; zero means "to the end".
    pub(super) duration: i64,
    /// In ticks of the track; -1 shows nothing.
    pub(super) media_time: i64,
}

/// `elst`.
pub(super) fn edits(mut body: Body<'_>) -> Result<Vec<Edit>, Error> {
    let (version, _) = body.version()?;
    let large = version == 1;
    let count = body.count(if large { 20 } else { 12 })?;
    let mut edits = Vec::with_capacity(count);
    for _ in 0..count {
        let (duration, media_time) = if large {
            (i64::try_from(body.u64()?).unwrap_or(i64::MAX), body.i64()?)
        } else {
            (body.u32()?.into(), body.i32()?.into())
        };
        body.skip(4)?;
        edits.push(Edit { duration, media_time });
    }
    Ok(edits)
}

/// `pasp`: width : height of a pixel.
pub(super) fn pixel_aspect(mut body: Body<'_>) -> Option<(u32, u32)> {
    let pair = (body.u32().ok()?, body.u32().ok()?);
    (pair.0 > 0 && pair.1 > 0).then_some(pair)
}

/// `colr`: code points; QuickTime's `nclc` has no range.
pub(super) fn color(mut body: Body<'_>) -> Option<Color> {
    let kind = body.take(4).ok()?;
    if kind != b"nclx" && kind != b"nclc" {
        return None;
    }
    let (primaries, transfer, matrix) = (body.u16().ok()?, body.u16().ok()?, body.u16().ok()?);
    let full_range = kind == b"nclx" && body.u8().ok()? & 0x80 != 0;
    Some(Color { primaries, transfer, matrix, full_range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_read_as_players_turn_the_picture() {
        let one = 1 << 16;
        for (a, b, c, d, rotation, mirrored) in [
            (one, 0, 0, one, Rotation::None, false),
            (0, one, -one, 0, Rotation::Clockwise90, false),
            (-one, 0, 0, -one, Rotation::Half, false),
            (0, -one, one, 0, Rotation::Clockwise270, false),
            (-one, 0, 0, one, Rotation::None, true),
            (one, 0, 0, -one, Rotation::Half, true),
        ] {
            assert_eq!(Matrix { a, b, c, d }.orientation(), Orientation { rotation, mirrored });
        }
        let quarter = Matrix { a: 0, b: one, c: -one, d: 0 };
        assert_eq!(quarter.then(quarter).orientation().rotation, Rotation::Half);
    }
}

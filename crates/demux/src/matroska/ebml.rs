//! EBML (RFC 8794): element headers in the file, and elements in memory.

use std::io::{Read, Seek};

use crate::Error;
use crate::source::Source;

/// Where an element lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    /// First byte of its header.
    pub(super) at: u64,
    /// First byte of its content.
    pub(super) body: u64,
    /// Behind its content; nothing when the writer did not know (a live recording).
    pub(super) end: Option<u64>,
}

/// The header at a position; nothing where there is none: at the end of the file, or in noise.
pub(super) fn header<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<Option<Element>, Error> {
    let bytes = source.peek(at, 12)?;
    let parsed = id(bytes).and_then(|(id, used)| {
        let (size, more) = size(bytes.get(used..)?)?;
        Some((id, used + more, size))
    });
    Ok(parsed.map(|(id, used, size)| {
        let body = at.saturating_add(used as u64);
        Element { id, at, body, end: size.map(|size| body.saturating_add(size)) }
    }))
}

/// An element ID with its marker bits, and the bytes it takes.
fn id(bytes: &[u8]) -> Option<(u32, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    if length > 4 {
        return None;
    }
    Some((bytes.get(..length)?.iter().fold(0, |sum, &b| sum << 8 | u32::from(b)), length))
}

/// A size (nothing when unknown), and the bytes it takes.
fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let (value, length) = number(bytes)?;
    let unknown = (1_u64 << (7 * length)) - 1;
    Some(((value != unknown).then_some(value), length))
}

/// A number of one to eight bytes, whose first one tells how many.
pub(super) fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let rest = bytes.get(1..length)?;
    let head = u64::from(first) & ((1_u64 << (8 - length)) - 1);
    Some((rest.iter().fold(head, |sum, &b| sum << 8 | u64::from(b)), length))
}

/// An element's content in memory, and where in the file it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: u64,
}

impl<'a> Content<'a> {
    /// The elements inside, as far as they are whole.
    pub(super) fn children(self) -> impl Iterator<Item = (u32, Content<'a>)> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let (id, used) = id(rest.bytes)?;
            let (size, more) = size(rest.bytes.get(used..)?)?;
            let body = used + more;
            let left = rest.bytes.get(body..)?;
            let length = size.map_or(Some(left.len()), |size| usize::try_from(size).ok())?;
            let bytes = left.get(..length)?;
            let at = rest.at + body as u64;
            rest = Content { bytes: left.get(length..)?, at: at + length as u64 };
            Some((id, Content { bytes, at }))
        })
    }

    /// The first child of a kind.
    pub(super) fn child(self, id: u32) -> Option<Content<'a>> {
        self.children().find(|(found, _)| *found == id).map(|(_, content)| content)
    }

    /// A whole number; empty is zero.
    pub(super) fn uint(self) -> u64 {
        self.bytes.iter().take(8).fold(0, |sum, &b| sum << 8 | u64::from(b))
    }

    /// A number of four or eight bytes; not-a-number and infinities are nothing.
    pub(super) fn float(self) -> Option<f64> {
        let number = match *self.bytes {
            [] => 0.0,
            [a, b, c, d] => f64::from(f32::from_be_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// Text up to its end or the first zero.
    pub(super) fn text(self) -> String {
        let end = self.bytes.iter().position(|&b| b == 0).unwrap_or(self.bytes.len());
        String::from_utf8_lossy(self.bytes.get(..end).unwrap_or_default()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_length_their_first_byte_says() {
        assert_eq!(number(&[0x81]), Some((1, 1)));
        assert_eq!(number(&[0x40, 0x02]), Some((2, 2)));
        assert_eq!(number(&[0x01, 0, 0, 0, 0, 0, 0, 9]), Some((9, 8)));
        assert_eq!((number(&[]), number(&[0x40]), number(&[0])), (None, None, None));
        assert_eq!(size(&[0xFF]), Some((None, 1)));
        assert_eq!(size(&[0x01, 255, 255, 255, 255, 255, 255, 255]), Some((None, 8)));
        assert_eq!(size(&[0xFE]), Some((Some(126), 1)));
    }

    #[test]
    fn children_end_where_one_does_not_fit() {
        let bytes = [0xD7, 0x81, 5, 0x53, 0xAB, 0x82, 1, 2, 0xE7, 0x84, 1];
        let content = Content { bytes: &bytes, at: 100 };
        let found: Vec<_> = content.children().map(|(id, c)| (id, c.at, c.uint())).collect();
        assert_eq!(found, [(0xD7, 102, 5), (0x53AB, 106, 0x0102)]);
        assert_eq!(Content { bytes: &[0x7F, 0xC0, 0, 0], at: 0 }.float(), None);
    }
}

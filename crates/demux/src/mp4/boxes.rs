//! Boxes of ISO/IEC 14496-12 §4.2 in memory: a reader that never reads past its end, and the walk over children.

use crate::Error;

/// Four characters.
pub(super) type Kind = [u8; 4];

/// The four characters for a message.
pub(crate) fn name(kind: Kind) -> String {
    kind.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '?' }).collect()
}

/// What is left of a box's payload, and where in the file that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    kind: Kind,
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Body<'a> {
    pub(super) fn new(kind: Kind, rest: &'a [u8], offset: u64) -> Self {
        Self { kind, rest, offset }
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Where in the file it is.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { name: name(self.kind), offset: self.offset, what }
    }

    pub(super) fn too_many(&self, claimed: u64) -> Error {
        Error::TooMany { name: name(self.kind), offset: self.offset, claimed }
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| self.malformed("too few bytes"))?;
        self.rest = rest;
        self.offset += n as u64;
        Ok(head)
    }

    pub(super) fn skip(&mut self, n: usize) -> Result<(), Error> {
        self.take(n).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed("too few bytes"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[b]| b)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    /// Version and flags of a full box.
    pub(super) fn version(&mut self) -> Result<(u8, u32), Error> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00FF_FFFF))
    }

    /// A count of entries of `each` bytes that must follow.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, Error> {
        let claimed = self.u32()?;
        let held = self.rest.len() / each.max(1);
        let count = usize::try_from(claimed).unwrap_or(usize::MAX);
        if count > held { Err(self.too_many(claimed.into())) } else { Ok(count) }
    }

    /// The boxes inside; fewer than eight bytes at the end are padding.
    pub(super) fn children(self) -> Children<'a> {
        Children { parent: self }
    }

    /// A box of a kind anywhere among other bytes: for entries whose fields before their boxes are not known.
    pub(super) fn find(self, kind: &Kind) -> Option<Body<'a>> {
        let at = self.rest.windows(4).position(|word| word == kind)?.checked_sub(4)?;
        let mut from = self;
        from.skip(at).ok()?;
        from.child(kind)
    }

    /// The first child of a kind.
    pub(super) fn child(self, kind: &Kind) -> Option<Body<'a>> {
        self.children().filter_map(Result::ok).find(|(k, _)| k == kind).map(|(_, body)| body)
    }
}

/// Iterator over the boxes of a payload; ends after the first malformed one.
pub(super) struct Children<'a> {
    parent: Body<'a>,
}

impl<'a> Children<'a> {
    fn read(&mut self) -> Result<(Kind, Body<'a>), Error> {
        let start = self.parent;
        let size = self.parent.u32()?;
        let kind: Kind = self.parent.array()?;
        let body = match size {
            0 => self.parent.len() as u64,
            1 => self.parent.u64()?.wrapping_sub(16),
            n => u64::from(n).wrapping_sub(8),
        };
        let length = usize::try_from(body).ok().filter(|&n| n <= self.parent.len());
        let length = length.ok_or_else(|| Body { kind, ..start }.malformed("a size that does not fit"))?;
        let offset = self.parent.offset;
        Ok((kind, Body::new(kind, self.parent.take(length)?, offset)))
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<(Kind, Body<'a>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.parent.len() < 8 {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.parent.rest = &[];
        }
        Some(item)
    }
}

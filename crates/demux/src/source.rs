//! A file read at given places through a small window, so that walking headers costs headers.
//!
//! The window starts at a block of the disk's size and grows while what is asked for lies close behind it: small frames
//! are read straight through, large ones are stepped over.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use crate::Error;

const SMALLEST: usize = 512;
const LARGEST: usize = 256 << 10;

/// Bytes of a file by position.
pub(crate) struct Source<'r, R> {
    reader: &'r mut R,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
    next: usize,
}

impl<'r, R: Read + Seek> Source<'r, R> {
    pub(crate) fn new(reader: &'r mut R) -> Result<Self, Error> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, len, window: Vec::new(), window_at: 0, next: SMALLEST })
    }

    /// Size of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Up to `want` bytes at a position; fewer where the file ends.
    pub(crate) fn peek(&mut self, at: u64, want: usize) -> Result<&[u8], Error> {
        let here = usize::try_from(self.len.saturating_sub(at)).map_or(want, |left| want.min(left));
        if !self.holds(at, here) {
            let end = self.window_at + self.window.len() as u64;
            let close = at.checked_sub(end).is_some_and(|gap| gap <= self.next as u64);
            self.next = if close { (self.next * 2).min(LARGEST) } else { SMALLEST };
            self.fill(at, here.max(self.next))?;
        }
        let from = usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        let held = self.window.get(from..).unwrap_or_default();
        Ok(held.get(..here).unwrap_or(held))
    }

    /// Exactly `N` bytes, or nothing where the file ends before.
    pub(crate) fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, Error> {
        Ok(self.peek(at, N)?.try_into().ok())
    }

    /// A stretch of the file as far as it is there; the caller has bounded it.
    pub(crate) fn bytes(&mut self, at: u64, size: usize) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(self.len.saturating_sub(at)).map_or(size, |left| size.min(left));
        self.reader.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; size];
        let filled = fill(self.reader, &mut bytes)?;
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The first place of a four-byte word from `at` on, read in pieces that grow: where damage follows damage the next word is
    /// near, and behind a long stretch of it few large pieces are soonest read.
    pub(crate) fn find(&mut self, word: [u8; 4], mut at: u64) -> Result<Option<u64>, Error> {
        let mut size = SMALLEST;
        while at.saturating_add(4) <= self.len {
            let piece = self.bytes(at, size)?;
            if piece.is_empty() {
                break;
            }
            if let Some(place) = piece.windows(4).position(|w| w == word) {
                return Ok(Some(at + place as u64));
            }
            at += (piece.len().max(4) - 3) as u64;
            size = (size * 2).min(LARGEST);
        }
        Ok(None)
    }

    fn holds(&self, at: u64, want: usize) -> bool {
        let end = self.window_at + self.window.len() as u64;
        at >= self.window_at && at.saturating_add(want as u64) <= end
    }

    fn fill(&mut self, at: u64, size: usize) -> Result<(), Error> {
        let size = usize::try_from(self.len.saturating_sub(at)).map_or(size, |left| size.min(left));
        self.reader.seek(SeekFrom::Start(at))?;
        self.window.resize(size, 0);
        let filled = fill(self.reader, &mut self.window)?;
        self.window.truncate(filled);
        self.window_at = at;
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends; returns how much came.
pub(crate) fn fill<R: Read>(reader: &mut R, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|r| !r.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_window_gives_what_the_file_has_there() {
        let file: Vec<u8> = (0..5_000_u32).map(|n| (n % 251) as u8).collect();
        let mut reader = Cursor::new(file.clone());
        let mut source = Source::new(&mut reader).unwrap();
        for (at, want) in [(0, 4), (3, 600), (4_990, 20), (10, 10), (700, 1_000), (5_000, 4), (9_999, 1)] {
            let from = at.min(file.len());
            let expected = &file[from..file.len().min(from + want)];
            assert_eq!(source.peek(at as u64, want).unwrap(), expected, "{at}+{want}");
            assert_eq!(source.bytes(at as u64, want).unwrap(), expected, "{at}+{want}");
        }
        assert_eq!(source.array::<4>(4_997).unwrap(), None);
    }

    #[test]
    fn a_word_is_found_across_pieces() {
        let mut file = vec![0_u8; 600_000];
        for at in [LARGEST - 2, 599_996] {
            file[at..at + 4].copy_from_slice(b"word");
        }
        let mut reader = Cursor::new(file);
        let mut source = Source::new(&mut reader).unwrap();
        assert_eq!(source.find(*b"word", 0).unwrap(), Some(LARGEST as u64 - 2));
        assert_eq!(source.find(*b"word", LARGEST as u64).unwrap(), Some(599_996));
        assert_eq!(source.find(*b"word", 599_997).unwrap(), None);
    }
}

//! From the bytes of a file to what a decoder is given: the one way to read a sample, whatever the container does to it.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use crate::movie::Track;
use crate::source::fill;
use crate::zlib::inflated;
use crate::{Error, ts};

/// How the samples of a track lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Each in one piece, as it is.
    Plain,
    /// Each in one piece without its first bytes, which are always these (Matroska's header stripping).
    Stripped(Vec<u8>),
    /// Each in one piece, compressed with zlib (Matroska).
    Zlib,
    /// Scattered over the packets of a transport stream.
    Packets(Packets),
    /// Compressed in a way that is not undone here, in words.
    Compressed(&'static str),
}

/// Where the samples of a transport stream's track begin within their packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packets {
    /// Number of the elementary stream.
    pub(crate) pid: u16,
    /// Bytes from one packet to the next: 188, 192 or 204.
    pub(crate) stride: u16,
    /// For every sample, how far from its packet's first byte it begins.
    pub(crate) starts: Vec<u8>,
    /// Behind the last packet of the last sample.
    pub(crate) end: u64,
}

/// A sample larger than this is noise: no codec writes a picture of a quarter of a gigabyte.
const LARGEST_SAMPLE: u64 = 256 << 20;

/// What was done to a sample's bytes taken back.
pub(crate) struct Undone<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Whether nothing was wrong or missing.
    pub(crate) whole: bool,
}

impl Layout {
    /// Takes back what was done to a sample that lies in one piece, as far as its bytes go and up to `most`.
    pub(crate) fn undone<'a>(&self, bytes: &'a [u8], most: usize) -> Undone<'a> {
        match self {
            Self::Stripped(prefix) => Undone { bytes: Cow::Owned([prefix, bytes].concat()), whole: true },
            Self::Zlib => {
                let (bytes, whole) = inflated(bytes, most);
                Undone { bytes: Cow::Owned(bytes), whole }
            }
            Self::Plain | Self::Packets(_) | Self::Compressed(_) => Undone { bytes: Cow::Borrowed(bytes), whole: true },
        }
    }
}

impl Track {
    /// Where in the file a sample lies, from its first byte to behind its last. In a transport stream, what belongs to
    /// other tracks lies between.
    pub fn extent(&self, sample: usize) -> Option<Range<u64>> {
        let at = self.samples.get(sample)?;
        let end = match &self.layout {
            Layout::Packets(packets) => match self.samples.get(sample + 1) {
                Some(next) => next.offset.saturating_add(packets.stride.into()),
                None => packets.end,
            },
            _ => at.offset.saturating_add(at.size.into()),
        };
        Some(at.offset..end.max(at.offset))
    }

    /// Whether the bytes of an extent are what a decoder is given, so that nobody has to copy them.
    pub fn plain(&self) -> bool {
        self.layout == Layout::Plain
    }

    /// What a decoder is given, from the bytes of a sample's extent; with only their beginning, the beginning of it.
    pub fn unpack(&self, sample: usize, bytes: &[u8]) -> Vec<u8> {
        match (&self.layout, self.samples.get(sample)) {
            (Layout::Packets(packets), Some(at)) => {
                let start = packets.starts.get(sample).copied().unwrap_or_default();
                ts::joined(bytes, packets.pid, packets.stride, start, at.size)
            }
            (layout, _) => {
                let most = usize::try_from(LARGEST_SAMPLE).unwrap_or(usize::MAX);
                layout.undone(bytes, most).bytes.into_owned()
            }
        }
    }

    /// What a decoder is given for a sample, read from the file.
    ///
    /// # Errors
    /// There is no such sample, the file ends before it, or it cannot be read.
    pub fn read_sample<R: Read + Seek>(&self, reader: &mut R, sample: usize) -> Result<Vec<u8>, Error> {
        self.read_beginning(reader, sample, u64::MAX)
    }

    /// [`read_sample`](Self::read_sample), from at most the first `most` bytes of its extent.
    ///
    /// # Errors
    /// There is no such sample, the file ends before it, or it cannot be read.
    pub fn read_beginning<R: Read + Seek>(&self, reader: &mut R, sample: usize, most: u64) -> Result<Vec<u8>, Error> {
        let extent = self.extent(sample).unwrap_or_default();
        let malformed = |what| Error::Malformed { name: format!("sample {sample}"), offset: extent.start, what };
        let length = (extent.end - extent.start).min(most);
        if length == 0 {
            return Err(malformed("no bytes"));
        }
        let file_len = reader.seek(SeekFrom::End(0))?;
        if length > LARGEST_SAMPLE || extent.start.saturating_add(length) > file_len {
            return Err(malformed("more bytes than the file can hold"));
        }
        reader.seek(SeekFrom::Start(extent.start))?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| malformed("more bytes than fit in memory"))?];
        if fill(reader, &mut bytes)? < bytes.len() {
            return Err(malformed("its end lies behind the end of the file"));
        }
        Ok(self.unpack(sample, &bytes))
    }
}

//! Which container a file is, by its first bytes; the name of a file says nothing.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use serde::Serialize;

use crate::source::fill;
use crate::{Error, ts};

/// A container that is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// MP4, QuickTime and their relatives (ISO base media file format).
    Mp4,
    /// Matroska or WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG transport stream.
    MpegTs,
    /// MPEG program stream.
    MpegPs,
    /// Flash video.
    Flv,
    /// ASF / WMV.
    Asf,
    /// Ogg.
    Ogg,
}

impl Container {
    /// Its name, as people know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Matroska => "Matroska (WebM)",
            Self::Avi => "AVI",
            Self::MpegTs => "MPEG-TS",
            Self::MpegPs => "MPEG-PS",
            Self::Flv => "Flash Video (FLV)",
            Self::Asf => "Windows Media (ASF)",
            Self::Ogg => "Ogg",
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// First boxes an MP4 or QuickTime file is seen to begin with.
const FIRST_BOXES: [&[u8; 4]; 12] =
    [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof", b"uuid", b"PICT"];

const ASF: [u8; 8] = [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11];

/// Bytes by which a container is recognised: some packets of a transport stream.
const HEAD: usize = 2048;

/// Recognises the container and rewinds.
pub(crate) fn container<R: Read + Seek>(reader: &mut R) -> Result<Container, Error> {
    let head = head(reader)?;
    if head.is_empty() { Err(Error::Empty) } else { recognise(&head).ok_or(Error::NotAVideo) }
}

/// The first bytes of a file.
pub(crate) fn head<R: Read + Seek>(reader: &mut R) -> Result<Vec<u8>, Error> {
    reader.seek(SeekFrom::Start(0))?;
    let mut head = vec![0; HEAD];
    let filled = fill(reader, &mut head)?;
    head.truncate(filled);
    reader.seek(SeekFrom::Start(0))?;
    Ok(head)
}

fn recognise(head: &[u8]) -> Option<Container> {
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(magic));
    if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        return Some(Container::Matroska);
    }
    if at(0, b"RIFF") && at(8, b"AVI ") {
        return Some(Container::Avi);
    }
    if at(0, &[0, 0, 1, 0xBA]) || at(0, &[0, 0, 1, 0xB3]) {
        return Some(Container::MpegPs);
    }
    if at(0, b"FLV\x01") {
        return Some(Container::Flv);
    }
    if at(0, &ASF) {
        return Some(Container::Asf);
    }
    if at(0, b"OggS") {
        return Some(Container::Ogg);
    }
    if head.get(4..8).is_some_and(|kind| FIRST_BOXES.iter().any(|first| kind == *first)) {
        return Some(Container::Mp4);
    }
    ts::stride(head).map(|_| Container::MpegTs)
}

//! Why a file gives no frames. Every message says what to do; positions are bytes from the start of the file.

use std::fmt;

use serde::Serialize;
use timeline::Timestamp;

use crate::sniff::Container;

/// Why a file could not be read as a video.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading the file failed.
    #[error("the file could not be read ({0}); check that it still exists and may be read, then try again")]
    Io(#[from] std::io::Error),
    /// No byte at all.
    #[error("the file is empty (0 bytes); the copy or download probably failed, get it again")]
    Empty,
    /// The first bytes belong to no video container.
    #[error(
        "this is not a video file: its content is neither MP4 nor any other video container, whatever its name says"
    )]
    NotAVideo,
    /// A container that is known but not read.
    #[error("{container} files are not read; convert it first: ffmpeg -i INPUT -c copy OUTPUT.mp4")]
    Container {
        /// Which one.
        container: Container,
    },
    /// The index never comes.
    #[error(
        "the index (moov) is missing: recording or copying was cut off after {file_len} bytes; get the whole file again"
    )]
    MoovMissing {
        /// Size of the file.
        file_len: u64,
    },
    /// The tracks are never described.
    #[error("{missing} is missing: the file was cut off or never finished; get the whole file again")]
    HeaderMissing {
        /// What should have come.
        missing: &'static str,
    },
    /// The file has no pictures.
    #[error("there is no video in this file, only {found}; choose a file with a video track")]
    NoVideoTrack {
        /// What there is, in words.
        found: String,
    },
    /// The file has no sound.
    #[error("there is no sound in this file; choose one with a sound track")]
    NoSoundTrack,
    /// Samples lie behind the end of the file.
    #[error(
        "the file ends too early: {missing} of {total} frames lie behind its last byte ({file_len}), from {readable} on; \
         get the whole file again"
    )]
    SampleBeyondFile {
        /// Frames that cannot be read.
        missing: usize,
        /// Frames of the track.
        total: usize,
        /// Size of the file.
        file_len: u64,
        /// How far the video can be read.
        readable: Timestamp,
    },
    /// Nothing to show.
    #[error(
        "the video track has no length: no frame is ever shown; the file was probably never finished, export it again"
    )]
    ZeroDuration,
    /// Protected content.
    #[error("the video is encrypted ({scheme}) and cannot be analysed; use a file without copy protection")]
    Encrypted {
        /// The scheme, where the file names it: `cenc`, `cbcs`.
        scheme: String,
    },
    /// A box, element or chunk contradicts itself or its parent.
    #[error("the file is damaged: {what} in '{name}' at byte {offset}; get or export it again")]
    Malformed {
        /// Four characters, or an element's name.
        name: String,
        /// Position of the fault.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// More of something than any video has.
    #[error("the file is damaged: '{name}' at byte {offset} claims {claimed} entries, more than the file can hold")]
    TooMany {
        /// Four characters, or an element's name.
        name: String,
        /// Position of it.
        offset: u64,
        /// Entries claimed.
        claimed: u64,
    },
    /// Valid, but beyond what is read.
    #[error("{feature} is not supported; convert the file first: ffmpeg -i INPUT -c:v libx264 OUTPUT.mp4")]
    Unsupported {
        /// What the file uses.
        feature: &'static str,
    },
}

/// What is missing or damaged in a file that can be read all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Which part of the file: an element's name, four characters.
    pub name: String,
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong, and what became of it.
    pub what: &'static str,
}

impl Warning {
    pub(crate) fn new(name: &str, offset: u64, what: &'static str) -> Self {
        Self { name: name.to_owned(), offset, what }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' at byte {}: {}", self.name, self.offset, self.what)
    }
}

/// Warnings as they come; a file full of noise is not told in full.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    const MOST: usize = 32;

    pub(crate) fn add(&mut self, name: &str, offset: u64, what: &'static str) {
        if self.0.len() < Self::MOST {
            self.0.push(Warning::new(name, offset, what));
        }
    }

    pub(crate) fn into_list(self) -> Vec<Warning> {
        self.0
    }
}

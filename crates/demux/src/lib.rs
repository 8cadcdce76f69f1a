//! Video files to tracks and samples with exact timestamps: pure, `Read + Seek`, native and wasm32.
//!
//! [`open`] recognises the container by its first bytes and reads its index, never the pictures: a file of five
//! gigabytes costs a few box headers and one `moov`. What comes back is a [`Movie`]: for every video track its samples in
//! decoding order (where to read, what to give to a decoder) and its frames in presentation order (what is shown when,
//! edit list applied), with microseconds equal to what `ffprobe -show_frames` prints ([`time`] tells how they round).
//!
//! | I want to change how … | file |
//! |---|---|
//! | a container is recognised | `sniff.rs` |
//! | an MP4 is walked | `mp4/mod.rs`, `mp4/boxes.rs` |
//! | sample tables become samples | `mp4/tables.rs`, fragments: `mp4/fragments.rs` |
//! | samples become shown frames | `mp4/edits.rs` |
//! | a codec string is written | `mp4/codec.rs` |
//! | samples are left out of decoding | [`feed`] |
//! | ticks become microseconds | [`time`] |
//!
//! Matroska and AVI will be folders beside `mp4`; until then they are recognised and named in the error.

pub mod feed;
pub mod time;

mod error;
mod movie;
mod mp4;
mod sniff;

use std::io::{Read, Seek};

pub use error::Error;
pub use movie::{Codec, Color, Frame, Movie, Orientation, Rotation, Sample, Track, TrackKind};
pub use sniff::Container;

/// Reads the index of a video file.
///
/// # Errors
/// See [`Error`]: each variant says what is wrong with the file and what to do about it.
pub fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    match sniff::container(reader)? {
        Container::Mp4 => mp4::open(reader),
        other => Err(Error::Container { container: other }),
    }
}

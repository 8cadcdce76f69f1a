//! Video files to tracks, samples and subtitles with exact timestamps: pure, `Read + Seek`, native and wasm32.
//!
//! [`open`] recognises the container by its first bytes and reads its index, never the pictures: a file of five
//! gigabytes costs a few box headers and one `moov`, or the headers of its blocks. (A transport stream has no index and is
//! read through once.) What comes back is a [`Movie`]: for every video track its samples in decoding order (where to read,
//! what to give to a decoder) and its frames in presentation order (what is shown when, edit list applied), with
//! microseconds equal to what `ffprobe -show_frames` prints ([`time`] tells how they round); and the subtitle tracks, on
//! the same clock, whose cues [`SubtitleTrack::read`] reads when they are wanted. [`open_sound`] does the same for the first
//! sound track and nothing else.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a container is recognised | `sniff.rs` |
//! | an MP4 is walked | `mp4/mod.rs`, `mp4/boxes.rs` |
//! | sample tables become samples | `mp4/tables.rs`, fragments: `mp4/fragments.rs` |
//! | samples become shown frames | `mp4/edits.rs`; without tables: `order.rs` |
//! | Matroska is walked | `matroska/mod.rs`, blocks: `matroska/pictures.rs`, tracks: `matroska/track.rs` |
//! | AVI is walked | `avi/mod.rs`, its indices: `avi/index.rs` |
//! | packets become pictures | `ts/mod.rs`, `ts/pes.rs`, `ts/units.rs` |
//! | a sample's bytes are put together | `layout.rs`, `zlib.rs` |
//! | subtitle tracks become cues | `subtitles.rs`, `mp4/text.rs`, `matroska/text.rs` |
//! | sound lies in a file and is heard when | `sound.rs`, `mp4/sound.rs`, `matroska/sound.rs`, `codec/sound.rs` |
//! | a codec string is written | `codec/strings.rs`, `codec/fourcc.rs` |
//! | a key frame is checked | `codec/vpx.rs`, `codec/h264.rs`, `verify.rs` |
//! | samples are left out of decoding | [`feed`] |
//! | ticks become microseconds | [`time`] |

pub mod feed;
pub mod time;

mod avi;
mod bits;
mod codec;
mod error;
mod layout;
mod matroska;
mod movie;
mod mp4;
mod order;
mod sniff;
mod sound;
mod source;
mod subtitles;
mod ts;
mod verify;
mod zlib;

use std::io::{Read, Seek};

pub use error::{Error, Warning};
pub use layout::{Layout, Packets};
pub use movie::{Codec, Color, Frame, Movie, Orientation, Rotation, Sample, Track, TrackKind};
pub use sniff::Container;
pub use sound::{Continuity, SoundPacket, SoundTrack, Stretch, open_sound};
pub use subtitles::{SubtitleError, SubtitleTrack};
pub use verify::verify_keys;

/// Reads the index of a video file.
///
/// # Errors
/// See [`Error`]: each variant says what is wrong with the file and what to do about it.
pub fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    match sniff::container(reader)? {
        Container::Mp4 => mp4::open(reader),
        Container::Matroska => matroska::open(reader),
        Container::Avi => avi::open(reader),
        Container::MpegTs => ts::open(reader),
        other => Err(Error::Container { container: other }),
    }
}

//! Whether key samples are what the container calls them: their first bytes say it.
//!
//! VP8 and VP9 are checked when a file is opened: muxers do mark other frames, a decoder that begins there shows rubbish,
//! and key frames are few. H.264 is checked when asked ([`verify_keys`], and `feed` for the few samples a run begins at):
//! a film may have a key every second, and in a browser each look is a read of its own.

use std::io::{Read, Seek};

use crate::codec::vpx;
use crate::feed::{BEGINNING, Slices};
use crate::movie::Track;
use crate::{Error, Layout};

/// Takes the mark off samples that are called key and that no decoder can begin at: VP8 and VP9 frames that refer to
/// others; H.264 pictures that are neither IDR nor a recovery point. Reads the first bytes of every sample called key and
/// returns how many were none.
///
/// # Errors
/// The file cannot be read.
pub fn verify_keys<R: Read + Seek>(reader: &mut R, track: &mut Track) -> Result<usize, Error> {
    let check: fn(&Slices, &[u8]) -> bool = match track.codec.string.as_str() {
        "vp8" => |_, bytes| vpx::vp8(bytes).is_none_or(|told| told.key),
        string if string.starts_with("vp09.") => |_, bytes| vpx::vp9(bytes).is_none_or(|told| told.key),
        _ => |slices, bytes| slices.key(bytes),
    };
    let slices = Slices::of(&track.codec);
    let most = if slices.known() { BEGINNING } else { vpx::BEGINNING as u64 };
    if matches!(track.layout, Layout::Compressed(_)) || track.codec.encrypted {
        return Ok(0);
    }
    let mut liars = Vec::new();
    for (index, sample) in track.samples.iter().enumerate() {
        if sample.key && sample.size > 0 && !check(&slices, &track.read_beginning(reader, index, most)?) {
            liars.push(index);
        }
    }
    for &index in &liars {
        if let Some(sample) = track.samples.get_mut(index) {
            sample.key = false;
        }
    }
    Ok(liars.len())
}

/// [`verify_keys`] where it is done on opening.
pub(crate) fn on_opening<R: Read + Seek>(reader: &mut R, track: &mut Track) -> Result<usize, Error> {
    let checked = track.codec.string == "vp8" || track.codec.string.starts_with("vp09.");
    if checked { verify_keys(reader, track) } else { Ok(0) }
}

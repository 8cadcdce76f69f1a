//! Frames as they come from outside: checked before anything is stored, decoded again when they are encoded.

use std::io::Cursor;

use image::{ImageReader, Limits};
use qwen3_vl::RgbFrame;
use timeline::resize::Size;
use timeline::{FrameIn, Timestamp};

use crate::error::{Error, Result};

/// Frames one call may bring.
pub const MAX_BATCH_FRAMES: u32 = 512;
/// Frames one video may have: two a second for two hours, and some.
pub const MAX_VIDEO_FRAMES: u32 = 16_384;
/// A frame of 448 pixels takes 30 KB; this leaves room for lossless ones of any sensible size.
const MAX_FRAME_BYTES: usize = 8 << 20;
const MAX_SIDE: u32 = 4_096;

/// Reads a frame in full, so that a broken one is refused while its sender still listens. Returns its size.
pub(crate) fn check(frame: &FrameIn) -> Result<Size> {
    let bytes = frame.bytes.len();
    if bytes > MAX_FRAME_BYTES {
        let limit = format!("{MAX_FRAME_BYTES} bytes");
        return Err(Error::FrameTooLarge { pts: frame.pts, found: format!("{bytes} bytes"), limit });
    }
    let picture = decode(frame.pts, &frame.bytes)?;
    Ok(Size { height: picture.height(), width: picture.width() })
}

/// The pixels of a frame.
pub(crate) fn decode(pts: Timestamp, bytes: &[u8]) -> Result<RgbFrame> {
    let refuse = |reason: String| Error::NotAnImage { pts, reason };
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| refuse(e.to_string()));
    // The header first: a picture that claims a gigapixel is refused before memory is taken for it.
    let (width, height) = reader()?.into_dimensions().map_err(|e| refuse(e.to_string()))?;
    if width > MAX_SIDE || height > MAX_SIDE {
        let limit = format!("{MAX_SIDE}×{MAX_SIDE} pixels");
        return Err(Error::FrameTooLarge { pts, found: format!("{width}×{height} pixels"), limit });
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| refuse(e.to_string()))?.into_rgb8();
    RgbFrame::new(width, height, picture.into_raw()).map_err(|e| refuse(e.to_string()))
}

/// The media type of a stored frame.
pub(crate) fn media_type(bytes: &[u8]) -> &'static str {
    image::guess_format(bytes).map_or("application/octet-stream", |format| format.to_mime_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(width, height, image::Rgb([9, 8, 7]));
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    fn frame(bytes: Vec<u8>) -> FrameIn {
        FrameIn { pts: Timestamp::from_millis(1500), bytes }
    }

    #[test]
    fn a_picture_is_read_and_a_text_is_refused_by_its_moment() {
        let good = frame(png(6, 4));
        assert_eq!(check(&good).unwrap(), Size { height: 4, width: 6 });
        assert_eq!(media_type(&good.bytes), "image/png");
        let refused = check(&frame(b"#!/bin/sh".to_vec())).unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("not_an_image", 422));
        assert!(refused.to_string().contains("0:01.5"), "{refused}");
        let mut cut = png(64, 64);
        cut.truncate(cut.len() / 2);
        assert_eq!(check(&frame(cut)).unwrap_err().code(), "not_an_image");
        assert_eq!(check(&frame(Vec::new())).unwrap_err().code(), "not_an_image");
    }

    #[test]
    fn absurd_sizes_are_refused_before_memory_is_taken() {
        assert_eq!(check(&frame(png(5000, 1))).unwrap_err().code(), "frame_too_large");
        assert_eq!(check(&frame(vec![0; MAX_FRAME_BYTES + 1])).unwrap_err().code(), "frame_too_large");
        // A PNG header that claims 2^31 - 1 pixels a side.
        let mut bomb = png(1, 1);
        bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(check(&frame(bomb)).is_err());
    }
}

//! What the samples of a decoded picture mean, where they can be read as they are.

use planes::{Colour, Format, Matrix, Source};
use web_sys::{
    VideoColorPrimaries, VideoColorSpace, VideoFrame, VideoMatrixCoefficients, VideoPixelFormat,
    VideoTransferCharacteristics,
};

/// Pictures of this many rows and more are taken for high definition where a file says nothing.
const HIGH_DEFINITION: u32 = 720;

/// How a picture's samples lie and what they mean; `None` when the browser has to draw it.
pub(super) fn source(frame: &VideoFrame) -> Option<Source> {
    let format = match frame.format()? {
        VideoPixelFormat::I420 => Format::I420,
        VideoPixelFormat::I422 => Format::I422,
        VideoPixelFormat::I444 => Format::I444,
        VideoPixelFormat::Nv12 => Format::Nv12,
        _ => return None,
    };
    let shown = frame.visible_rect()?;
    let (width, height) = (shown.width() as usize, shown.height() as usize);
    Some(Source { format, width, height, colour: colour(&frame.color_space(), frame.coded_height())? })
}

fn colour(space: &VideoColorSpace, rows: u32) -> Option<Colour> {
    // More light, or more colours, than a screen's: the browser knows how to map them.
    if matches!(space.transfer(), Some(VideoTransferCharacteristics::Pq | VideoTransferCharacteristics::Hlg))
        || matches!(space.primaries(), Some(VideoColorPrimaries::Bt2020 | VideoColorPrimaries::Smpte432))
    {
        return None;
    }
    let matrix = match space.matrix() {
        Some(VideoMatrixCoefficients::Bt709) => Matrix::Bt709,
        Some(VideoMatrixCoefficients::Bt470bg | VideoMatrixCoefficients::Smpte170m) => Matrix::Bt601,
        Some(VideoMatrixCoefficients::Bt2020Ncl) => Matrix::Bt2020,
        None if rows >= HIGH_DEFINITION => Matrix::Bt709,
        None => Matrix::Bt601,
        Some(_) => return None,
    };
    Some(Colour::new(matrix, space.full_range().unwrap_or(false)))
}

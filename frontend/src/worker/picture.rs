//! One canvas on which every picture is turned, resized and encoded as the model will see it.

use demux::{Orientation, Track};
use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageEncodeOptions, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use super::decoder::Picture;
use crate::javascript::{object, said, set};
use crate::protocol::{LONGEST_SIDE, QUALITY};

/// The canvas, made for the first picture.
pub(super) struct Canvas {
    canvas: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
    /// Drawn size before turning.
    size: (f64, f64),
    orientation: Orientation,
}

impl Canvas {
    /// Fits a picture of the track: its shown shape (the decoder applied the pixel aspect), never enlarged.
    pub(super) fn fitting(picture: &Picture, track: &Track) -> Result<Self, String> {
        let (width, height) = (f64::from(picture.frame().display_width()), f64::from(picture.frame().display_height()));
        let scale = (LONGEST_SIDE / width.max(height)).min(1.0);
        let side = |length: f64| (length * scale).round().max(1.0);
        let size = (side(width), side(height));
        let orientation = track.orientation;
        let (w, h) = if orientation.rotation.swaps_sides() { (size.1, size.0) } else { size };

        let canvas = OffscreenCanvas::new(w as u32, h as u32).map_err(|thrown| said(&thrown))?;
        let options = object(&[("alpha", &false.into())]);
        let context = canvas.get_context_with_context_options("2d", &options).map_err(|thrown| said(&thrown))?;
        let context: OffscreenCanvasRenderingContext2d =
            context.and_then(|c| c.dyn_into().ok()).ok_or("no 2d canvas in a Worker")?;
        // Smaller pictures are averages of larger ones, not every fourth pixel.
        set(&context, "imageSmoothingQuality", &"medium".into());
        let this = Self { canvas, context, size, orientation };
        this.turn(f64::from(w as u32), f64::from(h as u32)).map_err(|thrown| said(&thrown))?;
        Ok(this)
    }

    /// Mirrors, then turns, about the middle.
    fn turn(&self, width: f64, height: f64) -> Result<(), JsValue> {
        let radians = f64::from(self.orientation.rotation.degrees()).to_radians();
        self.context.translate(width / 2.0, height / 2.0)?;
        self.context.rotate(radians)?;
        self.context.scale(if self.orientation.mirrored { -1.0 } else { 1.0 }, 1.0)?;
        self.context.translate(-self.size.0 / 2.0, -self.size.1 / 2.0)
    }

    /// Draws a picture; it may be closed afterwards.
    pub(super) fn draw(&self, picture: &Picture) -> Result<(), String> {
        let (width, height) = self.size;
        self.context
            .draw_image_with_video_frame_and_dw_and_dh(picture.frame(), 0.0, 0.0, width, height)
            .map_err(|thrown| said(&thrown))
    }

    /// Encodes what is drawn now; the canvas may be drawn on again at once.
    pub(super) fn encode(&self) -> impl Future<Output = Result<ArrayBuffer, String>> + 'static {
        let options = ImageEncodeOptions::new();
        options.set_type("image/jpeg");
        options.set_quality(QUALITY);
        let blob = self.canvas.convert_to_blob_with_options(&options);
        let bytes = async move {
            let blob: Blob = JsFuture::from(blob?).await?.dyn_into()?;
            JsFuture::from(blob.array_buffer()).await?.dyn_into::<ArrayBuffer>()
        };
        async move { bytes.await.map_err(|thrown| said(&thrown)) }
    }
}

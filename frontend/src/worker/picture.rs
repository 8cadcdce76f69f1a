//! Every picture turned, resized and encoded as the model will see it.
//!
//! Planes that can be read are averaged down in wasm (see the crate `planes`): a browser that draws a picture holds it at
//! full size and in full colour, several times over. What cannot be read that way, deep or transparent samples and those
//! whose light has to be mapped, is drawn.

use demux::{Orientation, Track};
use js_sys::ArrayBuffer;
use planes::{Scaler, Target};
use wasm_bindgen::Clamped;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageData, ImageEncodeOptions, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use super::copied::Samples;
use super::decoder::Picture;
use crate::javascript::{object, said, set};
use crate::protocol::{LONGEST_SIDE, QUALITY};

/// Makes small pictures of one track's; made for the first of them.
pub(super) struct Studio {
    canvas: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
    target: Target,
    scaler: Option<Scaler>,
    rgba: Vec<u8>,
}

impl Studio {
    /// Fits a picture of the track: its shown shape (the decoder applied the pixel aspect), never enlarged.
    pub(super) fn fitting(picture: &Picture, track: &Track) -> Result<Self, String> {
        let (width, height) = (f64::from(picture.frame().display_width()), f64::from(picture.frame().display_height()));
        let scale = (LONGEST_SIDE / width.max(height)).min(1.0);
        let side = |length: f64| (length * scale).round().max(1.0) as usize;
        let Orientation { rotation, mirrored } = track.orientation;
        let quarters = u32::from(rotation.degrees()) / 90;
        let target = Target { width: side(width), height: side(height), mirrored, quarters };

        let (w, h) = target.turned();
        let canvas = OffscreenCanvas::new(w as u32, h as u32).map_err(|thrown| said(&thrown))?;
        let options = object(&[("alpha", &false.into())]);
        let context = canvas.get_context_with_context_options("2d", &options).map_err(|thrown| said(&thrown))?;
        let context: OffscreenCanvasRenderingContext2d =
            context.and_then(|c| c.dyn_into().ok()).ok_or("no 2d canvas in a Worker")?;
        // Smaller pictures are averages of larger ones, not every fourth pixel.
        set(&context, "imageSmoothingQuality", &"medium".into());
        let (scaler, rgba) = Default::default();
        let this = Self { canvas, context, target, scaler, rgba };
        this.turn().map_err(|thrown| said(&thrown))?;
        Ok(this)
    }

    /// Mirrors, then turns, about the middle.
    fn turn(&self) -> Result<(), JsValue> {
        let ((width, height), target) = (self.target.turned(), self.target);
        self.context.translate(width as f64 / 2.0, height as f64 / 2.0)?;
        self.context.rotate(f64::from(target.quarters * 90).to_radians())?;
        self.context.scale(if target.mirrored { -1.0 } else { 1.0 }, 1.0)?;
        self.context.translate(target.width as f64 / -2.0, target.height as f64 / -2.0)
    }

    /// Draws a picture; it may be closed afterwards.
    pub(super) fn draw(&self, picture: &Picture) -> Result<(), String> {
        let (width, height) = (self.target.width as f64, self.target.height as f64);
        self.context
            .draw_image_with_video_frame_and_dw_and_dh(picture.frame(), 0.0, 0.0, width, height)
            .map_err(|thrown| said(&thrown))
    }

    /// Puts a copied picture on the canvas.
    pub(super) fn put(&mut self, samples: &Samples<'_>) -> Result<(), String> {
        let scaler = match &mut self.scaler {
            Some(scaler) if *scaler.source() == samples.source() => scaler,
            other => other.insert(Scaler::new(samples.source(), self.target).map_err(|e| e.to_string())?),
        };
        samples.scaled(scaler, &mut self.rgba).map_err(|e| e.to_string())?;
        let (width, height) = self.target.turned();
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(&self.rgba), width as u32, height as u32)
            .and_then(|image| self.context.put_image_data(&image, 0, 0))
            .map_err(|thrown| said(&thrown))
    }

    /// Encodes what is on the canvas now, which may be drawn on again at once.
    pub(super) fn encode(&self) -> impl Future<Output = Result<ArrayBuffer, String>> + use<> {
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

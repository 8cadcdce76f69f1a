//! Samples of a decoded picture, copied out of the browser's memory.

use js_sys::{Array, Uint8Array};
use planes::{Layout, Source};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomRectInit, PlaneLayout, VideoFrameCopyToOptions};

use super::decoder::Picture;
use super::light;
use crate::javascript::said;

/// Buffers that the browser copies into, used again and again.
#[derive(Default)]
pub(super) struct Buffers {
    free: Vec<Uint8Array>,
    bytes: Vec<u8>,
}

/// A picture's samples, or those of a part of it.
pub(super) struct Copied {
    pub(super) source: Source,
    pub(super) layouts: Vec<Layout>,
    buffer: Uint8Array,
}

/// How much of a picture is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// A strip down the middle, a third as wide.
    Strip,
}

impl Buffers {
    /// Begins to copy; `None` when the samples cannot be read as they are. The picture must not be closed before the end.
    pub(super) fn copy(
        &mut self,
        picture: &Picture,
        part: Part,
    ) -> Option<impl Future<Output = Result<Copied, String>> + use<>> {
        let frame = picture.frame();
        let mut source = light::source(frame)?;
        let options = VideoFrameCopyToOptions::new();
        if part == Part::Strip && source.width > 6 {
            let shown = frame.visible_rect()?;
            // Colours at half the width want even numbers.
            let even = |length: usize| length / 2 * 2;
            let left = even(source.width / 3);
            source.width = even(source.width / 3);
            let rect = DomRectInit::new();
            rect.set_x(shown.x() + left as f64);
            rect.set_y(shown.y());
            rect.set_width(source.width as f64);
            rect.set_height(source.height as f64);
            options.set_rect(&rect);
        }
        let size = frame.allocation_size_with_options(&options).ok()?;
        let buffer = self.free.pop().filter(|buffer| buffer.length() == size);
        let buffer = buffer.unwrap_or_else(|| Uint8Array::new_with_length(size));
        let copied = frame.copy_to_with_buffer_source_and_options(&buffer, &options);
        Some(async move {
            let layouts = JsFuture::from(copied).await.map_err(|thrown| said(&thrown))?;
            let layout = |plane: JsValue| {
                let plane: PlaneLayout = plane.unchecked_into();
                Layout { offset: plane.get_offset() as usize, stride: plane.get_stride() as usize }
            };
            let layouts = Array::from(&layouts).iter().map(layout).collect();
            Ok(Copied { source, layouts, buffer })
        })
    }

    /// What was copied, as bytes of our own; its buffer is free again.
    pub(super) fn bytes(&mut self, copied: &Copied) -> &[u8] {
        self.bytes.resize(copied.buffer.length() as usize, 0);
        copied.buffer.copy_to(&mut self.bytes);
        self.free.push(copied.buffer.clone());
        &self.bytes
    }
}

//! Samples of a decoded picture, copied out of the browser's memory: once, whatever they are wanted for.

use js_sys::{Array, Uint8Array};
use planes::{Error, Grid, Layout, Scaler, Source, glance};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomRectInit, PlaneLayout, VideoFrameCopyToOptions};

use super::decoder::Picture;
use super::light;
use crate::javascript::said;

/// Buffers that the browser copies into, used again and again.
#[derive(Default)]
pub(super) struct Buffers {
    /// By themselves: buffers of another size cannot be used again.
    wholes: Vec<Uint8Array>,
    strips: Vec<Uint8Array>,
    bytes: Vec<u8>,
}

/// A picture's samples, or those of a part of it, in a buffer of the browser's.
pub(super) struct Copied {
    source: Source,
    layouts: Vec<Layout>,
    part: Part,
    buffer: Uint8Array,
}

/// How much of a picture is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// A strip down the middle.
    Strip,
}

/// Copied samples in memory of our own.
pub(super) struct Samples<'a> {
    copied: &'a Copied,
    bytes: &'a [u8],
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
        if part == Part::Strip {
            let shown = frame.visible_rect()?;
            let (left, strip) = source.strip();
            let rect = DomRectInit::new();
            rect.set_x(shown.x() + left as f64);
            rect.set_y(shown.y());
            rect.set_width(strip.width as f64);
            rect.set_height(strip.height as f64);
            options.set_rect(&rect);
            source = strip;
        }
        let size = frame.allocation_size_with_options(&options).ok()?;
        let buffer = self.free(part).pop().filter(|buffer| buffer.length() == size);
        let buffer = buffer.unwrap_or_else(|| Uint8Array::new_with_length(size));
        let copied = frame.copy_to_with_buffer_source_and_options(&buffer, &options);
        Some(async move {
            let layouts = JsFuture::from(copied).await.map_err(|thrown| said(&thrown))?;
            let layout = |plane: JsValue| {
                let plane: PlaneLayout = plane.unchecked_into();
                Layout { offset: plane.get_offset() as usize, stride: plane.get_stride() as usize }
            };
            let layouts = Array::from(&layouts).iter().map(layout).collect();
            Ok(Copied { source, layouts, part, buffer })
        })
    }

    /// What was copied, in memory of our own.
    pub(super) fn samples<'a>(&'a mut self, copied: &'a Copied) -> Samples<'a> {
        self.bytes.resize(copied.buffer.length() as usize, 0);
        copied.buffer.copy_to(&mut self.bytes);
        Samples { copied, bytes: &self.bytes }
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&mut self, copied: Copied) {
        self.free(copied.part).push(copied.buffer);
    }

    fn free(&mut self, part: Part) -> &mut Vec<Uint8Array> {
        match part {
            Part::Whole => &mut self.wholes,
            Part::Strip => &mut self.strips,
        }
    }
}

impl Samples<'_> {
    /// All that was copied at a glance.
    pub(super) fn all(&self, grid: Grid) -> Result<Vec<u8>, Error> {
        glance(&self.copied.source, self.bytes, &self.copied.layouts, grid)
    }

    /// The strip down the middle at a glance.
    pub(super) fn strip(&self, grid: Grid) -> Result<Vec<u8>, Error> {
        let Copied { source, layouts, part, .. } = self.copied;
        match part {
            Part::Strip => self.all(grid),
            Part::Whole => {
                let (left, strip) = source.strip();
                glance(&strip, self.bytes, &source.part(left, layouts), grid)
            }
        }
    }

    /// What was copied.
    pub(super) fn source(&self) -> Source {
        self.copied.source
    }

    /// Made small.
    pub(super) fn scaled(&self, scaler: &mut Scaler, rgba: &mut Vec<u8>) -> Result<(), Error> {
        scaler.rgba(self.bytes, &self.copied.layouts, rgba)
    }
}

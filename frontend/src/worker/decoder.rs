//! A `VideoDecoder` that is closed with its owner, and pictures that are closed with theirs.

use std::cell::RefCell;
use std::rc::Rc;

use demux::Sample;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CodecState, EncodedVideoChunk, EncodedVideoChunkInit, EncodedVideoChunkType, VideoDecoder, VideoDecoderConfig,
    VideoDecoderInit, VideoFrame,
};

use super::bell::Bell;
use super::stamp;
use crate::javascript::said;

/// A decoded picture. Decoders stall at about ten that nobody closes, so closing is not left to memory.
pub(super) struct Picture(VideoFrame);

impl Picture {
    /// What was set on its sample, in microseconds.
    pub(super) fn timestamp(&self) -> i64 {
        self.0.timestamp().round() as i64
    }

    /// The browser's own object, to draw from.
    pub(super) fn frame(&self) -> &VideoFrame {
        &self.0
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A decoder at work. Rings the bell when it has room, when it fails, and (by its user) when a picture came.
pub(super) struct Decoder {
    decoder: VideoDecoder,
    failure: Rc<RefCell<Option<String>>>,
    _output: Closure<dyn FnMut(VideoFrame)>,
    _error: Closure<dyn FnMut(JsValue)>,
    _dequeue: Closure<dyn FnMut()>,
}

impl Decoder {
    /// Opens a decoder; pictures go to `on_picture`.
    pub(super) fn open(
        config: &VideoDecoderConfig,
        bell: &Rc<Bell>,
        on_picture: impl Fn(Picture) + 'static,
    ) -> Result<Self, String> {
        let failure: Rc<RefCell<Option<String>>> = Rc::default();
        let output = Closure::new(move |frame: VideoFrame| on_picture(Picture(frame)));
        let error = Closure::new({
            let (failure, bell) = (Rc::clone(&failure), Rc::clone(bell));
            move |thrown: JsValue| {
                failure.borrow_mut().get_or_insert(said(&thrown));
                bell.ring();
            }
        });
        let dequeue = Closure::new({
            let bell = Rc::clone(bell);
            move || bell.ring()
        });
        let init = VideoDecoderInit::new(error.as_ref().unchecked_ref(), output.as_ref().unchecked_ref());
        let decoder = VideoDecoder::new(&init).map_err(|thrown| said(&thrown))?;
        decoder.set_ondequeue(Some(dequeue.as_ref().unchecked_ref()));
        decoder.configure(config).map_err(|thrown| said(&thrown))?;
        Ok(Self { decoder, failure, _output: output, _error: error, _dequeue: dequeue })
    }

    /// Gives it a sample. The timestamp is a double: web-sys' own constructor takes an `i32`, which ends after 35 minutes.
    pub(super) fn decode(&self, sample: &Sample, bytes: &Uint8Array) -> Result<(), String> {
        let kind = if sample.key { EncodedVideoChunkType::Key } else { EncodedVideoChunkType::Delta };
        let init = EncodedVideoChunkInit::new_with_u8_array(bytes, 0, kind);
        init.set_timestamp_f64(stamp(sample.pts));
        let chunk = EncodedVideoChunk::new(&init).map_err(|thrown| said(&thrown))?;
        self.decoder.decode(&chunk).map_err(|thrown| said(&thrown))
    }

    /// Samples given and not yet taken up.
    pub(super) fn queued(&self) -> u32 {
        self.decoder.decode_queue_size()
    }

    /// What it died of.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Lets everything out that is still inside. The promise is rejected when the decoder is closed meanwhile.
    pub(super) fn flush(&self) -> impl Future<Output = Result<(), String>> + 'static {
        let promise: Promise<_> = self.decoder.flush();
        async move { JsFuture::from(promise).await.map(|_| ()).map_err(|thrown| said(&thrown)) }
    }

    /// Stops at once; pending pictures are lost.
    pub(super) fn close(&self) {
        if self.decoder.state() != CodecState::Closed {
            let _ = self.decoder.close();
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.decoder.set_ondequeue(None);
        self.close();
    }
}

//! An `AudioDecoder` that is closed with its owner, and what comes out of it as one channel of numbers.

use std::cell::RefCell;
use std::rc::Rc;

use app::extraction::ExtractError;
use demux::SoundTrack;
use js_sys::{Float32Array, Promise, Uint8Array};
use timeline::Timestamp;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AudioData, AudioDataCopyToOptions, AudioDecoder, AudioDecoderConfig, AudioDecoderInit, AudioSampleFormat,
    CodecState, EncodedAudioChunk, EncodedAudioChunkInit, EncodedAudioChunkType,
};

use crate::javascript::{get, said};
use crate::worker::bell::Bell;
use crate::worker::stamp;

/// What is added to times for the decoder, and taken back: what the codec needs lies before the beginning, and Chromium 156 counts no
/// time below zero.
const AHEAD: Timestamp = Timestamp::from_millis(60_000);

/// Decoded sound of one channel.
pub(super) struct Block {
    /// When it begins, on the track's clock, as the decoder has it.
    pub(super) at: Timestamp,
    pub(super) rate: u32,
    pub(super) samples: Vec<f32>,
}

/// A decoder at work. Rings the bell when it has room, when it fails, and (by its user) when sound came.
pub(super) struct Decoder {
    decoder: AudioDecoder,
    failure: Rc<RefCell<Option<String>>>,
    _output: Closure<dyn FnMut(AudioData)>,
    _error: Closure<dyn FnMut(JsValue)>,
    _dequeue: Closure<dyn FnMut()>,
}

fn config(track: &SoundTrack) -> AudioDecoderConfig {
    let config = AudioDecoderConfig::new(&track.codec.string, track.channels, track.rate);
    if let Some(description) = &track.codec.description {
        config.set_description_u8_array(&Uint8Array::from(description.as_slice()));
    }
    config
}

/// Asks the browser.
///
/// # Errors
/// There is no WebCodecs for sound, or no decoder for this codec.
pub(super) async fn supported(track: &SoundTrack) -> Result<(), ExtractError> {
    if get(&js_sys::global(), "AudioDecoder").is_undefined() {
        return Err(ExtractError::NoWebCodecs);
    }
    // An unknown string is rejected, a known one without a decoder is answered with `supported: false`.
    let answer = JsFuture::from(AudioDecoder::is_config_supported(&config(track))).await;
    match answer.map(|support| support.get_supported()) {
        Ok(Some(true)) => Ok(()),
        _ => {
            let (name, string) = (&track.codec.name, &track.codec.string);
            let codec = if name == string { name.clone() } else { format!("{name} ({string})") };
            Err(ExtractError::UnsupportedSound { what: format!("{codec}, {}", track.container.name()) })
        }
    }
}

impl Decoder {
    /// Opens a decoder; blocks go to `on_block`.
    pub(super) fn open(
        track: &SoundTrack,
        bell: &Rc<Bell>,
        on_block: impl Fn(Block) + 'static,
    ) -> Result<Self, String> {
        let failure: Rc<RefCell<Option<String>>> = Rc::default();
        let fail = {
            let (failure, bell) = (Rc::clone(&failure), Rc::clone(bell));
            move |thrown: &JsValue| {
                failure.borrow_mut().get_or_insert(said(thrown));
                bell.ring();
            }
        };
        let output = Closure::new({
            let fail = fail.clone();
            move |data: AudioData| {
                let block = block(&data);
                data.close();
                match block {
                    Ok(block) => on_block(block),
                    Err(thrown) => fail(&thrown),
                }
            }
        });
        let error = Closure::new(move |thrown: JsValue| fail(&thrown));
        let dequeue = Closure::new({
            let bell = Rc::clone(bell);
            move || bell.ring()
        });
        let init = AudioDecoderInit::new(error.as_ref().unchecked_ref(), output.as_ref().unchecked_ref());
        let decoder = AudioDecoder::new(&init).map_err(|thrown| said(&thrown))?;
        decoder.set_ondequeue(Some(dequeue.as_ref().unchecked_ref()));
        decoder.configure(&config(track)).map_err(|thrown| said(&thrown))?;
        Ok(Self { decoder, failure, _output: output, _error: error, _dequeue: dequeue })
    }

    /// Gives it a packet.
    pub(super) fn decode(&self, at: Timestamp, packet: &[u8]) -> Result<(), String> {
        let bytes = Uint8Array::from(packet);
        let init = EncodedAudioChunkInit::new_with_u8_array(&bytes, 0, EncodedAudioChunkType::Key);
        init.set_timestamp_f64(stamp(at + AHEAD));
        let chunk = EncodedAudioChunk::new(&init).map_err(|thrown| said(&thrown))?;
        self.decoder.decode(&chunk).map_err(|thrown| self.failure().unwrap_or(said(&thrown)))
    }

    /// Packets given and not yet taken up.
    pub(super) fn queued(&self) -> u32 {
        self.decoder.decode_queue_size()
    }

    /// What it died of.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Lets everything out that is still inside. What follows is decoded as if nothing had come before.
    pub(super) async fn flush(&self) -> Result<(), String> {
        let promise: Promise<_> = self.decoder.flush();
        JsFuture::from(promise).await.map(|_| ()).map_err(|thrown| self.failure().unwrap_or(said(&thrown)))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.decoder.set_ondequeue(None);
        if self.decoder.state() != CodecState::Closed {
            let _ = self.decoder.close();
        }
    }
}

/// The numbers of what a decoder gave, whatever form they have in it.
fn block(data: &AudioData) -> Result<Block, JsValue> {
    let channels = (data.number_of_channels() as usize).min(sound::MOST_CHANNELS);
    let mut planes = Vec::with_capacity(channels);
    let plane = Float32Array::new_with_length(data.number_of_frames());
    for (index, _) in (0_u32..).zip(0..channels) {
        let options = AudioDataCopyToOptions::new(index);
        options.set_format(AudioSampleFormat::F32Planar);
        data.copy_to_with_buffer_source(&plane, &options)?;
        planes.push(plane.to_vec());
    }
    let at = Timestamp::from_micros(data.timestamp().round() as i64) - AHEAD;
    Ok(Block { at, rate: data.sample_rate() as u32, samples: sound::mix(&planes) })
}

//! A track as WebCodecs wants it described, and whether this browser decodes it.

use app::extraction::ExtractError;
use demux::{Color, Container, Track};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{VideoDecoder, VideoDecoderConfig};

use crate::javascript::{get, object, set};

/// The configuration of a decoder for a track.
pub(super) fn of(track: &Track) -> VideoDecoderConfig {
    let config = VideoDecoderConfig::new(&track.codec.string);
    config.set_coded_width(track.width);
    config.set_coded_height(track.height);
    if let Some(description) = &track.codec.description {
        config.set_description_u8_array(&Uint8Array::from(description.as_slice()));
    }
    if let Some((h, v)) = track.pixel_aspect {
        config.set_display_aspect_width(track.width.saturating_mul(h));
        config.set_display_aspect_height(track.height.saturating_mul(v));
    }
    if let Some(space) = track.color.and_then(space) {
        set(&config, "colorSpace", &space);
    }
    config
}

/// The container's colour description, where every part has a name in WebCodecs.
fn space(color: Color) -> Option<JsValue> {
    let primaries = match color.primaries {
        1 => "bt709",
        5 => "bt470bg",
        6 => "smpte170m",
        9 => "bt2020",
        12 => "smpte432",
        _ => return None,
    };
    let transfer = match color.transfer {
        1 => "bt709",
        6 => "smpte170m",
        8 => "linear",
        13 => "iec61966-2-1",
        16 => "pq",
        18 => "hlg",
        _ => return None,
    };
    let matrix = match color.matrix {
        0 => "rgb",
        1 => "bt709",
        5 => "bt470bg",
        6 => "smpte170m",
        9 => "bt2020-ncl",
        _ => return None,
    };
    let fields: [(&str, &JsValue); 4] = [
        ("primaries", &primaries.into()),
        ("transfer", &transfer.into()),
        ("matrix", &matrix.into()),
        ("fullRange", &color.full_range.into()),
    ];
    Some(object(&fields).into())
}

/// Asks the browser.
///
/// # Errors
/// There is no WebCodecs, or no decoder for this codec.
pub(super) async fn supported(track: &Track, container: Container) -> Result<(), ExtractError> {
    if get(&js_sys::global(), "VideoDecoder").is_undefined() {
        return Err(ExtractError::NoWebCodecs);
    }
    // An unknown string is rejected, a known one without a decoder is answered with `supported: false`.
    let answer = JsFuture::from(VideoDecoder::is_config_supported(&of(track))).await;
    match answer.map(|support| support.get_supported()) {
        Ok(Some(true)) => Ok(()),
        _ => {
            let (name, string) = (&track.codec.name, &track.codec.string);
            let codec = if name == string { name.clone() } else { format!("{name} ({string})") };
            Err(ExtractError::UnsupportedCodec { codec, container: container.name().to_owned() })
        }
    }
}

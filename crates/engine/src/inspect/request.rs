//! A request to be inspected: a conversation in the form of the reference's `messages`, with frames and their timestamps.
//! `docs/inspect.md` describes the file.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qwen3_vl::RgbFrame;
use serde::Deserialize;
use timeline::Timestamp;

use crate::error::{Error, Result};
use crate::images;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) messages: Vec<Turn>,
    #[serde(default)]
    pub(super) wrapper: Wrapper,
}

/// What becomes of the delimiters the template puts around a video.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wrapper {
    #[default]
    Replaced,
    Kept,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) role: String,
    pub(super) content: Vec<Part>,
}

/// A part of a turn. `size` is height and width; without it the checkpoint's own rule decides.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text {
        text: String,
    },
    Image {
        #[serde(flatten)]
        picture: Picture,
        size: Option<[u32; 2]>,
    },
    Video {
        frames: Vec<Frame>,
        size: Option<[u32; 2]>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Frame {
    pub(super) pts_us: i64,
    #[serde(flatten)]
    pub(super) picture: Picture,
}

/// A picture: a file beside the request, the bytes of one, or pixels (RGB, rows from the top).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Picture {
    File { path: PathBuf },
    Encoded { base64: String },
    Pixels { rgb: String, width: u32, height: u32 },
}

impl Request {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.into(), source })?;
        let request: Self = serde_json::from_slice(&bytes)
            .map_err(|e| Error::BadRequest(format!("{} is no request: {e}", path.display())))?;
        for part in request.messages.iter().flat_map(|turn| &turn.content) {
            let Part::Video { frames, .. } = part else { continue };
            if frames.is_empty() {
                return Err(Error::BadRequest("a video has no frames".into()));
            }
            if !frames.is_sorted_by(|a, b| a.pts_us < b.pts_us) {
                return Err(Error::BadRequest("pts_us of a video's frames do not ascend".into()));
            }
        }
        Ok(request)
    }
}

impl Picture {
    /// The pixels; a relative path starts from `folder`.
    pub(super) fn load(&self, folder: &Path, at: Timestamp) -> Result<RgbFrame> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|e| Error::BadRequest(format!("at {at}: {e}")));
        match self {
            Self::File { path } => {
                let path = folder.join(path);
                let bytes = std::fs::read(&path).map_err(|source| Error::File { path, source })?;
                images::decode(at, &bytes)
            }
            Self::Encoded { base64 } => images::decode(at, &decode(base64)?),
            Self::Pixels { rgb, width, height } => Ok(RgbFrame::new(*width, *height, decode(rgb)?)?),
        }
    }
}

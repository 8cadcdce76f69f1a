//! `timepin.json`: how the checkpoint wants to be shown a video. Optional; published checkpoints have none.

use std::path::Path;

use serde::{Deserialize, Serialize};
use timeline::resize::ResizeRule;

use crate::config::read_json;
use crate::error::Result;

/// Sampling and resizing a checkpoint was trained with, and its time pointer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Frames per second to look at.
    pub fps: f64,
    /// Fewest frames of a video.
    pub min_frames: u32,
    /// Most frames of a video.
    pub max_frames: u32,
    /// The most segments of a video that it reads well at once; none: what fits its context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<u32>,
    /// Seconds between the segments of the only grid it was trained on, which starts where the video does; none: it reads any stamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beat: Option<f64>,
    /// Whether subtitles may stand between the segments. A model that was not trained with any is disturbed by them.
    pub captions: bool,
    /// Size of the frames.
    pub resize: ResizeRule,
    /// The attention head that points at the moment being talked about, if one is known.
    pub pointer: Option<Pointer>,
    /// A trained time pointer, which goes before `pointer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_pointer: Option<HeadFile>,
}

/// What the file of a trained time pointer is called where `training/` writes it.
pub(crate) const HEAD: &str = "time_pointer.safetensors";

/// A trained time pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadFile {
    /// Its file in the model folder.
    pub file: String,
    /// The decoder layer whose output it reads, from 0.
    pub layer: usize,
}

/// One attention head of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Decoder layer, from 0.
    pub layer: usize,
    /// Query head, from 0.
    pub head: usize,
}

impl Default for Profile {
    /// What `qwen-vl-utils` does: 2 frames a second, 4 to 768 of them, its own budget per frame.
    fn default() -> Self {
        Self {
            fps: 2.0,
            min_frames: 4,
            max_frames: 768,
            reach: None,
            beat: None,
            captions: true,
            resize: ResizeRule::default(),
            pointer: None,
            time_pointer: None,
        }
    }
}

impl Profile {
    /// Reads `timepin.json` of a model folder, or the defaults when there is none.
    ///
    /// # Errors
    /// A file that is there but is not a profile.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("timepin.json");
        if path.exists() { read_json(&path) } else { Ok(Self::default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_reads_and_writes_the_documented_form() -> std::result::Result<(), serde_json::Error> {
        let text = r#"{"fps":2.0,"min_frames":4,"max_frames":240,"reach":120,"beat":1.0,"captions":false,
            "resize":{"rule":"qwen_vl_utils","min_pixels":7802,"max_pixels":8192,"total_pixels":117964800},
            "pointer":{"layer":3,"head":1},"time_pointer":{"file":"time_pointer.safetensors","layer":2}}"#;
        let profile: Profile = serde_json::from_str(text)?;
        assert_eq!((profile.reach, profile.beat, profile.captions), (Some(120), Some(1.0), false));
        assert_eq!(profile.pointer, Some(Pointer { layer: 3, head: 1 }));
        assert_eq!(serde_json::from_str::<Profile>(&serde_json::to_string(&profile)?)?, profile);
        assert_eq!(serde_json::from_str::<Profile>("{}")?, Profile::default());
        Ok(())
    }
}

//! The time pointer: which moment of the video a token of the answer describes.
//!
//! Two providers stand behind one trait. [`TrainedHead`] is a small head beside the frozen checkpoint
//! (`time_pointer.safetensors`, trained by `training/train/pointer.py`): it looks at what the segments *show* and at their
//! true times, so it follows the frames where the stamps of the text lie. [`AttentionHead`] is one attention head of the
//! decoder itself, selected on a calibration set, for checkpoints without a head. The first that knows an answer gives it.

mod aligned;
mod attention_head;
mod features;
mod head;
mod weights;

use std::path::Path;

use timeline::Timestamp;

use crate::config::TextConfig;
use crate::error::Result;
use crate::profile::{Pointer, Profile};
use crate::session::Session;
use attention_head::AttentionHead;
pub(crate) use head::{Prepared, Seen};
use head::TrainedHead;

/// Where a token looked.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// A weight for every segment of the prompt, in their order, summing to 1.
    pub weights: Vec<f32>,
    /// The mean of the times that were proposed before the attention refined them; none without a trained head.
    pub proposed: Option<Timestamp>,
}

/// Says where the token looks that a session has read last.
pub(crate) trait Provider: Send + Sync {
    /// The attention head whose query it wants of every pass.
    fn query(&self) -> Option<Pointer> {
        None
    }

    /// Where the token looks; none when it cannot be said.
    fn look(&self, session: &Session) -> Result<Option<Look>>;
}

/// The providers of a checkpoint, the better first.
pub(crate) struct Providers(Vec<Box<dyn Provider>>);

impl Providers {
    /// Those that `timepin.json` names.
    ///
    /// # Errors
    /// A head the model lacks; a file that is missing, damaged, or not a head for this model.
    pub(crate) fn load(dir: &Path, profile: &Profile, config: &TextConfig) -> Result<Self> {
        let mut all: Vec<Box<dyn Provider>> = Vec::new();
        if let Some(name) = &profile.time_pointer {
            all.push(Box::new(TrainedHead::load(dir, name, config.hidden_size)?));
        }
        if let Some(pointer) = profile.pointer {
            all.push(Box::new(AttentionHead::new(pointer, config)?));
        }
        Ok(Self(all))
    }

    /// The attention head whose query they want of every pass.
    pub(crate) fn query(&self) -> Option<Pointer> {
        self.0.iter().find_map(|provider| provider.query())
    }

    /// Where the token looks that the session has read last.
    pub(crate) fn look(&self, session: &Session) -> Result<Option<Look>> {
        for provider in &self.0 {
            if let Some(look) = provider.look(session)? {
                return Ok(Some(look));
            }
        }
        Ok(None)
    }
}

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
use head::TrainedHead;
pub(crate) use head::{Prepared, Seen};

/// Where a token looked.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// A weight for every segment of the prompt, in their order, summing to 1.
    pub weights: Vec<f32>,
    /// The mean of the times that were proposed before the attention refined them; none without a trained head.
    pub proposed: Option<Timestamp>,
}

/// What providers want of every pass.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// An attention head's query.
    pub(crate) query: Option<Pointer>,
    /// What leaves a decoder layer.
    pub(crate) layer: Option<usize>,
}

/// Says where the token looks that a session has read last.
pub(crate) trait Provider: Send + Sync {
    /// What it wants of every pass.
    fn wanted(&self) -> Wanted;

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
        if let Some(named) = &profile.time_pointer {
            all.push(Box::new(TrainedHead::load(dir, named, config)?));
        }
        if let Some(pointer) = profile.pointer {
            all.push(Box::new(AttentionHead::new(pointer, config)?));
        }
        Ok(Self(all))
    }

    /// What they want of every pass.
    pub(crate) fn wanted(&self) -> Wanted {
        let all = || self.0.iter().map(|provider| provider.wanted());
        Wanted { query: all().find_map(|wanted| wanted.query), layer: all().find_map(|wanted| wanted.layer) }
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

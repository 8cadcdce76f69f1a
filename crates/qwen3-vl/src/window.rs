//! How far the positions of a conversation may go: as far as the model was trained, or three times as far with YaRN.

use crate::config::TextConfig;

/// How much further than trained positions reach with YaRN, as Qwen3-VL's recipe has it: less than the four that tokens would
/// need, because a segment moves on by its longer side only.
pub(crate) const STRETCH: usize = 3;

/// The positions of a session. Rotations differ between the two everywhere, so they are chosen before the first token is read,
/// and keys of one are nothing to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Window {
    /// As far as the checkpoint says, and as it says.
    #[default]
    Native,
    /// Three times as far, stretched by YaRN; for prompts that the native window does not hold, since it changes short ones too.
    Extended,
}

impl TextConfig {
    /// Whether YaRN is the configuration's own: then its window is the extended one, and there is no other.
    pub(crate) fn is_stretched(&self) -> bool {
        self.rope_scaling.as_ref().and_then(|r| r.rope_type.as_deref()) == Some("yarn")
    }

    /// Positions a prompt and its answer may have.
    pub fn positions(&self, window: Window) -> usize {
        match window {
            Window::Extended if !self.is_stretched() => self.max_position_embeddings.saturating_mul(STRETCH),
            _ => self.max_position_embeddings,
        }
    }
}

//! Names of tensors in the published checkpoints; sources with other names translate.

/// Before every name of the decoder.
pub(super) const TEXT: &str = "model.language_model.";
/// Before every name of the vision tower.
pub(super) const VISION: &str = "model.visual.";
/// The output projection where it is a tensor of its own.
pub(super) const HEAD: &str = "lm_head.weight";

//! What the page may know of the model behind the server: enough to plan a run and to be honest about it.

use serde::{Deserialize, Serialize};

use crate::plan::PlanRequest;
use crate::resize::ResizeRule;

/// The model that answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name, as people know it.
    pub name: String,
    /// How it wants a video sampled.
    pub plan: PlanRequest,
    /// The size at which it sees a frame.
    pub resize: ResizeRule,
    /// Tokens a prompt may have.
    pub max_context: u32,
    /// The most segments of a video that it reads well at once; none: what fits its context.
    #[serde(default)]
    pub reach: Option<u32>,
    /// Whether it reads subtitles between the segments; without, they are searched all the same.
    #[serde(default = "yes")]
    pub captions: bool,
    /// Whether it is the bundled model, which knows the demo world only.
    pub demo: bool,
}

fn yes() -> bool {
    true
}

//! OpenAI's words, as far as they are needed: <https://platform.openai.com/docs/api-reference/chat/create>, with what
//! vLLM and SGLang add to them. Unknown fields are passed over; a missing one is a default wherever servers differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use timeline::ModelInfo;

/// What is asked for.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: [Message<'a>; 1],
    /// Greedy: times and numbers are not a matter of chance.
    pub(super) temperature: f32,
    pub(super) max_tokens: u32,
    pub(super) stream: bool,
    pub(super) stream_options: StreamOptions,
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Vec<&'a Part>,
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ImageUrl {
    pub(super) url: String,
}

/// One event of a streamed answer.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
    /// Sent instead of everything else when the server fails in the middle.
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) delta: Delta,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub(super) content: Option<String>,
    /// What a thinking model thinks: vLLM's and DeepSeek's name, then the newer one.
    #[serde(default, alias = "reasoning")]
    pub(super) reasoning_content: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_tokens: u32,
    #[serde(default)]
    pub(super) completion_tokens: u32,
    #[serde(default)]
    pub(super) prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct PromptDetails {
    #[serde(default)]
    pub(super) cached_tokens: Option<u32>,
}

/// The answer to `GET models`.
#[derive(Debug, Deserialize)]
pub(super) struct Models {
    pub(super) data: Vec<ModelCard>,
}

/// One model of a server.
#[derive(Debug, Deserialize)]
pub(super) struct ModelCard {
    pub(super) id: String,
    /// vLLM, SGLang: tokens prompt and answer may have.
    #[serde(default)]
    pub(super) max_model_len: Option<u32>,
    /// Another Timepin: how its model wants to be shown a video.
    #[serde(default)]
    pub(super) timepin: Option<ModelInfo>,
}

impl ModelCard {
    pub(super) fn named(id: &str) -> Self {
        Self { id: id.to_owned(), max_model_len: None, timepin: None }
    }
}

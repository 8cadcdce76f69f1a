//! The back end on another machine: any server that speaks OpenAI's chat completions (vLLM, SGLang, transformers serve,
//! another Timepin).
//!
//! ```text
//! stored frames ─▶ `<t seconds>` + picture, each at its own moment ─▶ POST chat/completions ─▶ events ─▶ pieces
//! ```
//! Nothing is encoded here: the pictures are the memory of a video, and the server keeps what it read of them if it can.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a server is found and described | here |
//! | a video and a question become a request | `conversation.rs`, `wire.rs` |
//! | requests are sent, repeated and given up | `client.rs` |
//! | an answer's events are read and timed | `events.rs` |
//! | a refusal is understood | `refusal.rs` |
//! | what went wrong is told | `error.rs` |

mod client;
mod conversation;
mod error;
mod events;
mod refusal;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::sync::mpsc;

use qwen3_vl::Window;
use timeline::resize::{ResizeRule, Size};
use timeline::{ModelInfo, PlanRequest};
use tokio::runtime::{Builder, Runtime};

use self::client::Client;
use self::conversation::Talk;
pub use self::error::RemoteError;
use self::wire::ModelCard;
use crate::backend::{Backend, Conversation, Encoder};
use crate::error::{Error, Result};
use crate::settings::Server;

/// Tokens a prompt may have when the server does not say: what every published checkpoint is served with at least.
const CONTEXT: u32 = 32_768;
/// Frames are kept with at most 448 pixels a side, and sent as they are kept.
const RULE: ResizeRule =
    ResizeRule::QwenVlUtils { min_pixels: 4 << 10, max_pixels: 448 * 448, total_pixels: 768 * 448 * 448 };

/// A server that answers.
pub(crate) struct Remote {
    link: Arc<Link>,
    info: ModelInfo,
}

/// The way to the server: shared by all conversations.
struct Link {
    client: Client,
    model: String,
    /// Whether it takes moments to the microsecond: another Timepin does, models are trained with tenths of a second.
    exact: bool,
    runtime: Background,
}

/// The threads on which requests run. Ends without waiting for them: an engine may be dropped where waiting is forbidden.
struct Background(Option<Runtime>);

impl Background {
    fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("timepin-remote").enable_all().build();
        Ok(Self(Some(runtime.map_err(|e| Error::Internal(format!("no thread for requests: {e}")))?)))
    }

    fn get(&self) -> Result<&Runtime> {
        self.0.as_ref().ok_or(Error::ShuttingDown)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Remote {
    /// Asks the server for its models and chooses one.
    ///
    /// # Errors
    /// When the server is not there, refuses the key, or leaves open which of its models is meant.
    pub(crate) fn open(server: &Server) -> Result<Self> {
        let runtime = Background::start()?;
        let client = Client::new(server)?;
        let cards = list(&runtime, &client)?;
        let card = choose(&client, server.model.as_deref(), cards)?;
        let info = describe(&card);
        tracing::info!(
            server = client.url(),
            model = card.id,
            context = info.max_context,
            "answers come from a server"
        );
        let exact = card.timepin.is_some();
        Ok(Self { link: Arc::new(Link { client, model: card.id, exact, runtime }), info })
    }
}

/// The server's models; none when it has no such list.
fn list(runtime: &Background, client: &Client) -> Result<Vec<ModelCard>> {
    let (sender, receiver) = mpsc::channel();
    let asked = client.clone();
    // Not `block_on`: whoever opens an engine may be inside a runtime of their own.
    runtime.get()?.spawn(async move {
        // The receiver waits below for as long as this takes.
        let _ = sender.send(asked.models().await);
    });
    let listed = receiver.recv().map_err(|_| Error::Internal("the request for the models died".to_owned()))?;
    match listed {
        Err(RemoteError::Refused { status: 404 | 405 | 501, .. }) => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// The model that is meant. A name the server does not list is tried all the same: some load models when asked for them.
fn choose(client: &Client, wanted: Option<&str>, cards: Vec<ModelCard>) -> Result<ModelCard> {
    let known = cards.iter().map(|card| card.id.as_str()).collect::<Vec<_>>().join(", ");
    let mut cards = cards.into_iter();
    if let Some(name) = wanted {
        let listed = cards.find(|card| card.id == name);
        return Ok(listed.unwrap_or_else(|| {
            tracing::warn!(model = name, known, "the server does not list this model");
            ModelCard::named(name)
        }));
    }
    match (cards.next(), cards.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(RemoteError::WhichModel { url: client.url().to_owned(), known }.into()),
    }
}

fn describe(card: &ModelCard) -> ModelInfo {
    // Another Timepin says how its model wants to be shown a video.
    card.timepin.clone().unwrap_or_else(|| ModelInfo {
        name: card.id.clone(),
        plan: PlanRequest::default(),
        resize: RULE,
        reach: None,
        captions: true,
        max_context: card.max_model_len.unwrap_or(CONTEXT),
        demo: false,
    })
}

impl Backend for Remote {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn fingerprint(&self) -> &str {
        "pictures"
    }

    fn encoder(&self) -> Option<&dyn Encoder> {
        None
    }

    /// An estimate from above: each of the two frames is a picture of its own there, with a stamp of its own. The server's
    /// tokenizer is not here; its count is what the answer's usage says.
    fn segment_tokens(&self, stamp: &str, size: Size) -> u32 {
        let stamp = u32::try_from(stamp.len()).unwrap_or(u32::MAX);
        size.tokens().saturating_add(stamp).saturating_add(8).saturating_mul(2)
    }

    /// An estimate from above: no tokenizer in use needs more tokens than bytes.
    fn caption_tokens(&self, caption: &str) -> u32 {
        u32::try_from(caption.len()).unwrap_or(u32::MAX)
    }

    /// As for captions, with what stands around a question.
    fn question_tokens(&self, question: &str) -> Result<u32> {
        Ok(u32::try_from(question.len()).unwrap_or(u32::MAX).saturating_add(32))
    }

    fn conversation(&self, _window: Window) -> Box<dyn Conversation> {
        Box::new(Talk::new(Arc::clone(&self.link)))
    }

    /// Keys and values are the server's to look after.
    fn token_bytes(&self) -> u64 {
        0
    }
}

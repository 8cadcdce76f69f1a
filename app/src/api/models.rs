//! Models on the server: what there is, and getting more of them from a hub.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, StreamingText, TextStream};
use timeline::LocalModel;

use super::error::ApiError;

/// Models that are here or on their way: the bundled one, then the others by name; each says whether it fits the server with
/// a video of so many minutes (10 where nothing is said).
#[server(prefix = "/api", endpoint = "list_models", input = Json, output = Json)]
pub async fn list_models(minutes: Option<u32>) -> Result<Vec<LocalModel>, ApiError> {
    let minutes = minutes.unwrap_or(timeline::models::USUAL_MINUTES);
    Ok(super::backend::downloads()?.models(f64::from(minutes)).await?)
}

/// Gets a model (`owner/name`, `@revision` may follow; `file` names a GGUF file), or joins the download that is under way:
/// one JSON [`PullEvent`](timeline::PullEvent) a line; the last is `done` or `error`. Dropping the stream leaves the
/// download alone.
#[server(prefix = "/api", endpoint = "pull_model", input = Json, output = StreamingText)]
pub async fn pull_model(model: String, file: Option<String>) -> Result<TextStream<ApiError>, ApiError> {
    let pull = hub::Pull { repository: model.trim().parse()?, file };
    Ok(super::backend::lines(super::backend::downloads()?.pull(pull)?))
}

/// Stops a download; what was loaded is kept.
#[server(prefix = "/api", endpoint = "cancel_pull", input = Json, output = Json)]
pub async fn cancel_pull(model: String) -> Result<(), ApiError> {
    super::backend::downloads()?.cancel(&model.trim().parse()?);
    Ok(())
}

//! Files that the server decodes: uploads in pieces, files of its own folders, files at web addresses.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, Postcard, StreamingText, TextStream};
use serde_bytes::ByteBuf;
use timeline::{IngestId, IngestInfo, ServerFile, VideoId};

use super::error::ApiError;

/// What the server takes.
#[server(prefix = "/api", endpoint = "ingest_options", input = Json, output = Json)]
pub async fn ingest_options() -> Result<timeline::IngestOptions, ApiError> {
    Ok(super::backend::ingest()?.options())
}

/// Makes room for a file that will be uploaded, or finds what is there of it. A file is known by its name, its size and its
/// first and last [`END_BYTES`](timeline::ingest::END_BYTES), which are sent one behind the other. With `known` a file
/// that was never begun is not begun now.
#[server(prefix = "/api", endpoint = "begin_upload", input = Postcard, output = Json)]
pub async fn begin_upload(
    name: String,
    bytes: u64,
    ends: ByteBuf,
    known: bool,
) -> Result<Option<IngestInfo>, ApiError> {
    Ok(super::backend::ingest()?.begin_upload(name, bytes, ends.into_vec(), known).await?)
}

/// Adds a piece of at most [`CHUNK_BYTES`](timeline::ingest::CHUNK_BYTES); it is on the disk when this returns. Gives the
/// byte at which the next piece begins. A piece that begins elsewhere is passed over.
#[server(prefix = "/api", endpoint = "append_upload", input = Postcard, output = Json)]
pub async fn append_upload(id: IngestId, offset: u64, bytes: ByteBuf) -> Result<u64, ApiError> {
    Ok(super::backend::ingest()?.append(&id, offset, bytes.into_vec()).await?)
}

/// Opens a video of one of the server's folders.
#[server(prefix = "/api", endpoint = "open_server_file", input = Json, output = Json)]
pub async fn open_server_file(folder: u32, path: String) -> Result<IngestInfo, ApiError> {
    Ok(super::backend::ingest()?.open_file(folder, path).await?)
}

/// Videos in the server's folders.
#[server(prefix = "/api", endpoint = "list_server_files", input = Json, output = Json)]
pub async fn list_server_files() -> Result<Vec<ServerFile>, ApiError> {
    Ok(super::backend::ingest()?.files().await?)
}

/// Gets a video from a web address.
#[server(prefix = "/api", endpoint = "open_url", input = Json, output = Json)]
pub async fn open_url(url: String) -> Result<IngestInfo, ApiError> {
    Ok(super::backend::ingest()?.fetch(&url).await?)
}

/// Files that are under way or failed: the whole list a line, again whenever it has changed, for as long as the server works on
/// one of them. Dropping the stream leaves them alone.
#[server(prefix = "/api", endpoint = "ingests", input = Json, output = StreamingText)]
pub async fn ingests() -> Result<TextStream<ApiError>, ApiError> {
    Ok(super::backend::lines(super::backend::ingest()?.changes()))
}

/// How a video was made, if the server decoded its file.
#[server(prefix = "/api", endpoint = "ingest_of", input = Json, output = Json)]
pub async fn ingest_of(video: VideoId) -> Result<Option<IngestInfo>, ApiError> {
    Ok(super::backend::ingest()?.of_video(&video))
}

/// Tries one again that failed.
#[server(prefix = "/api", endpoint = "retry_ingest", input = Json, output = Json)]
pub async fn retry_ingest(id: IngestId) -> Result<IngestInfo, ApiError> {
    Ok(super::backend::ingest()?.retry(&id).await?)
}

/// Stops one and forgets its file. Frames that were decoded stay, and the video is closed with them.
#[server(prefix = "/api", endpoint = "cancel_ingest", input = Json, output = Json)]
pub async fn cancel_ingest(id: IngestId) -> Result<(), ApiError> {
    Ok(super::backend::ingest()?.cancel(&id).await?)
}

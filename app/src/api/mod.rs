//! The typed server functions. Paths are `/api/<name>` and stable; [`ApiError`] is the error of all of them.
//!
//! | function | takes | gives |
//! |---|---|---|
//! | `create_video` | [`NewVideo`](timeline::NewVideo) | [`VideoId`](timeline::VideoId) |
//! | `append_frames` | frames, Postcard; idempotent by timestamp | [`AppendReceipt`](timeline::AppendReceipt) |
//! | `append_cuts` | first frames of shots | nothing |
//! | `append_flashes` | where the picture was another for a moment | nothing |
//! | `unseen_moments` | video | moments of such between two frames of the plan, where no frame is |
//! | `append_between` | frames between those of the plan, Postcard | [`AppendReceipt`](timeline::AppendReceipt) |
//! | `append_close_ups` | frames that an answer waits for, Postcard; none: the file is not at hand | [`AppendReceipt`](timeline::AppendReceipt) |
//! | `append_overview` | key frames of the whole video, Postcard; which of them the plan wants too | [`AppendReceipt`](timeline::AppendReceipt) |
//! | `finish_video` | video | – |
//! | `list_videos`, `get_video`, `rename_video`, `delete_video` | | |
//! | `find` | words | list of [`Found`](timeline::find::Found) |
//! | `progress` | video | NDJSON of [`ProgressEvent`](timeline::ProgressEvent) |
//! | `ask` | video, question | NDJSON of [`AnswerEvent`](timeline::AnswerEvent) |
//! | `list_questions`, `delete_question` | | |
//! | `put_transcript` | video, file name, bytes, Postcard | [`TranscriptReceipt`](timeline::TranscriptReceipt) |
//! | `put_track` | video, [`Track`](timeline::cues::embedded::Track), Postcard | [`TranscriptReceipt`](timeline::TranscriptReceipt), once |
//! | `list_transcripts`, `list_cues`, `edit_cue`, `retime_transcript`, `delete_transcript` | | |
//! | `begin_hearing`, `cancel_hearing` | video | |
//! | `hear` | sound in pieces, Postcard; idempotent by sample | the next sample |
//! | `hearing` | video | NDJSON of [`HearingInfo`](timeline::HearingInfo) |
//! | `begin_outline`, `cancel_outline` | video, language of titles | |
//! | `outline` | video | NDJSON of [`Outline`](timeline::Outline) |
//! | `begin_upload`, `append_upload` | a file in pieces, Postcard; idempotent by offset | [`IngestInfo`](timeline::IngestInfo), the next offset |
//! | `list_server_files`, `open_server_file`, `open_url` | | [`IngestInfo`](timeline::IngestInfo) |
//! | `ingests` | – | NDJSON of lists of [`IngestInfo`](timeline::IngestInfo) |
//! | `ingest_options`, `ingest_of`, `retry_ingest`, `cancel_ingest` | | |
//! | `model_info` | – | [`ModelInfo`](timeline::ModelInfo) |
//! | `list_models` | minutes of video | list of [`LocalModel`](timeline::LocalModel) |
//! | `pull_model`, `cancel_pull` | model, GGUF file | NDJSON of [`PullEvent`](timeline::PullEvent) |
//!
//! Dropping a stream in the page aborts the request, which drops the stream on the server, which stops the work.

#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod ask;
#[cfg(feature = "ssr")]
mod backend;
mod error;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod frames;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod hearing;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod ingest;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod models;
pub mod ndjson;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod outline;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod transcripts;
#[expect(missing_docs, reason = "the macro makes a struct of the arguments; the function's own words describe them")]
#[cfg_attr(
    feature = "ssr",
    expect(unreachable_pub, reason = "the macro keeps the body in a hidden function of its own")
)]
mod videos;

pub use ask::{MAX_QUESTION_BYTES, ask, check_question, delete_question, list_questions, progress};
pub use error::ApiError;
pub use frames::{
    append_between, append_close_ups, append_cuts, append_flashes, append_frames, append_overview, finish_video,
    unseen_moments,
};
pub use hearing::{begin_hearing, cancel_hearing, hear, hearing};
pub use ingest::{
    append_upload, begin_upload, cancel_ingest, ingest_of, ingest_options, ingests, list_server_files,
    open_server_file, open_url, retry_ingest,
};
pub use models::{cancel_pull, list_models, pull_model};
pub use outline::{begin_outline, cancel_outline, outline};
pub use transcripts::{
    delete_transcript, edit_cue, list_cues, list_transcripts, put_track, put_transcript, retime_transcript,
    transcript_url,
};
pub use videos::{create_video, delete_video, find, get_video, list_videos, model_info, rename_video};

/// Server function types by name, for per-route limits and tests.
pub mod routes {
    pub use super::ask::{Ask, DeleteQuestion, ListQuestions, Progress};
    pub use super::frames::{AppendCloseUps, AppendFrames, AppendOverview, FinishVideo};
    pub use super::hearing::{BeginHearing, CancelHearing, Hear, Hearing};
    pub use super::ingest::{
        AppendUpload, BeginUpload, CancelIngest, IngestOf, IngestOptions, Ingests, ListServerFiles, OpenServerFile,
        OpenUrl, RetryIngest,
    };
    pub use super::models::{CancelPull, ListModels, PullModel};
    pub use super::outline::{BeginOutline, CancelOutline, Outline};
    pub use super::transcripts::{
        DeleteTranscript, EditCue, ListCues, ListTranscripts, PutTrack, PutTranscript, RetimeTranscript,
    };
    pub use super::videos::{CreateVideo, DeleteVideo, GetVideo, ListVideos, ModelInfo, RenameVideo};
}

/// Where the frame of a video at exactly `pts` is served as an image.
pub fn frame_url(video: &timeline::VideoId, pts: timeline::Timestamp) -> String {
    format!("{}/frames/{video}/{}", leptos::server_fn::client::get_server_url(), pts.micros())
}

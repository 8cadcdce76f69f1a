//! Follows the growth of an index for as long as the workbench is open; reconnects when the server goes away.

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::{ProgressEvent, VideoState};

use super::bench::{Bench, merge};
use super::ingest::backoff_ms;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};
use crate::platform;

/// Starts following; leaving the workbench stops it, here and on the server.
pub fn follow(bench: Bench) {
    let (handle, registration) = AbortHandle::new_pair();
    on_cleanup(move || handle.abort());
    spawn_local(async move {
        // Aborted on leaving: nothing to say.
        let _left = Abortable::new(until_ready(bench), registration).await;
    });
}

async fn until_ready(bench: Bench) {
    let mut tries = 0;
    loop {
        match once(bench).await {
            Ok(()) if bench.state.get_untracked() == VideoState::Ready => return,
            // The server closed the stream early, or a proxy did: simply open it again.
            Ok(()) => tries = 0,
            Err(error) if error.is_passing() => {
                bench.trouble.set(Some(Trouble::Api(error)));
            }
            Err(error) => {
                bench.trouble.set(Some(Trouble::Api(error)));
                return;
            }
        }
        tries += 1;
        platform::sleep(backoff_ms(tries)).await;
    }
}

async fn once(bench: Bench) -> Result<(), ApiError> {
    let mut stream = api::progress(bench.id()).await?.into_inner();
    let mut lines = Lines::default();
    while let Some(chunk) = stream.next().await {
        for event in lines.push(&chunk?) {
            apply(bench, event);
        }
        // A ready index does not grow: give the connection back, browsers have only a few.
        if bench.state.get_untracked() == VideoState::Ready {
            break;
        }
    }
    Ok(())
}

fn apply(bench: Bench, event: ProgressEvent) {
    match event {
        ProgressEvent::Snapshot { state, frames, segments, overview, cuts } => {
            bench.trouble.set(None);
            bench.frames.set(frames);
            bench.segments.set(segments);
            bench.overview.set(overview);
            bench.cuts.set(cuts);
            bench.state.set(state);
        }
        ProgressEvent::Frames { frames } => {
            bench.frames.update(|all| merge(all, &frames, |pts| *pts));
            let reached = frames.last().copied();
            if bench.overview.with_untracked(|all| all.first().map(|glimpse| glimpse.pts) <= reached) {
                bench.overview.update(|all| all.retain(|glimpse| Some(glimpse.pts) > reached));
            }
        }
        ProgressEvent::Overview { glimpses } => {
            bench.overview.update(|all| merge(all, &glimpses, |glimpse| glimpse.pts));
        }
        ProgressEvent::Cuts { cuts } => bench.cuts.update(|all| merge(all, &cuts, |cut| *cut)),
        ProgressEvent::Segments { segments } => {
            bench.segments.update(|all| merge(all, &segments, |span| (span.start, span.end)));
        }
        ProgressEvent::State { state } => bench.state.set(state),
        ProgressEvent::Failed { message } => bench.trouble.set(Some(Trouble::Api(ApiError::ModelFailed { message }))),
    }
}

//! Subtitles inside a local file, on their way to the server: read with the frames, each taken in once.

use leptos::prelude::*;
use timeline::cues::embedded::Track;
use timeline::{TranscriptReceipt, VideoId};

use super::session::Session;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::extraction::TrackRefused;

/// What became of a track.
#[derive(Debug, Clone, PartialEq)]
pub enum TrackNews {
    /// It is a transcript of the video now.
    Taken(TranscriptReceipt),
    /// It is not.
    Refused {
        /// What it is called.
        name: String,
        /// Why not.
        trouble: Trouble,
    },
}

impl Session {
    /// Sends a track to the server; what came of it is told on the video's page. Never an end to the frames.
    pub(super) async fn take_track(self, video: &VideoId, track: Result<Track, TrackRefused>) {
        let news = match track {
            Ok(track) => match self.persist(video, || api::put_track(video.clone(), track.clone())).await {
                Ok(Some(receipt)) => TrackNews::Taken(receipt),
                // Known since the file was read before; with what was corrected in it.
                Ok(None) => return,
                Err(error) => TrackNews::Refused { name: track.name(), trouble: error.into() },
            },
            Err(TrackRefused { number, message }) => {
                TrackNews::Refused { name: Track::place(number), trouble: ApiError::Subtitles { message }.into() }
            }
        };
        self.tracks.update(|tracks| tracks.entry(video.clone()).or_default().push(news));
    }
}

//! Text tracks of the file, told to the page while frames are decoded: their packets alone are read, a track at a time.

use demux::{Movie, SubtitleTrack};
use js_sys::{Array, Promise, Uint8Array};
use timeline::cues::embedded::Track;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::reader::{Bytes, IndexReader};
use super::{post, scope};
use crate::protocol::Reply;

/// The tracks of one file.
pub(super) struct Tracks {
    tracks: Vec<SubtitleTrack>,
    reader: IndexReader,
}

impl Tracks {
    pub(super) fn new(movie: &Movie, file: Bytes) -> Self {
        let tracks = movie.subtitles_by_use().into_iter().cloned().collect();
        Self { tracks, reader: IndexReader::new(file) }
    }

    /// Tells all of them; gives the bytes that were read for it. Between two the decoder gets its turn.
    pub(super) async fn tell(mut self) -> u64 {
        for track in &self.tracks {
            pause().await;
            let buffers = Array::new();
            let packed = track.packets(&mut self.reader).map_err(|error| error.to_string());
            let packed = packed.and_then(|track| pack(&track));
            let refused = packed.map(|bytes| buffers.push(&Uint8Array::from(bytes.as_slice()).buffer())).err();
            post(&Reply::Track { number: track.id, refused }, &buffers);
        }
        self.reader.into_file().read_so_far()
    }
}

/// For the way through a buffer.
fn pack(track: &Track) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(track).map_err(|error| error.to_string())
}

/// Lets this thread do what else is waiting.
async fn pause() {
    let wait = Promise::new(&mut |resolve, _| {
        if scope().and_then(|scope| scope.set_timeout_with_callback(&resolve).ok()).is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(wait).await;
}

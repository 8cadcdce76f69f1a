//! The extraction Worker: one request in its life, from a file to encoded frames with exact times.
//!
//! ```text
//! File ─▶ reader ─▶ demux ─▶ plan ─▶ feed ─▶ decoder ─▶ picture (resize, encode) ─▶ outbox ─▶ page
//!                      │                                  └─▶ shots (where they begin) ─▶ ┘
//!                      └─▶ tracks (packets of subtitles) ─────────────────────────────────────┘
//! ```

mod bell;
mod config;
mod copied;
mod decoder;
mod light;
mod outbox;
mod picture;
mod plan;
mod reader;
mod run;
mod shots;
mod sound;
mod tracks;

use std::cell::RefCell;
use std::rc::Rc;

use app::extraction::{ExtractError, Probe};
use demux::{Movie, Track};
use futures::future::join;
use js_sys::Array;
use timeline::Timestamp;
use timeline::resize::{ResizeRule, Size};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, File, MessageEvent};

use crate::protocol::{self, Outline, Reply, Request, envelope};
use reader::{Bytes, IndexReader};
use run::Run;
use sound::Listening;
use tracks::Tracks;

/// A side shorter than this shows nothing to the model.
const SHORTEST_SIDE: u32 = 16;

/// Listens to the page.
pub(crate) fn serve() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(&Reply::Crashed { message: info.to_string() }, &Array::new());
    }));
    let under_way: Rc<RefCell<UnderWay>> = Rc::default();
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(request) = protocol::words::<Request>(&event.data()) else { return };
        hear(request, protocol::file(&event.data()), &under_way);
    });
    if let Some(scope) = scope() {
        scope.set_onmessage(Some(listen.as_ref().unchecked_ref()));
        // Listens as long as the Worker lives.
        listen.forget();
        post(&Reply::Ready, &Array::new());
    }
}

/// What this Worker is at.
#[derive(Default)]
enum UnderWay {
    #[default]
    Nothing,
    Frames(Rc<Run>),
    Sound(Rc<Listening>),
}

fn hear(request: Request, file: Option<File>, under_way: &Rc<RefCell<UnderWay>>) {
    match (request, file) {
        (Request::Probe, Some(file)) => spawn_local(async move {
            post(&Reply::Probed(probe(file).await), &Array::new());
        }),
        (Request::Outline, Some(file)) => post(&Reply::Outlined(outline(file)), &Array::new()),
        (Request::List, Some(file)) => {
            let list = |movie: &Movie| Ok(movie.video().map_err(refuse)?.presented.iter().map(|f| f.pts).collect());
            let listed = open(Bytes::new(file)).and_then(|(movie, _)| list(&movie));
            post(&Reply::Listed(listed), &Array::new());
        }
        (Request::At { instants }, Some(file)) => {
            let begun = open(Bytes::new(file)).and_then(|(movie, file)| Run::at(movie, file, &instants));
            let run = match begun {
                Ok(run) => Rc::new(run),
                Err(error) => return post(&Reply::Failed(error), &Array::new()),
            };
            let under_way = Rc::clone(under_way);
            *under_way.borrow_mut() = UnderWay::Frames(Rc::clone(&run));
            spawn_local(async move {
                let reply = run.drive().await;
                under_way.take();
                post(&reply, &Array::new());
            });
        }
        (Request::Extract { plan, there }, Some(file)) => {
            let under_way = Rc::clone(under_way);
            spawn_local(async move {
                let again = Bytes::new(file.clone());
                let begun = open(Bytes::new(file)).and_then(|(movie, file)| {
                    let tracks = Tracks::new(&movie, again);
                    Ok((Rc::new(Run::new(movie, file, plan, &there)?), tracks))
                });
                let (run, tracks) = match begun {
                    Ok(begun) => begun,
                    Err(error) => return post(&Reply::Failed(error), &Array::new()),
                };
                *under_way.borrow_mut() = UnderWay::Frames(Rc::clone(&run));
                let (mut reply, read) = join(run.drive(), tracks.tell()).await;
                if let Reply::Finished { cost, .. } = &mut reply {
                    cost.bytes_read += read;
                }
                under_way.take();
                post(&reply, &Array::new());
            });
        }
        (Request::Listen { from, until }, Some(file)) => match Listening::new(file, from, until) {
            Ok(listening) => {
                let listening = Rc::new(listening);
                *under_way.borrow_mut() = UnderWay::Sound(Rc::clone(&listening));
                spawn_local(async move { listening.drive().await });
            }
            Err(error) => post(&Reply::Failed(error), &Array::new()),
        },
        (Request::Acknowledge { seq }, _) => match &*under_way.borrow() {
            UnderWay::Frames(run) => run.acknowledged(seq),
            UnderWay::Sound(listening) => listening.acknowledged(seq),
            UnderWay::Nothing => {}
        },
        (Request::Cancel, _) => {
            if let UnderWay::Frames(run) = &*under_way.borrow() {
                run.cancel();
            }
        }
        (
            Request::Probe
            | Request::Outline
            | Request::List
            | Request::Extract { .. }
            | Request::At { .. }
            | Request::Listen { .. },
            None,
        ) => {
            let message = "no file was given".to_owned();
            post(&Reply::Failed(ExtractError::Read { message }), &Array::new());
        }
    }
}

async fn probe(file: File) -> Result<Probe, ExtractError> {
    let (movie, _) = open(Bytes::new(file))?;
    let track = movie.video().map_err(refuse)?;
    let probe = described(&movie)?;
    config::supported(track, movie.container).await?;
    Ok(probe)
}

fn outline(file: File) -> Result<Outline, ExtractError> {
    let (movie, _) = open(Bytes::new(file))?;
    let track = movie.video().map_err(refuse)?;
    Ok(Outline { probe: described(&movie)?, shown: track.presented.iter().map(|frame| frame.pts).collect() })
}

fn described(movie: &Movie) -> Result<Probe, ExtractError> {
    let track = movie.video().map_err(refuse)?;
    let (width, height) = shape(track)?;
    Ok(Probe {
        duration: track.duration,
        width,
        height,
        rotation: track.orientation.rotation.degrees(),
        codec: track.codec.string.clone(),
        frames: u32::try_from(track.presented.len()).unwrap_or(u32::MAX),
        warnings: movie.warnings.iter().map(ToString::to_string).collect(),
    })
}

fn open(file: Bytes) -> Result<(Movie, Bytes), ExtractError> {
    let mut reader = IndexReader::new(file);
    let movie = demux::open(&mut reader).map_err(refuse)?;
    Ok((movie, reader.into_file()))
}

/// The shown size, if the model can be shown such a picture.
fn shape(track: &Track) -> Result<(u32, u32), ExtractError> {
    let (width, height) = track.shown_size();
    let size = Size { height, width };
    if width.min(height) < SHORTEST_SIDE || ResizeRule::default().target(size, 2).is_err() {
        return Err(ExtractError::BadShape { width, height });
    }
    Ok((width, height))
}

/// The page's word for what the demuxer found.
fn refuse(error: demux::Error) -> ExtractError {
    use demux::Error as E;
    let message = error.to_string();
    match error {
        E::Io(_) => ExtractError::Read { message },
        E::Empty => ExtractError::Empty,
        E::NotAVideo => ExtractError::NotAVideo,
        E::Container { container } => ExtractError::UnsupportedContainer { name: container.name().to_owned() },
        E::MoovMissing { .. } | E::HeaderMissing { .. } | E::SampleBeyondFile { .. } => ExtractError::Truncated,
        E::NoVideoTrack { .. } => ExtractError::NoVideoTrack,
        E::NoSoundTrack => ExtractError::NoSoundTrack,
        E::ZeroDuration => ExtractError::ZeroDuration,
        E::Encrypted { .. } | E::Malformed { .. } | E::TooMany { .. } | E::Unsupported { .. } => {
            ExtractError::Damaged { message }
        }
    }
}

fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Says something to the page; buffers are handed over, not copied.
fn post(reply: &Reply, buffers: &Array) {
    if let Some(scope) = scope() {
        let _ = scope.post_message_with_transfer(&envelope(reply, None, buffers), buffers);
    }
}

/// Milliseconds on a clock that only goes forward.
fn now() -> f64 {
    scope().and_then(|s| s.performance()).map_or(0.0, |p| p.now())
}

/// Microseconds as WebCodecs counts them: doubles, exact far beyond any video.
fn stamp(t: Timestamp) -> f64 {
    t.micros() as f64
}

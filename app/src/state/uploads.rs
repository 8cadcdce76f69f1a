//! Uploads of this page: pieces in order, each acknowledged before the next. Where they go on is always the server's word.

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use serde_bytes::ByteBuf;
use timeline::ingest::{CHUNK_BYTES, END_BYTES};
use timeline::{IngestCause, IngestId, IngestState};
use web_sys::File;

use super::ingest::backoff_ms;
use super::ingests::Ingests;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::platform;

/// How often a piece is tried before the upload pauses; with growing waits that is about a minute.
const TRIES: u32 = 10;

/// An upload as this page sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// What it is doing.
    pub phase: Sending,
    /// Bytes acknowledged.
    pub sent: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Stops the piece that is on its way, or about to be: there is never more than one.
    under_way: Option<Piece>,
    /// Bytes a second since it was begun or resumed here; zero until known.
    pub rate: f64,
}

/// A piece on its way.
#[derive(Debug, Clone)]
struct Piece(AbortHandle);

impl PartialEq for Piece {
    fn eq(&self, _: &Self) -> bool {
        true // One upload never has two.
    }
}

/// What an upload is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Sending {
    /// Pieces are on their way.
    Running,
    /// The server does not answer; the same piece is tried again.
    Reconnecting,
    /// The user stopped it for now.
    Paused,
    /// The user stopped it for good; the server has not said yet that it is gone.
    Cancelled,
    /// It stopped by itself.
    Failed(Trouble),
}

impl Upload {
    /// Whether pieces are on their way.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Sending::Running | Sending::Reconnecting)
    }

    /// Whether it waits for the user to go on.
    pub fn can_go_on(&self) -> bool {
        matches!(self.phase, Sending::Paused | Sending::Failed(_))
    }

    /// Seconds until it is done, once a rate is known.
    pub fn seconds_left(&self) -> Option<f64> {
        (self.rate > 0.0 && self.bytes > self.sent).then(|| (self.bytes - self.sent) as f64 / self.rate)
    }
}

impl Ingests {
    /// The user agreed: the offered file is sent.
    pub fn accept_offer(self) {
        let Some(offer) = self.offer.get_untracked() else { return };
        self.offer.set(None);
        self.trouble.set(None);
        spawn_local(async move {
            if let Err(trouble) = self.begin_upload(&offer.file, false).await {
                self.trouble.set(Some(trouble));
            }
        });
    }

    /// Goes on with an upload whose file the user picked again; false when the server does not know the file.
    pub(super) async fn go_on(self, file: &File) -> bool {
        match self.begin_upload(file, true).await {
            Ok(known) => known,
            Err(trouble) => {
                self.trouble.set(Some(trouble));
                true
            }
        }
    }

    /// Goes on with an upload of which the list knows, with a file picked for it.
    pub fn pick_again(self, file: File) {
        self.trouble.set(None);
        spawn_local(async move {
            if !self.go_on(&file).await {
                self.trouble.set(Some(Trouble::OtherFile));
            }
        });
    }

    async fn begin_upload(self, file: &File, known: bool) -> Result<bool, Trouble> {
        let bytes = file.size() as u64;
        let end = u64::from(END_BYTES).min(bytes);
        let (head, tail) = (platform::slice(file, 0, end).await, platform::slice(file, bytes - end, bytes).await);
        let (Some(mut ends), Some(tail)) = (head, tail) else { return Err(Trouble::Unreadable) };
        ends.extend(tail);
        let begun = api::begin_upload(file.name(), bytes, ByteBuf::from(ends), known).await?;
        let Some(info) = begun else { return Ok(false) };
        self.files.update_value(|files| drop(files.insert(info.id.clone(), SendWrapper::new(file.clone()))));
        self.want(info.clone());
        if info.state == IngestState::Receiving {
            self.send(info.id, info.received, bytes);
        }
        Ok(true)
    }

    /// Stops sending; the page knows where to go on.
    pub fn pause(self, id: &IngestId) {
        self.update(id, |upload| upload.phase = Sending::Paused);
    }

    /// Goes on with an upload that was paused, or that gave up.
    pub fn resume(self, id: &IngestId) {
        if let Some(Upload { sent, bytes, .. }) = self.upload(id) {
            self.send(id.clone(), sent, bytes);
        }
    }

    /// Forgets what this page knows of an upload.
    fn forget(self, id: &IngestId) {
        self.uploads.update(|uploads| drop(uploads.remove(id)));
        self.files.update_value(|files| drop(files.remove(id)));
        self.wanted.update(|wanted| {
            if wanted.as_ref() == Some(id) {
                *wanted = None;
            }
        });
    }

    fn send(self, id: IngestId, sent: u64, bytes: u64) {
        let file = self.files.with_value(|files| files.get(&id).map(|file| (**file).clone()));
        if self.upload(&id).is_some_and(|upload| upload.under_way.is_some()) {
            // Paused, and the last piece is not there yet: it goes on from that one.
            return self.update(&id, |upload| upload.phase = Sending::Running);
        }
        let Some(file) = file else { return };
        let (handle, stopped) = AbortHandle::new_pair();
        let under_way = Some(Piece(handle));
        let upload = Upload { phase: Sending::Running, sent, bytes, under_way, rate: 0.0 };
        self.uploads.update(|uploads| drop(uploads.insert(id.clone(), upload)));
        spawn_local(async move {
            // Stopped, the request is dropped and the browser closes it.
            let Ok(outcome) = Abortable::new(self.pieces(&id, &file), stopped).await else { return };
            self.update(&id, |upload| upload.under_way = None);
            match outcome {
                Ok(()) => {}
                Err(Trouble::Api(ApiError::Ingest { cause: IngestCause::Unknown, .. })) => self.forget(&id),
                Err(trouble) => self.update(&id, |upload| upload.phase = Sending::Failed(trouble)),
            }
        });
    }

    /// Sends until all is there or somebody stops it.
    async fn pieces(self, id: &IngestId, file: &File) -> Result<(), Trouble> {
        let (begun, mut tries) = (platform::now_ms(), 0);
        let mut first = None;
        loop {
            let Some(upload) = self.upload(id).filter(Upload::is_active) else { return Ok(()) };
            let first = *first.get_or_insert(upload.sent);
            let end = upload.bytes.min(upload.sent + u64::from(CHUNK_BYTES));
            let piece = platform::slice(file, upload.sent, end).await.ok_or(Trouble::Unreadable)?;
            match api::append_upload(id.clone(), upload.sent, ByteBuf::from(piece)).await {
                Ok(sent) => {
                    tries = 0;
                    let seconds = (platform::now_ms() - begun).max(1.0) / 1000.0;
                    self.update(id, |upload| {
                        (upload.sent, upload.rate) = (sent, sent.saturating_sub(first) as f64 / seconds);
                        if upload.phase == Sending::Reconnecting {
                            upload.phase = Sending::Running;
                        }
                    });
                    if sent >= upload.bytes {
                        self.uploads.update(|uploads| drop(uploads.remove(id)));
                        self.follow();
                        return Ok(());
                    }
                }
                Err(error) if error.is_passing() && tries < TRIES => {
                    tries += 1;
                    self.update(id, |upload| {
                        if upload.is_active() {
                            upload.phase = Sending::Reconnecting;
                        }
                    });
                    platform::sleep(backoff_ms(tries)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Stops one, here and on the server. It stays in sight until the server has let it go: who leaves the page before that sees
    /// it again when coming back.
    pub fn cancel(self, id: IngestId) {
        if let Some(Upload { under_way: Some(Piece(piece)), .. }) = self.upload(&id) {
            piece.abort();
        }
        self.update(&id, |upload| upload.phase = Sending::Cancelled);
        spawn_local(async move {
            match api::cancel_ingest(id.clone()).await {
                Ok(()) | Err(ApiError::Ingest { cause: IngestCause::Unknown, .. }) => {
                    self.forget(&id);
                    self.list.update(|list| list.retain(|info| info.id != id));
                    // A list that was on its way still had it.
                    self.follow();
                }
                Err(error) => {
                    let trouble = Trouble::from(error);
                    self.update(&id, |upload| {
                        (upload.phase, upload.under_way) = (Sending::Failed(trouble.clone()), None);
                    });
                    self.trouble.set(Some(trouble));
                }
            }
        });
    }

    fn upload(self, id: &IngestId) -> Option<Upload> {
        self.uploads.with_untracked(|uploads| uploads.get(id).cloned())
    }

    fn update(self, id: &IngestId, change: impl FnOnce(&mut Upload)) {
        self.uploads.update(|uploads| {
            if let Some(upload) = uploads.get_mut(id) {
                change(upload);
            }
        });
    }
}

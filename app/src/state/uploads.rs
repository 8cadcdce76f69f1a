//! Uploads of this page: pieces in order, each acknowledged before the next. Where they go on is always the server's word.

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
    /// Whether a piece is on its way, or about to be: there is never more than one.
    under_way: bool,
    /// Bytes a second since it was begun or resumed here; zero until known.
    pub rate: f64,
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
    /// The user stopped it for good; the piece under way comes to its end first.
    Cancelled,
    /// It stopped by itself.
    Failed(Trouble),
}

impl Upload {
    /// Whether pieces are on their way.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Sending::Running | Sending::Reconnecting)
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
        let upload = self.uploads.with_untracked(|uploads| uploads.get(id).cloned());
        if let Some(Upload { sent, bytes, .. }) = upload {
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
        let under_way = self.uploads.with_untracked(|uploads| uploads.get(&id).is_some_and(|upload| upload.under_way));
        if under_way {
            // Paused, and the last piece is not there yet: it goes on from that one.
            return self.update(&id, |upload| upload.phase = Sending::Running);
        }
        let Some(file) = file else { return };
        let upload = Upload { phase: Sending::Running, sent, bytes, under_way: true, rate: 0.0 };
        self.uploads.update(|uploads| drop(uploads.insert(id.clone(), upload)));
        spawn_local(async move {
            let outcome = self.pieces(&id, &file).await;
            self.update(&id, |upload| upload.under_way = false);
            if self.phase(&id) == Some(Sending::Cancelled) {
                return self.end(id).await;
            }
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
            let now = self.uploads.with_untracked(|uploads| uploads.get(id).cloned());
            let Some(upload) = now.filter(Upload::is_active) else { return Ok(()) };
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
                    if sent >= upload.bytes && self.phase(id) != Some(Sending::Cancelled) {
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

    fn phase(self, id: &IngestId) -> Option<Sending> {
        self.uploads.with_untracked(|uploads| uploads.get(id).map(|upload| upload.phase.clone()))
    }

    /// Stops one, here and on the server.
    pub fn cancel(self, id: IngestId) {
        self.list.update(|list| list.retain(|info| info.id != id));
        if self.uploads.with_untracked(|uploads| uploads.get(&id).is_some_and(|upload| upload.under_way)) {
            self.update(&id, |upload| upload.phase = Sending::Cancelled);
        } else {
            spawn_local(self.end(id));
        }
    }

    async fn end(self, id: IngestId) {
        self.forget(&id);
        let outcome = api::cancel_ingest(id.clone()).await;
        // The list may have come once more while the last piece was on its way.
        self.list.update(|list| list.retain(|info| info.id != id));
        match outcome {
            Ok(()) | Err(ApiError::Ingest { cause: IngestCause::Unknown, .. }) => {}
            Err(error) => self.trouble.set(Some(error.into())),
        }
    }

    fn update(self, id: &IngestId, change: impl FnOnce(&mut Upload)) {
        self.uploads.update(|uploads| {
            if let Some(upload) = uploads.get_mut(id) {
                change(upload);
            }
        });
    }
}

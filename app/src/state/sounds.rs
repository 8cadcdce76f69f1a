//! The sound of local files on its way to the server that transcribes it: from the sample on that the server has not, each piece
//! until it is taken, none without room for it. It goes on while the user looks at another video.

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::StreamExt;
use futures::channel::mpsc;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_bytes::ByteBuf;
use timeline::hearing::sample_at;
use timeline::{HearingCause, Timestamp, VideoId};

use super::ingest::backoff_ms;
use super::session::Session;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::extraction::{Piece, SoundEvent, SoundHandle};
use crate::platform;

/// How often a piece is tried before it is given up; with growing waits that is about a minute.
const TRIES: u32 = 10;
/// How far beyond the pictures sound is heard.
const BEYOND: Timestamp = Timestamp::from_millis(60_000);
/// Bytes of a sample.
const WIDTH: usize = 2;
/// Times of sending so far.
static TURNS: AtomicU32 = AtomicU32::new(0);

/// Sound under way, in the context of every page.
#[derive(Clone, Copy)]
pub struct Sounds {
    /// Each with the time it is: one that was stopped and begun anew is another.
    under_way: StoredValue<Vec<(VideoId, u32)>>,
    session: Session,
}

/// How a stretch of sending ended.
enum End {
    /// The server has everything.
    Over,
    /// The server wants it from another sample on.
    Elsewhere,
    /// Stopped, here.
    Stopped,
}

impl Sounds {
    /// Puts the signals into the context. Call it once, in the root.
    pub fn provide(session: Session) -> Self {
        let sounds = Self { under_way: StoredValue::new(Vec::new()), session };
        provide_context(sounds);
        sounds
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Sends the sound of a video's local file; once, however often it is said. Why it ended early is told to `trouble`.
    pub fn send(self, video: VideoId, duration: Timestamp, trouble: RwSignal<Option<Trouble>>) {
        if self.under_way.with_value(|all| all.iter().any(|(other, _)| *other == video)) {
            return;
        }
        let turn = TURNS.fetch_add(1, Ordering::Relaxed);
        self.under_way.update_value(|all| all.push((video.clone(), turn)));
        spawn_local(async move {
            let outcome = self.until_over(&video, turn, sample_at(duration + BEYOND)).await;
            if !self.is_active(&video, turn) {
                return;
            }
            if let Err(error) = outcome {
                trouble.try_set(Some(error));
                // The server need not wait for what will not come.
                let _over = api::cancel_hearing(video.clone()).await;
            }
            self.under_way.update_value(|all| all.retain(|one| *one != (video.clone(), turn)));
        });
    }

    /// Stops sending.
    pub fn stop(self, video: &VideoId) {
        self.under_way.update_value(|all| all.retain(|(other, _)| other != video));
    }

    fn is_active(self, video: &VideoId, turn: u32) -> bool {
        self.under_way.with_value(|all| all.iter().any(|one| (&one.0, one.1) == (video, turn)))
    }

    async fn until_over(self, video: &VideoId, turn: u32, until: u64) -> Result<(), Trouble> {
        loop {
            let from = self.deliver(video, turn, u64::MAX, &[], false).await?;
            let (Some(from), Some(file)) = (from, self.session.file(video)) else { return Ok(()) };
            let (events, inbox) = mpsc::unbounded();
            // The inbox is gone once sending has ended; late events have nobody to tell.
            let on_event = Rc::new(move |event| drop(events.unbounded_send(event)));
            let handle = self.session.extractor()?.listen(file, from, until, on_event);
            match self.pump(video, turn, &*handle, inbox).await? {
                End::Over | End::Stopped => return Ok(()),
                End::Elsewhere => {}
            }
        }
    }

    async fn pump(
        self,
        video: &VideoId,
        turn: u32,
        handle: &dyn SoundHandle,
        mut inbox: mpsc::UnboundedReceiver<SoundEvent>,
    ) -> Result<End, Trouble> {
        while let Some(event) = inbox.next().await {
            let Piece { seq, at, samples, last } = match event {
                SoundEvent::Piece(piece) => piece,
                SoundEvent::Failed(error) => return Err(error.into()),
            };
            let end = at + (samples.len() / WIDTH) as u64;
            let mut next = at;
            loop {
                if !self.is_active(video, turn) {
                    return Ok(End::Stopped);
                }
                let rest = usize::try_from(next - at).ok().and_then(|over| samples.get(over * WIDTH..));
                let told = self.deliver(video, turn, next, rest.unwrap_or_default(), last).await?;
                let Some(told) = told else { return Ok(End::Stopped) };
                if !(at..=end).contains(&told) {
                    return Ok(End::Elsewhere);
                }
                next = told;
                if next == end {
                    break;
                }
            }
            if last {
                return Ok(End::Over);
            }
            handle.acknowledge(seq);
        }
        Ok(End::Stopped)
    }

    /// Tries until the server says which sample it wants next, the error is not a passing one, or it is stopped (then nothing). A
    /// server that started anew is asked to go on.
    async fn deliver(
        self,
        video: &VideoId,
        turn: u32,
        at: u64,
        samples: &[u8],
        last: bool,
    ) -> Result<Option<u64>, ApiError> {
        let (mut tries, mut lost) = (0, false);
        while self.is_active(video, turn) {
            match api::hear(video.clone(), at, ByteBuf::from(samples), last).await {
                Err(error) if error.is_passing() && tries < TRIES => {
                    (tries, lost) = (tries + 1, true);
                    platform::sleep(backoff_ms(tries)).await;
                }
                Err(ApiError::Hearing { cause: HearingCause::Unknown, .. }) if lost => {
                    lost = false;
                    api::begin_hearing(video.clone()).await?;
                }
                outcome => return outcome.map(Some),
            }
        }
        Ok(None)
    }
}

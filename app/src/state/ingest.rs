//! Frames on their way to the server: batches in order, each sent until it is durable, then acknowledged to the
//! extractor, which decodes no more than a few batches ahead.

use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc;
use leptos::prelude::*;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use timeline::plan::PlanRequest;
use timeline::{AppendReceipt, Timestamp, VideoId};

use super::session::Session;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::extraction::{ExtractError, ExtractEvent, ExtractHandle, ExtractRequest, There};
use crate::platform;

/// How often a batch is tried before the run pauses; with growing waits that is about a minute.
const TRIES: u32 = 10;

/// Moments between frames of the plan that are decoded and sent at once.
const BETWEEN: usize = 16;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Decoding and sending.
    Reading,
    /// The server does not answer; the same batch is tried again.
    Reconnecting,
    /// Everything was handed over; the index is being closed.
    Finishing,
    /// Done.
    Done,
    /// The user stopped it.
    Cancelled,
    /// It stopped by itself; it can be resumed.
    Failed(Trouble),
}

/// One extraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Where it stands.
    pub phase: Phase,
    /// Frames done.
    pub done: u32,
    /// Frames in all; zero until planned.
    pub total: u32,
    /// The video is covered up to here.
    pub covered: Timestamp,
    /// Frames a second.
    pub fps: f64,
}

impl Run {
    /// Whether it is still under way.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Reading | Phase::Reconnecting | Phase::Finishing)
    }

    /// Seconds until it is done, once a rate is known.
    pub fn seconds_left(&self) -> Option<f64> {
        (self.fps > 0.0 && self.total > self.done).then(|| f64::from(self.total - self.done) / self.fps)
    }
}

impl Session {
    /// Starts (or resumes, with what is `there`) reading the local file of a video. Without a file or extractor nothing happens.
    pub fn read(self, video: VideoId, plan: PlanRequest, there: There) {
        let active = self.runs.with_untracked(|runs| runs.get(&video).is_some_and(Run::is_active));
        let (false, Some(file), Ok(extractor)) = (active, self.file(&video), self.extractor()) else { return };
        let done = u32::try_from(there.frames.len()).unwrap_or(u32::MAX);
        let covered = there.frames.last().copied().unwrap_or_default();
        let run = Run { phase: Phase::Reading, done, total: 0, covered, fps: 0.0 };
        self.runs.update(|runs| drop(runs.insert(video.clone(), run)));
        self.tracks.update(|tracks| drop(tracks.remove(&video)));

        let (events, inbox) = mpsc::unbounded();
        let request = ExtractRequest { video: video.clone(), file, plan_request: plan, there };
        // The inbox is gone once the run has ended; late events have nobody to tell.
        let on_event = Rc::new(move |event| drop(events.unbounded_send(event)));
        let handle: Rc<dyn ExtractHandle> = Rc::from(extractor.start(request, on_event));
        self.handles.update_value(|handles| {
            handles.insert(video.clone(), SendWrapper::new(Rc::clone(&handle)));
        });
        spawn_local(self.pump(video, handle, inbox));
    }

    /// Stops reading; what was sent stays.
    pub fn cancel(self, video: &VideoId) {
        let handle = self.handles.try_update_value(|handles| handles.remove(video)).flatten();
        if let Some(handle) = handle {
            handle.cancel();
        }
        self.update_run(video, |run| {
            if run.is_active() {
                run.phase = Phase::Cancelled;
            }
        });
    }

    async fn pump(
        self,
        video: VideoId,
        handle: Rc<dyn ExtractHandle>,
        mut inbox: mpsc::UnboundedReceiver<ExtractEvent>,
    ) {
        let mut phase = Phase::Failed(ExtractError::Worker { message: "no more events".to_owned() }.into());
        while let Some(event) = inbox.next().await {
            if !self.is_active(&video) {
                return;
            }
            match event {
                ExtractEvent::Planned { frames } => self.update_run(&video, |run| run.total = frames),
                ExtractEvent::Progress { done, total, covered, fps } => self.update_run(&video, |run| {
                    (run.done, run.total, run.covered, run.fps) = (done, total, covered, fps);
                }),
                ExtractEvent::Batch { seq, frames } => {
                    let sent = self.persist(&video, || api::append_frames(video.clone(), frames.clone())).await;
                    if let Some(end) = acknowledged(sent, seq, &handle) {
                        phase = end;
                        break;
                    }
                }
                // Before the frames they lie among: once those are durable, nobody looks there again.
                ExtractEvent::Cuts { cuts } => {
                    let sent = self.persist(&video, || api::append_cuts(video.clone(), cuts.clone())).await;
                    if let Err(error) = sent {
                        handle.cancel();
                        phase = Phase::Failed(error.into());
                        break;
                    }
                }
                ExtractEvent::Flashes { flashes } => {
                    let sent = self.persist(&video, || api::append_flashes(video.clone(), flashes.clone())).await;
                    if let Err(error) = sent {
                        handle.cancel();
                        phase = Phase::Failed(error.into());
                        break;
                    }
                }
                ExtractEvent::Overview { seq, frames, planned } => {
                    let send = || api::append_overview(video.clone(), frames.clone(), planned.clone());
                    if let Some(end) = acknowledged(self.persist(&video, send).await, seq, &handle) {
                        phase = end;
                        break;
                    }
                }
                ExtractEvent::Track(track) => self.take_track(&video, track).await,
                ExtractEvent::Finished { frames } => {
                    self.update_run(&video, |run| {
                        (run.phase, run.done, run.total) = (Phase::Finishing, frames, frames);
                    });
                    phase = match self.finish(&video).await {
                        Ok(phase) => phase,
                        Err(error) => Phase::Failed(error.into()),
                    };
                    break;
                }
                ExtractEvent::Failed(ExtractError::Cancelled) => {
                    phase = Phase::Cancelled;
                    break;
                }
                ExtractEvent::Failed(error) => {
                    phase = Phase::Failed(error.into());
                    break;
                }
            }
        }
        self.handles.update_value(|handles| drop(handles.remove(&video)));
        self.update_run(&video, |run| {
            if run.is_active() {
                run.phase = phase;
            }
        });
    }

    /// Brings what came and went between frames of the plan, then closes the index.
    async fn finish(self, video: &VideoId) -> Result<Phase, ApiError> {
        let moments = self.persist(video, || api::unseen_moments(video.clone())).await?;
        for moments in moments.chunks(BETWEEN) {
            let (Some(file), Ok(extractor)) = (self.file(video), self.extractor()) else { break };
            // A file that gives none of these is as good as before.
            let Ok(frames) = extractor.frames_at(file, moments.to_vec()).await else { break };
            if !self.is_active(video) {
                return Ok(Phase::Cancelled);
            }
            self.persist(video, || api::append_between(video.clone(), frames.clone())).await?;
        }
        self.persist(video, || api::finish_video(video.clone())).await?;
        Ok(Phase::Done)
    }

    /// Tries until it works, the error is not a passing one, or the user stops the run.
    pub(super) async fn persist<T, F>(self, video: &VideoId, attempt: impl Fn() -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let mut tries = 0;
        loop {
            match attempt().await {
                Err(error) if error.is_passing() && tries < TRIES && self.is_active(video) => {
                    tries += 1;
                    self.update_run(video, |run| run.phase = Phase::Reconnecting);
                    platform::sleep(backoff_ms(tries)).await;
                }
                outcome => {
                    self.update_run(video, |run| {
                        if run.phase == Phase::Reconnecting {
                            run.phase = Phase::Reading;
                        }
                    });
                    return outcome;
                }
            }
        }
    }

    fn is_active(self, video: &VideoId) -> bool {
        self.runs.with_untracked(|runs| runs.get(video).is_some_and(Run::is_active))
    }

    fn update_run(self, video: &VideoId, change: impl FnOnce(&mut Run)) {
        self.runs.update(|runs| {
            if let Some(run) = runs.get_mut(video) {
                change(run);
            }
        });
    }
}

/// Tells the extractor that a batch is durable, or that it is over; then how it ended.
fn acknowledged(sent: Result<AppendReceipt, ApiError>, seq: u32, handle: &Rc<dyn ExtractHandle>) -> Option<Phase> {
    match sent {
        Ok(_) => {
            handle.acknowledge(seq);
            None
        }
        Err(error) => {
            handle.cancel();
            Some(Phase::Failed(error.into()))
        }
    }
}

/// Half a second, doubled each time, at most eight.
pub fn backoff_ms(tries: u32) -> u32 {
    (250_u32 << tries.min(5)).min(8_000)
}

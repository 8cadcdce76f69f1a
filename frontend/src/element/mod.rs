//! Frames from a `<video>` element, where the browser plays what it cannot decode for a Worker, or has no WebCodecs at all.
//!
//! Times are the container's on this way too: the Worker lists them, the element is asked for one frame after the other, and a
//! frame counts only if the element says that it shows that very one. Each is a seek, so this is the slower way.

mod screen;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use app::extraction::{ExtractError, ExtractEvent, ExtractHandle, ExtractRequest, Probe};
use app::platform;
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{AbortHandle, Abortable};
use timeline::{FrameIn, SamplingPlan, Timestamp};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use crate::extractor::ask;
use crate::protocol::{BATCH_BYTES, BATCH_FRAMES, BATCH_MS, Outline, Reply, Request, UNDER_WAY};
use screen::Screen;

/// Whether the element may show what the Worker could not decode.
pub(crate) fn may_help(error: &ExtractError) -> bool {
    matches!(error, ExtractError::UnsupportedCodec { .. } | ExtractError::NoWebCodecs)
}

/// What the Worker's index says, if the element shows the file's frames at the times of that index.
pub(crate) async fn probe(file: File) -> Result<Probe, ExtractError> {
    let Outline { probe, shown } = outline(file.clone()).await?;
    let screen = Screen::open(&file).await.map_err(refuse)?;
    let first = shown.first().copied().ok_or(ExtractError::ZeroDuration)?;
    match screen.frame(first, shown.get(1).copied()).await.map_err(refuse)? {
        Some(_) => Ok(probe),
        None => Err(refuse("the element shows other times than the file has".to_owned())),
    }
}

async fn outline(file: File) -> Result<Outline, ExtractError> {
    let outlined = |reply| if let Reply::Outlined(result) = reply { Some(result) } else { None };
    ask(Request::Outline, file, outlined).await
}

fn refuse(message: String) -> ExtractError {
    ExtractError::Decode { message }
}

/// A run under way.
struct Run {
    acknowledged: UnboundedSender<u32>,
    stop: AbortHandle,
}

/// Starts one. Events are those of [`Extractor::start`](app::extraction::Extractor::start).
pub(crate) fn start(request: ExtractRequest, on_event: Rc<dyn Fn(ExtractEvent)>) -> Box<dyn ExtractHandle> {
    let (acknowledged, acknowledgements) = mpsc::unbounded();
    let (stop, stopped) = AbortHandle::new_pair();
    spawn_local(async move {
        let outbox = Outbox::new(acknowledgements, Rc::clone(&on_event));
        let outcome = Abortable::new(extract(request, outbox), stopped).await;
        on_event(match outcome {
            Ok(Ok(frames)) => ExtractEvent::Finished { frames },
            Ok(Err(error)) => ExtractEvent::Failed(error),
            Err(_stopped) => ExtractEvent::Failed(ExtractError::Cancelled),
        });
    });
    Box::new(Run { acknowledged, stop })
}

impl ExtractHandle for Run {
    fn cancel(&self) {
        self.stop.abort();
    }

    fn acknowledge(&self, seq: u32) {
        // A run that is over hears no more.
        let _over = self.acknowledged.unbounded_send(seq);
    }
}

/// Works to the end; gives the frames of the plan that are there.
async fn extract(request: ExtractRequest, mut outbox: Outbox) -> Result<u32, ExtractError> {
    let ExtractRequest { file, plan_request, there, .. } = request;
    let Outline { probe, shown } = outline(file.clone()).await?;
    let picked = SamplingPlan::uniform(probe.duration, plan_request).pick(&shown);
    let total = u32::try_from(picked.len()).unwrap_or(u32::MAX);
    outbox.tell(ExtractEvent::Planned { frames: total });
    let there: HashSet<_> = there.frames.into_iter().collect();
    let screen = Screen::open(&file).await.map_err(refuse)?;
    let (mut done, mut lost, started) = (0, 0, platform::now_ms());
    for index in picked {
        let Some(&pts) = shown.get(index) else { continue };
        if !there.contains(&pts) {
            match screen.frame(pts, shown.get(index + 1).copied()).await.map_err(refuse)? {
                Some(bytes) => outbox.put(FrameIn { pts, bytes }).await,
                None => lost += 1,
            }
        }
        done += 1;
        let fps = f64::from(done) * 1_000.0 / (platform::now_ms() - started).max(1.0);
        outbox.tell(ExtractEvent::Progress { done, total, covered: pts, fps });
    }
    if lost == total {
        return Err(refuse("the element showed none of the frames".to_owned()));
    }
    outbox.post().await;
    outbox.tell(ExtractEvent::Progress { done, total, covered: probe.duration, fps: 0.0 });
    Ok(total - lost)
}

/// The frames shown at some instants, one seek each.
pub(crate) async fn frames_at(file: File, instants: &[Timestamp]) -> Result<Vec<FrameIn>, ExtractError> {
    let Outline { shown, .. } = outline(file.clone()).await?;
    let screen = Screen::open(&file).await.map_err(refuse)?;
    let mut frames = Vec::new();
    for index in timeline::plan::shown_at(instants, &shown) {
        let Some(&pts) = shown.get(index) else { continue };
        let bytes = screen.frame(pts, shown.get(index + 1).copied()).await.map_err(refuse)?;
        frames.extend(bytes.map(|bytes| FrameIn { pts, bytes }));
    }
    Ok(frames)
}

/// Frames on their way to the page: in batches, never more under way than the page takes.
struct Outbox {
    batch: Vec<FrameIn>,
    seq: u32,
    under_way: u32,
    posted_ms: f64,
    acknowledgements: UnboundedReceiver<u32>,
    on_event: Rc<dyn Fn(ExtractEvent)>,
}

impl Outbox {
    fn new(acknowledgements: UnboundedReceiver<u32>, on_event: Rc<dyn Fn(ExtractEvent)>) -> Self {
        Self { batch: Vec::new(), seq: 0, under_way: 0, posted_ms: platform::now_ms(), acknowledgements, on_event }
    }

    fn tell(&self, event: ExtractEvent) {
        (self.on_event)(event);
    }

    async fn put(&mut self, frame: FrameIn) {
        self.batch.push(frame);
        let bytes: usize = self.batch.iter().map(|frame| frame.bytes.len()).sum();
        let waited = platform::now_ms() - self.posted_ms;
        if self.batch.len() >= BATCH_FRAMES || bytes >= BATCH_BYTES as usize || waited >= BATCH_MS {
            self.post().await;
        }
    }

    async fn post(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let frames = std::mem::take(&mut self.batch);
        self.tell(ExtractEvent::Batch { seq: self.seq, frames });
        (self.seq, self.under_way, self.posted_ms) = (self.seq + 1, self.under_way + 1, platform::now_ms());
        while self.under_way >= UNDER_WAY && self.acknowledgements.next().await.is_some() {
            self.under_way -= 1;
        }
    }
}

/// A run that begins in the Worker and goes on here if the Worker cannot decode the file.
pub(crate) struct Chain {
    now: Rc<RefCell<Option<Box<dyn ExtractHandle>>>>,
    cancelled: Rc<Cell<bool>>,
}

impl Chain {
    /// `first` starts the Worker's run with the listener it is given.
    pub(crate) fn start(
        request: ExtractRequest,
        on_event: Rc<dyn Fn(ExtractEvent)>,
        first: impl FnOnce(ExtractRequest, Rc<dyn Fn(ExtractEvent)>) -> Box<dyn ExtractHandle>,
    ) -> Self {
        let now: Rc<RefCell<Option<Box<dyn ExtractHandle>>>> = Rc::default();
        let cancelled: Rc<Cell<bool>> = Rc::default();
        let again = RefCell::new(Some(copy(&request)));
        let hear = {
            let (now, cancelled) = (Rc::clone(&now), Rc::clone(&cancelled));
            move |event: ExtractEvent| match (&event, again.take()) {
                (ExtractEvent::Failed(error), Some(request)) if may_help(error) && !cancelled.get() => {
                    let (failed, on_event) = (error.clone(), Rc::clone(&on_event));
                    let tell = move |event| match event {
                        // Why the Worker could not is what people have to know.
                        ExtractEvent::Failed(ExtractError::Decode { .. }) => {
                            on_event(ExtractEvent::Failed(failed.clone()))
                        }
                        event => on_event(event),
                    };
                    *now.borrow_mut() = Some(start(request, Rc::new(tell)));
                }
                (ExtractEvent::Planned { .. } | ExtractEvent::Progress { .. } | ExtractEvent::Track(_), request) => {
                    again.replace(request);
                    on_event(event);
                }
                (ExtractEvent::Finished { .. } | ExtractEvent::Failed(_), _) => {
                    on_event(event);
                    // The handle holds this listener: let go of each other.
                    now.take();
                }
                _ => on_event(event),
            }
        };
        let handle = first(request, Rc::new(hear));
        now.borrow_mut().get_or_insert(handle);
        Self { now, cancelled }
    }
}

fn copy(request: &ExtractRequest) -> ExtractRequest {
    let ExtractRequest { video, file, plan_request, there } = request;
    ExtractRequest { video: video.clone(), file: file.clone(), plan_request: *plan_request, there: there.clone() }
}

impl ExtractHandle for Chain {
    fn cancel(&self) {
        self.cancelled.set(true);
        if let Some(handle) = &*self.now.borrow() {
            handle.cancel();
        }
    }

    fn acknowledge(&self, seq: u32) {
        if let Some(handle) = &*self.now.borrow() {
            handle.acknowledge(seq);
        }
    }
}

//! The page's side of extraction: one Worker for each request, ended with it. A crash stays in the Worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use app::extraction::{
    ExtractError, ExtractEvent, ExtractHandle, ExtractRequest, Extractor, Probe, SoundEvent, SoundHandle, TrackRefused,
};
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use timeline::cues::embedded::Track;
use timeline::{FrameIn, Timestamp};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ErrorEvent, File, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::element;
use crate::javascript::{object, said};
use crate::listener::Listener;
use crate::protocol::{self, Cost, Reply, Request, envelope};

/// How long a Worker may take to hear "cancel" before it is ended from outside.
const CANCEL_MS: u32 = 200;

#[wasm_bindgen]
extern "C" {
    /// Address of this module's JavaScript, which the Worker imports too.
    #[wasm_bindgen(thread_local_v2, js_namespace = ["import", "meta"], js_name = url)]
    static GLUE: String;
}

/// Extracts in a dedicated Worker; what that cannot decode, from a `<video>` element if that can.
pub(crate) struct PageExtractor;

impl Extractor for PageExtractor {
    fn probe(&self, file: File) -> LocalBoxFuture<'static, Result<Probe, ExtractError>> {
        async {
            let probed = |reply| if let Reply::Probed(result) = reply { Some(result) } else { None };
            match ask(Request::Probe, file.clone(), probed).await {
                // Where the element fails too, the Worker's reason is the one to tell.
                Err(error) if element::may_help(&error) => element::probe(file).await.map_err(|_| error),
                probed => probed,
            }
        }
        .boxed_local()
    }

    fn start(&self, request: ExtractRequest, on_event: Rc<dyn Fn(ExtractEvent)>) -> Box<dyn ExtractHandle> {
        Box::new(element::Chain::start(request, on_event, |request, on_event| {
            let ExtractRequest { plan_request, there, file, .. } = request;
            let words = Request::Extract { plan: plan_request, there };
            Box::new(Run::start(words, file, on_event, Rc::new(|_| {})))
        }))
    }

    fn frames_at(
        &self,
        file: File,
        instants: Vec<Timestamp>,
    ) -> LocalBoxFuture<'static, Result<Vec<FrameIn>, ExtractError>> {
        async move {
            let (events, mut inbox) = mpsc::unbounded();
            // The inbox is gone when nobody wants the frames any more.
            let on_event = Rc::new(move |event| drop(events.unbounded_send(event)));
            let request = Request::At { instants: instants.clone() };
            let run = Run::start(request, file.clone(), on_event, Rc::new(|_| {}));
            let mut frames = Vec::new();
            while let Some(event) = inbox.next().await {
                match event {
                    ExtractEvent::Batch { seq, frames: more } => {
                        frames.extend(more);
                        run.acknowledge(seq);
                    }
                    ExtractEvent::Finished { .. } => return Ok(frames),
                    ExtractEvent::Failed(error) if element::may_help(&error) => {
                        return element::frames_at(file, &instants).await;
                    }
                    ExtractEvent::Failed(error) => return Err(error),
                    _ => {}
                }
            }
            Err(ExtractError::Worker { message: "it fell silent".to_owned() })
        }
        .boxed_local()
    }

    fn listen(&self, file: File, from: u64, until: u64, on_event: Rc<dyn Fn(SoundEvent)>) -> Box<dyn SoundHandle> {
        Box::new(Listener::start(file, from, until, on_event))
    }
}

/// Asks one question of a Worker of its own.
pub(crate) async fn ask<T: 'static>(
    request: Request,
    file: File,
    answer: impl Fn(Reply) -> Option<Result<T, ExtractError>> + 'static,
) -> Result<T, ExtractError> {
    let (sender, receiver) = oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let hear = move |reply: Reply, _| {
        let result = match reply {
            Reply::Failed(error) => Some(Err(error)),
            Reply::Crashed { message } => Some(Err(ExtractError::Worker { message })),
            reply => answer(reply),
        };
        if let (Some(result), Some(sender)) = (result, sender.take()) {
            let _ = sender.send(result);
        }
    };
    let line = Line::open(Box::new(hear))?;
    line.say(request, Some(file));
    receiver.await.unwrap_or_else(|_| Err(ExtractError::Worker { message: "it fell silent".to_owned() }))
}

/// A connection to a Worker; the Worker ends with it.
pub(crate) struct Line {
    worker: Worker,
    /// What is said before the Worker listens.
    early: Rc<RefCell<Option<Vec<JsValue>>>>,
    _hear: Closure<dyn FnMut(MessageEvent)>,
    _crash: Closure<dyn FnMut(ErrorEvent)>,
}

type Hear = Box<dyn Fn(Reply, Vec<ArrayBuffer>)>;

impl Line {
    pub(crate) fn open(hear: Hear) -> Result<Self, ExtractError> {
        let failed = |thrown: JsValue| ExtractError::Worker { message: said(&thrown) };
        let glue = GLUE.with(Clone::clone);
        let script = web_sys::Url::new_with_base(SCRIPT, &glue).map_err(failed)?.href();
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&script, &options).map_err(failed)?;

        let hear = Rc::new(hear);
        let early = Rc::new(RefCell::new(Some(Vec::new())));
        let on_crash = Closure::new({
            let hear = Rc::clone(&hear);
            move |event: ErrorEvent| hear(Reply::Crashed { message: event.message() }, Vec::new())
        });
        let on_message = Closure::new({
            let (worker, early) = (worker.clone(), Rc::clone(&early));
            move |event: MessageEvent| match protocol::words(&event.data()) {
                Some(Reply::Ready) => {
                    for message in early.take().unwrap_or_default() {
                        let _ = worker.post_message(&message);
                    }
                }
                Some(reply) => hear(reply, protocol::buffers(&event.data())),
                None => {}
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_crash.as_ref().unchecked_ref()));
        let start = object(&[("js", &glue.into()), ("module", &wasm_bindgen::module())]);
        worker.post_message(&start).map_err(failed)?;
        Ok(Self { worker, early, _hear: on_message, _crash: on_crash })
    }

    pub(crate) fn say(&self, request: Request, file: Option<File>) {
        let message = envelope(&request, file.as_ref(), &Array::new());
        match &mut *self.early.borrow_mut() {
            Some(early) => early.push(message),
            None => {
                let _ = self.worker.post_message(&message);
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// `worker.js` lies at the root of the site, beside the page: one folder above the module when the server serves it.
const SCRIPT: &str = if cfg!(feature = "csr") { "worker.js" } else { "../worker.js" };

/// A run under way, kept alive by its own Worker until it is over.
#[derive(Clone)]
pub(crate) struct Run(Rc<RunState>);

struct RunState {
    line: RefCell<Option<Line>>,
    over: Cell<bool>,
    on_event: Rc<dyn Fn(ExtractEvent)>,
    on_cost: Rc<dyn Fn(Cost)>,
}

impl Run {
    pub(crate) fn start(
        request: Request,
        file: File,
        on_event: Rc<dyn Fn(ExtractEvent)>,
        on_cost: Rc<dyn Fn(Cost)>,
    ) -> Self {
        let run = Self(Rc::new(RunState { line: RefCell::new(None), over: Cell::new(false), on_event, on_cost }));
        let hearing = run.clone();
        match Line::open(Box::new(move |reply, buffers| hearing.hear(reply, buffers))) {
            Ok(line) => {
                line.say(request, Some(file));
                *run.0.line.borrow_mut() = Some(line);
            }
            Err(error) => {
                // The caller has no handle yet: let it have one before it hears of the end.
                let run = run.clone();
                spawn_local(async move { run.end(ExtractEvent::Failed(error)) });
            }
        }
        run
    }

    fn hear(&self, reply: Reply, buffers: Vec<ArrayBuffer>) {
        match reply {
            Reply::Planned { frames } => self.tell(ExtractEvent::Planned { frames }),
            Reply::Batch { seq, pts } => self.tell(ExtractEvent::Batch { seq, frames: frames(pts, buffers) }),
            Reply::Overview { seq, pts, planned } => {
                self.tell(ExtractEvent::Overview { seq, frames: frames(pts, buffers), planned });
            }
            Reply::Cuts { cuts } => self.tell(ExtractEvent::Cuts { cuts }),
            Reply::Flashes { flashes } => self.tell(ExtractEvent::Flashes { flashes }),
            Reply::Progress { done, total, covered, fps } => {
                self.tell(ExtractEvent::Progress { done, total, covered, fps });
            }
            Reply::Track { number, refused } => self.tell(ExtractEvent::Track(track(number, refused, buffers))),
            Reply::Finished { frames, cost } => {
                (self.0.on_cost)(cost);
                self.end(ExtractEvent::Finished { frames });
            }
            Reply::Failed(error) => self.end(ExtractEvent::Failed(error)),
            Reply::Crashed { message } => self.end(ExtractEvent::Failed(ExtractError::Worker { message })),
            Reply::Ready | Reply::Probed(_) | Reply::Outlined(_) | Reply::Listed(_) | Reply::Sound { .. } => {}
        }
    }

    fn tell(&self, event: ExtractEvent) {
        if !self.0.over.get() {
            (self.0.on_event)(event);
        }
    }

    fn end(&self, event: ExtractEvent) {
        self.tell(event);
        self.0.over.set(true);
        // This may run inside the line's own listener: the line is dropped after it.
        let line = self.0.line.take();
        spawn_local(async move { drop(line) });
    }

    fn say(&self, request: Request) {
        if let Some(line) = &*self.0.line.borrow() {
            line.say(request, None);
        }
    }
}

impl ExtractHandle for Run {
    fn cancel(&self) {
        self.say(Request::Cancel);
        let run = self.clone();
        spawn_local(async move {
            app::platform::sleep(CANCEL_MS).await;
            if !run.0.over.get() {
                run.end(ExtractEvent::Failed(ExtractError::Cancelled));
            }
        });
    }

    fn acknowledge(&self, seq: u32) {
        self.say(Request::Acknowledge { seq });
    }
}

fn track(number: u32, refused: Option<String>, buffers: Vec<ArrayBuffer>) -> Result<Track, TrackRefused> {
    let refuse = |message| TrackRefused { number, message };
    if let Some(message) = refused {
        return Err(refuse(message));
    }
    let bytes = buffers.first().map(|buffer| Uint8Array::new(buffer).to_vec()).unwrap_or_default();
    postcard::from_bytes(&bytes).map_err(|error| refuse(error.to_string()))
}

fn frames(pts: Vec<Timestamp>, buffers: Vec<ArrayBuffer>) -> Vec<FrameIn> {
    let frame = |(pts, buffer): (_, ArrayBuffer)| FrameIn { pts, bytes: Uint8Array::new(&buffer).to_vec() };
    pts.into_iter().zip(buffers).map(frame).collect()
}

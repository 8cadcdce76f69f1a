//! Doors for tests and benchmarks: the Worker without the page around it.
//!
//! `benches/extraction` measures through [`extract_frames`]; the end-to-end tests compare [`list_frames`] with
//! `ffprobe`, and [`read_sound`] with `ffmpeg`.

use std::cell::RefCell;
use std::rc::Rc;

use app::extraction::{ExtractEvent, ExtractHandle as _, Piece, SoundEvent, SoundHandle as _, There};
use js_sys::{Array, Promise, Uint8Array};
use timeline::{FrameIn, PlanRequest, Timestamp};
use wasm_bindgen::prelude::*;

use crate::extractor::{Run, ask};
use crate::javascript::{object, set};
use crate::listener::Listener;
use crate::protocol::{Reply, Request};

/// The presentation timestamps of all frames of a file in microseconds, as an array.
///
/// # Errors
/// A sentence saying why the file has none.
#[wasm_bindgen]
pub async fn list_frames(file: web_sys::File) -> Result<JsValue, JsError> {
    let listed = ask(Request::List, file, |reply| match reply {
        Reply::Listed(result) => Some(result),
        _ => None,
    });
    let frames = listed.await.map_err(|e| JsError::new(&e.to_string()))?;
    Ok(frames.iter().map(|t| micros(*t)).collect::<Array>().into())
}

/// What the index of a file says, as JSON.
///
/// # Errors
/// A sentence saying why there is no video in it.
#[wasm_bindgen]
pub async fn probe(file: web_sys::File) -> Result<String, JsError> {
    let probed = ask(Request::Probe, file, |reply| match reply {
        Reply::Probed(result) => Some(result),
        _ => None,
    });
    let probe = probed.await.map_err(|e| JsError::new(&e.to_string()))?;
    Ok(serde_json::to_string(&probe)?)
}

/// Runs an extraction and acknowledges every batch at once.
///
/// `on_event` hears `{type, …}` of every event; it may return `true` to cancel. Resolves with `{frames, cost}`, rejects
/// with the error as JSON. First frames of shots come as `cuts`. Frames come as `{pts, bytes}`, in an `overview` (with the times that are `planned` and in no batch)
/// and in each `batch`.
#[wasm_bindgen]
pub fn extract_frames(file: web_sys::File, fps: f64, max_frames: u32, on_event: js_sys::Function) -> Promise {
    let plan = PlanRequest { fps, min_frames: 1, max_frames };
    Promise::new(&mut move |resolve, reject| {
        let handle: Rc<RefCell<Option<Run>>> = Rc::default();
        let cost = Rc::new(RefCell::new(String::new()));
        let (mine, spent, on_event) = (Rc::clone(&handle), Rc::clone(&cost), on_event.clone());
        let hear = Rc::new(move |event: ExtractEvent| {
            let told = describe(&event);
            let stop = on_event.call1(&JsValue::NULL, &told).is_ok_and(|v| v.is_truthy());
            let run = mine.borrow().clone();
            if let Some(run) = run {
                if let ExtractEvent::Batch { seq, .. } | ExtractEvent::Overview { seq, .. } = &event {
                    run.acknowledge(*seq);
                }
                if stop {
                    run.cancel();
                }
            }
            match event {
                ExtractEvent::Finished { .. } => {
                    set(&told, "cost", &spent.borrow().as_str().into());
                    let _ = resolve.call1(&JsValue::NULL, &told);
                    mine.take();
                }
                ExtractEvent::Failed(error) => {
                    let error = serde_json::to_string(&error).unwrap_or_default();
                    let _ = reject.call1(&JsValue::NULL, &error.into());
                    mine.take();
                }
                _ => {}
            }
        });
        let on_cost = Rc::new(move |spent| *cost.borrow_mut() = serde_json::to_string(&spent).unwrap_or_default());
        let request = Request::Extract { plan, there: There::default() };
        *handle.borrow_mut() = Some(Run::start(request, file.clone(), hear, on_cost));
    })
}

/// The sound of a file from sample `from` on, as the server would be sent it: 16 bits, little-endian, one channel, 16 kHz. Every
/// piece is acknowledged at once; rejects with the error as JSON.
#[wasm_bindgen]
pub fn read_sound(file: web_sys::File, from: f64) -> Promise {
    Promise::new(&mut move |resolve, reject| {
        let handle: Rc<RefCell<Option<Listener>>> = Rc::default();
        let (mine, sound) = (Rc::clone(&handle), RefCell::new(Vec::new()));
        let hear = Rc::new(move |event| match event {
            SoundEvent::Piece(Piece { seq, samples, last, .. }) => {
                sound.borrow_mut().extend(samples);
                if let Some(listener) = &*mine.borrow() {
                    listener.acknowledge(seq);
                }
                if last {
                    let _ = resolve.call1(&JsValue::NULL, &Uint8Array::from(sound.borrow().as_slice()));
                    mine.take();
                }
            }
            SoundEvent::Failed(error) => {
                let error = serde_json::to_string(&error).unwrap_or_default();
                let _ = reject.call1(&JsValue::NULL, &error.into());
                mine.take();
            }
        });
        *handle.borrow_mut() = Some(Listener::start(file.clone(), from as u64, u64::MAX, hear));
    })
}

fn describe(event: &ExtractEvent) -> JsValue {
    match event {
        ExtractEvent::Planned { frames } => object(&[("type", &"planned".into()), ("frames", &(*frames).into())]),
        ExtractEvent::Batch { frames, .. } => object(&[("type", &"batch".into()), ("frames", &pictures(frames))]),
        ExtractEvent::Overview { frames, planned, .. } => {
            let planned: Array = planned.iter().map(|t| micros(*t)).collect();
            object(&[("type", &"overview".into()), ("frames", &pictures(frames)), ("planned", &planned)])
        }
        ExtractEvent::Cuts { cuts } => {
            let cuts: Array = cuts.iter().map(|t| micros(*t)).collect();
            object(&[("type", &"cuts".into()), ("cuts", &cuts)])
        }
        ExtractEvent::Flashes { flashes } => {
            let flashes: Array = flashes.iter().flat_map(|flash| [micros(flash.start), micros(flash.end)]).collect();
            object(&[("type", &"flashes".into()), ("flashes", &flashes)])
        }
        ExtractEvent::Progress { done, total, covered, fps } => object(&[
            ("type", &"progress".into()),
            ("done", &(*done).into()),
            ("total", &(*total).into()),
            ("covered", &micros(*covered)),
            ("fps", &(*fps).into()),
        ]),
        ExtractEvent::Track(_) => object(&[("type", &"track".into())]),
        ExtractEvent::Finished { frames } => object(&[("type", &"finished".into()), ("frames", &(*frames).into())]),
        ExtractEvent::Failed(_) => object(&[("type", &"failed".into())]),
    }
    .into()
}

fn pictures(frames: &[FrameIn]) -> Array {
    let picture = |f: &FrameIn| -> JsValue {
        object(&[("pts", &micros(f.pts)), ("bytes", &Uint8Array::from(f.bytes.as_slice()))]).into()
    };
    frames.iter().map(picture).collect()
}

fn micros(t: Timestamp) -> JsValue {
    (t.micros() as f64).into()
}

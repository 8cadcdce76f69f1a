//! The page's side of sound: a Worker of its own, ended with its handle. Pictures go on in another.

use std::cell::RefCell;
use std::rc::Rc;

use app::extraction::{ExtractError, Piece, SoundEvent, SoundHandle};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use crate::extractor::Line;
use crate::protocol::{Reply, Request};

/// A Worker that reads sound.
pub(crate) struct Listener(Rc<RefCell<Option<Line>>>);

impl Listener {
    /// Reads the sound of a file from a sample on, up to the first piece that goes beyond another.
    pub(crate) fn start(file: File, from: u64, until: u64, on_event: Rc<dyn Fn(SoundEvent)>) -> Self {
        let hear = {
            let on_event = Rc::clone(&on_event);
            move |reply, buffers: Vec<ArrayBuffer>| match reply {
                Reply::Sound { seq, at, last } => {
                    let samples = buffers.first().map(|buffer| Uint8Array::new(buffer).to_vec()).unwrap_or_default();
                    on_event(SoundEvent::Piece(Piece { seq, at, samples, last }));
                }
                Reply::Failed(error) => on_event(SoundEvent::Failed(error)),
                Reply::Crashed { message } => on_event(SoundEvent::Failed(ExtractError::Worker { message })),
                _ => {}
            }
        };
        let line = match Line::open(Box::new(hear)) {
            Ok(line) => {
                line.say(Request::Listen { from, until }, Some(file));
                Some(line)
            }
            Err(error) => {
                // The caller has no handle yet: let it have one before it hears of the end.
                spawn_local(async move { on_event(SoundEvent::Failed(error)) });
                None
            }
        };
        Self(Rc::new(RefCell::new(line)))
    }
}

impl SoundHandle for Listener {
    fn acknowledge(&self, seq: u32) {
        if let Some(line) = &*self.0.borrow() {
            line.say(Request::Acknowledge { seq }, None);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // This may run inside the line's own listener: the line is dropped after it.
        let line = self.0.take();
        spawn_local(async move { drop(line) });
    }
}

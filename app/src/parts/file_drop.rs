//! Files that fall anywhere on the page, or are pasted into it. A file dropped beside the target must not replace the
//! page, so the whole window listens.

use std::rc::Rc;

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, HtmlInputElement};

use crate::platform;

/// What happens with files.
pub type OnFiles = Rc<dyn Fn(Vec<File>)>;

/// Listens until the component goes; the signal says whether something is being dragged over the page.
pub fn use_file_drop(on_files: OnFiles) -> ReadSignal<bool> {
    let (dragging, set_dragging) = signal(false);
    Effect::new(move |_| {
        let over = move |event: DragEvent| {
            if carries_files(&event) {
                event.prevent_default();
                set_dragging.set(true);
            }
        };
        let dropped = Rc::clone(&on_files);
        let pasted = Rc::clone(&on_files);
        let listeners = [
            window_event_listener(ev::dragenter, over),
            window_event_listener(ev::dragover, over),
            window_event_listener(ev::dragleave, move |event| {
                // Leaving the window, not merely one element for another.
                if event.related_target().is_none() {
                    set_dragging.set(false);
                }
            }),
            window_event_listener(ev::drop, move |event| {
                set_dragging.set(false);
                let files = platform::transferred(event.data_transfer());
                if !files.is_empty() {
                    event.prevent_default();
                    dropped(files);
                }
            }),
            window_event_listener(ev::paste, move |event| {
                let files = platform::transferred(event.clipboard_data());
                if !files.is_empty() {
                    event.prevent_default();
                    pasted(files);
                }
            }),
        ];
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });
    dragging
}

fn carries_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data| data.types());
    types.is_some_and(|types| types.iter().any(|kind| kind == "Files"))
}

/// Files chosen in an `<input type="file">`; the input is emptied so that the same file can be chosen again.
pub fn chosen(event: &web_sys::Event) -> Vec<File> {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return Vec::new();
    };
    let files = input.files().map(platform::listed).unwrap_or_default();
    input.set_value("");
    files
}

/// File types the picker offers first.
pub const ACCEPT: &str = "video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.ts,.m2ts,.mts";

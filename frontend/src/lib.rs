//! WebAssembly entry points: the page (`hydrate` or `mount`) and the extraction Worker (`worker_main`), one module for both.
//!
//! ```text
//! app ─▶ extractor ══ protocol ══▶ worker ─▶ demux, timeline, WebCodecs
//! ```
//!
//! | I want to change how … | module |
//! |---|---|
//! | the page starts a Worker and hears from it | `extractor` |
//! | page and Worker talk | `protocol` |
//! | the page has sound read and hears of it | `listener`, in the Worker `worker/sound` |
//! | frames come from a `<video>` element where there is no decoder | `element` |
//! | frames are read, decoded, resized, encoded | `worker` |
//! | tests and benchmarks reach the Worker | [`bench`] |
// A page is one deeply nested type to the compiler.
#![recursion_limit = "512"]
#![cfg(target_arch = "wasm32")]

pub mod bench;

mod element;
mod extractor;
mod javascript;
mod listener;
mod protocol;
mod worker;

use wasm_bindgen::prelude::*;

/// Brings the page that the server rendered to life.
#[cfg(feature = "hydrate")]
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(page);
}

/// Draws the whole page: the static build, pointed at a server elsewhere.
#[cfg(feature = "csr")]
#[wasm_bindgen]
pub fn mount() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(page);
}

#[cfg(any(feature = "hydrate", feature = "csr"))]
fn page() -> impl leptos::IntoView {
    app::extraction::provide_extractor(std::rc::Rc::new(extractor::PageExtractor));
    leptos::view! { <app::App /> }
}

/// Entry of the Worker, called by `public/worker.js`.
#[wasm_bindgen]
pub fn worker_main() {
    worker::serve();
}

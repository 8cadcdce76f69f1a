//! The page (Leptos) and the typed server functions.
//!
//! ```text
//! pages ─▶ parts ─▶ state ─▶ api ─▶ (server)
//!                     └────▶ extraction ─▶ (frontend's Worker)
//! ```
//!
//! | I want to change how … | module |
//! |---|---|
//! | a page is put together | [`pages`] |
//! | something looks or reacts | [`parts`], and `style/` |
//! | something is known, sent or retried | [`state`] |
//! | page and server talk | [`api`] |
//! | frames come out of a file | [`extraction`] (the seam), `frontend` |
//! | a sentence reads | [`i18n`] |
//! | the browser is asked for something | [`platform`] |
//!
//! Features: `hydrate` (the page of the server), `csr` (the static page), `ssr` (the server's side).
// A page is one deeply nested type to the compiler.
#![recursion_limit = "512"]

pub mod api;
pub mod extraction;
pub mod i18n;
pub mod pages;
pub mod parts;
pub mod platform;
#[cfg(feature = "ssr")]
mod shell;
pub mod state;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::provide_meta_context;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::i18n::provide_i18n;
use crate::pages::{Library, Models, NotFound, Workbench};
#[cfg(feature = "ssr")]
pub use crate::shell::shell;
use crate::state::ingests::Ingests;
use crate::state::queue::FileQueue;
use crate::state::session::Session;
use crate::state::sounds::Sounds;

/// The page.
#[component]
pub fn App() -> impl IntoView {
    #[cfg(feature = "csr")]
    find_server();
    provide_meta_context();
    provide_i18n();
    let session = Session::provide();
    Sounds::provide(session);
    Ingests::provide(session, FileQueue::provide(session));
    Effect::new(move |_| {
        // Tests, and the stylesheet's first transition, wait for this: from here on clicks are heard.
        spawn_local(async {
            platform::sleep(0).await;
            platform::set_root_attribute("data-hydrated", "");
        });
    });
    view! {
        <Router>
            <Routes fallback=|| view! { <NotFound /> }>
                <Route path=path!("/") view=Library ssr=SsrMode::Async />
                <Route path=path!("/models") view=Models ssr=SsrMode::Async />
                <Route path=path!("/v/:id") view=Workbench ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
    .into_any()
}

/// A static page asks the server named in `<meta name="timepin-server" content="https://…">`; without it, its own origin.
#[cfg(feature = "csr")]
fn find_server() {
    let named = document()
        .query_selector("meta[name=timepin-server]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"))
        .map(|address| address.trim_end_matches('/').to_owned())
        .filter(|address| !address.is_empty());
    if let Some(address) = named {
        // Once per page, for as long as it lives.
        let _already_set = server_fn::client::try_set_server_url(Box::leak(address.into_boxed_str()));
    }
}

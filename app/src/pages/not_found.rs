//! Any other address.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

use super::set_status;
use crate::i18n::t;
use crate::parts::header::Header;

/// The page for addresses that mean nothing.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="404 · Timepin" />
        <Header />
        <main id="main" class="page lost">
            <h1>{t(|m| m.lost_title)}</h1>
            <p>{t(|m| m.lost_note)}</p>
            <A href="/" attr:class="button primary">{t(|m| m.to_library)}</A>
        </main>
    }
    .into_any()
}

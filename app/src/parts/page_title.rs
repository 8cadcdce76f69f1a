//! The name of a page in the browser's tab.

use leptos::prelude::*;
use leptos::text_prop::TextProp;
use leptos_meta::Title;

/// `NAME · Timepin`, following the name where it can change.
///
/// The server writes the head after the first piece of the page, and by then a page that had nothing to wait for may be
/// gone with its signals: there the name is read at once.
#[component]
pub fn PageTitle(
    /// What stands before the dot.
    #[prop(into)]
    name: TextProp,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    let name = TextProp::from(untrack(|| name.get()));
    view! { <Title text=move || format!("{} · Timepin", name.get()) /> }
}

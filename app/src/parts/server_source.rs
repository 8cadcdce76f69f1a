//! Videos that are not on the user's machine: at a web address, or in the folders the server was given. Folded until wanted.

use leptos::html::Details;
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::ServerFile;
use timeline::models::show_bytes;

use super::trouble::TroubleText;
use crate::api::{self, ApiError};
use crate::i18n::t;
use crate::state::ingests::Ingests;
use crate::state::trouble::Trouble;

/// A field for the address, and the list of the server's videos where it has folders.
#[component]
pub fn ServerSource() -> impl IntoView {
    let ingests = Ingests::expect();
    let url = RwSignal::new(String::new());
    let files = RwSignal::new(None::<Result<Vec<ServerFile>, ApiError>>);
    let details = NodeRef::<Details>::new();
    let toggled = move || {
        if details.get_untracked().is_some_and(|details| details.open()) {
            spawn_local(async move {
                // Without folders there is no list to show, and that is no trouble.
                let listed = match api::ingest_options().await {
                    Ok(options) if options.folders > 0 => Some(api::list_server_files().await),
                    Ok(_) => None,
                    Err(error) => Some(Err(error)),
                };
                files.set(listed);
            });
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let address = url.with_untracked(|url| url.trim().to_owned());
        if !address.is_empty() {
            ingests.open_url(address);
            url.set(String::new());
        }
    };
    view! {
        <details class="server-source" data-testid="server-source" node_ref=details on:toggle=move |_| toggled()>
            <summary>{t(|m| m.server_source)}</summary>
            <form class="server-url" on:submit=submit>
                <input
                    class="text-input" type="text" inputmode="url" data-testid="url-input" placeholder="https://example.org/film.mp4"
                    autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="2000" aria-label=t(|m| m.url_label)
                    bind:value=url
                />
                <button class="button" type="submit" data-testid="url-open">{t(|m| m.url_open)}</button>
                <p class="fine">{t(|m| m.url_note)}</p>
            </form>
            {move || files.get().map(|files| match files {
                Ok(files) => view! { <Files files /> }.into_any(),
                Err(error) => view! { <TroubleText trouble=Trouble::from(error) /> }.into_any(),
            })}
        </details>
    }
    .into_any()
}

#[component]
fn Files(files: Vec<ServerFile>) -> impl IntoView {
    let ingests = Ingests::expect();
    if files.is_empty() {
        return view! { <p class="fine">{t(|m| m.server_no_files)}</p> }.into_any();
    }
    let row = move |file: ServerFile| {
        let ServerFile { folder, path, bytes } = file;
        let shown = path.clone();
        view! {
            <li>
                <button
                    class="quiet server-file" type="button" data-testid="server-file"
                    on:click=move |_| ingests.open_server_file(folder, path.clone())
                >
                    <span>{shown}</span>
                    <span class="fine time">{show_bytes(bytes)}</span>
                </button>
            </li>
        }
    };
    view! {
        <h3>{t(|m| m.server_files)}</h3>
        <ul class="server-files">{files.into_iter().map(row).collect_view()}</ul>
    }
    .into_any()
}

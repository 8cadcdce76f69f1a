//! The HTML document around the page, written by the server.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::App;
use crate::i18n;

/// The document: language and theme are in it before any script runs, so nothing flickers.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let lang = i18n::initial().tag();
    let theme = i18n::request::cookie("theme").filter(|theme| theme == "dark" || theme == "light");
    view! {
        <!DOCTYPE html>
        <html lang=lang data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f6f5f2" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#101114" />
                <meta name="description" content="Ask a video. Get the exact moment." />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <HashedStylesheet id="timepin-style" options=options.clone() />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

//! The mark and the few signs of the page, drawn here so that nothing is fetched for them.

use leptos::prelude::*;

/// Timepin's mark: a pin standing on a tick of the timeline.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-line" d="M2.5 28h27M7 28v-3.5M25 28v-3.5" />
            <path class="mark-pin" d="M16 28c-5.4-6.4-8.2-10.7-8.2-14.9a8.2 8.2 0 0 1 16.4 0C24.2 17.3 21.4 21.6 16 28z" />
            <circle class="mark-eye" cx="16" cy="13" r="3" />
        </svg>
    }
    .into_any()
}

/// A line icon by its path on a 20 × 20 grid.
#[component]
pub fn Icon(
    /// One of the constants of this module.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
            <path d=path />
        </svg>
    }
    .into_any()
}

/// Light and dark.
pub const CONTRAST: &str = "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14";
/// Rename.
pub const PENCIL: &str = "M4 16l.8-3.4L13 4.4a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2L7.4 15.2zM11.8 5.6l2.6 2.6";
/// Delete.
pub const BIN: &str = "M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5";
/// Copy.
pub const COPY: &str = "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3";
/// Done.
pub const CHECK: &str = "M4.5 10.5l3.5 3.5 7.5-8";
/// Send.
pub const SEND: &str = "M10 16V4.5M5 9.5l5-5 5 5";
/// Stop.
pub const STOP: &str = "M6 6h8v8H6z";
/// Closer.
pub const PLUS: &str = "M10 5v10M5 10h10";
/// Farther.
pub const MINUS: &str = "M5 10h10";
/// Everything.
pub const FIT: &str = "M4 5v10M16 5v10M6.5 10h7M8.5 8l-2 2 2 2M11.5 8l2 2-2 2";
/// Back.
pub const BACK: &str = "M12 5l-5 5 5 5";
/// Close.
pub const CROSS: &str = "M6 6l8 8M14 6l-8 8";
/// Once more.
pub const AGAIN: &str = "M15.5 10a5.5 5.5 0 1 1-1.8-4.1M15.5 3.5v3h-3";
/// Download.
pub const DOWNLOAD: &str = "M10 4v8.5M6.5 9l3.5 3.5L13.5 9M4.5 16h11";
/// Time.
pub const CLOCK: &str = "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM10 6.5V10l2.5 2";
/// Attention.
pub const ALERT: &str = "M10 3.5l7 12.5H3zM10 8.5v3.5M10 14v.2";

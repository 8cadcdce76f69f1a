//! Pictures at their true times, and the index as it grows beneath them.

use leptos::prelude::*;
use timeline::{Span, Timestamp};

use super::strip::Strip;
use crate::api;
use crate::state::zoom;

/// Height of a picture on the strip; the stylesheet says the same (`--film`).
const HEIGHT: f64 = 56.0;
/// Pixels of the narrowest segment that is drawn by itself.
const NARROWEST: f64 = 4.0;

/// Frames as pictures, as many as fit side by side; each begins where its moment is.
#[component]
pub(super) fn Film(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let width = (HEIGHT * bench.aspect()).clamp(24.0, 132.0);
    let fitting = Memo::new(move |_| zoom::fitting(&bench.moments(), bench.duration(), strip.canvas(), width + 2.0));
    let visible = Memo::new(move |_| {
        let window = strip.window();
        fitting.with(|all| all.iter().copied().filter(|pts| window.contains(*pts)).collect::<Vec<Timestamp>>())
    });
    let id = bench.id();
    view! {
        <div class="tl-film" aria-hidden="true">
            <For each=move || visible.get() key=|pts| *pts let:pts>
                <img
                    class="tl-thumb" data-testid="thumb" alt="" draggable="false" loading="lazy" decoding="async"
                    src=api::frame_url(&id, pts) style=format!("{};width:{width:.1}px", strip.left(pts))
                    data-pts-us=pts.micros()
                />
            </For>
        </div>
    }
    .into_any()
}

/// What has arrived, and what has been encoded; ahead of it the overview.
#[component]
pub(super) fn Index(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let received = move || {
        let last = bench.frames.with(|frames| frames.last().copied());
        last.map(|last| strip.stretch(Span::new(Timestamp::ZERO, last)))
    };
    // A film of hours has thousands: each as an element of its own costs a browser a third of a gigabyte.
    let encoded = Memo::new(move |_| {
        let (window, least) = (strip.window(), strip.length(NARROWEST));
        let reaches = |all: &Vec<Span>| {
            let seen = all.iter().map(|span| bench.reach(*span)).filter(|span| span.overlaps(window));
            zoom::blocks(seen, least)
        };
        bench.segments.with(reaches)
    });
    view! {
        <div class="tl-index" aria-hidden="true">
            <For each=move || bench.overview.get() key=|glimpse| glimpse.pts let:glimpse>
                <i class="tl-glimpse" data-testid="glimpse" style=strip.left(glimpse.pts)></i>
            </For>
            <i class="tl-received" style=received></i>
            <For each=move || encoded.get() key=|span| *span let:span>
                <i class="tl-segment" data-testid="segment" style=strip.stretch(span)></i>
            </For>
        </div>
    }
    .into_any()
}

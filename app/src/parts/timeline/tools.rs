//! The clock and the zoom buttons above the strip, and the map of the whole beneath it.

use leptos::prelude::*;
use timeline::{Span, Timestamp};
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use super::strip::Strip;
use crate::i18n::t;
use crate::parts::icons::{self, Icon};
use crate::platform::pixels;
use crate::state::zoom::{self, STEP};

/// Clock and zoom buttons.
#[component]
pub(super) fn Tools(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let middle = move || strip.width.get_untracked() / 2.0;
    let whole = move || bench.zoom.get() <= 1.0;
    let closest = move || bench.zoom.get() >= zoom::most(bench.duration());
    view! {
        <div class="tl-tools">
            <p class="tl-clock time">
                <strong>{move || bench.playhead.get().clock_tenths()}</strong>
                " / "
                {bench.duration().clock()}
            </p>
            <div class="tl-zoom" role="group">
                <button
                    class="quiet square" type="button" aria-label=t(|m| m.zoom_out) title=t(|m| m.zoom_out) disabled=whole
                    on:click=move |_| _ = strip.zoom_by(1.0 / STEP, middle())
                >
                    <Icon path=icons::MINUS />
                </button>
                <button
                    class="quiet square" type="button" aria-label=t(|m| m.zoom_in) title=t(|m| m.zoom_in) disabled=closest
                    on:click=move |_| _ = strip.zoom_by(STEP, middle())
                >
                    <Icon path=icons::PLUS />
                </button>
                <button
                    class="quiet square" type="button" aria-label=t(|m| m.zoom_fit) title=t(|m| m.zoom_fit) disabled=whole
                    on:click=move |_| bench.zoom_to(1.0)
                >
                    <Icon path=icons::FIT />
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// While zoomed in: the whole video with the visible part marked; drag to move it.
#[component]
pub(super) fn Minimap(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let visible = move || {
        let (canvas, duration) = (strip.canvas(), bench.duration().seconds());
        let at = |x: f64| Timestamp::from_seconds(x / canvas * duration);
        let scroll = strip.scroll.get();
        strip.stretch(Span::new(at(scroll), at(scroll + strip.width.get())))
    };
    let drag = move |event: PointerEvent| {
        if event.buttons() == 0 {
            return;
        }
        let Some(map) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        let _gone = map.set_pointer_capture(event.pointer_id());
        let place = map.get_bounding_client_rect();
        let share = (pixels(event.client_x()) - place.left()) / place.width().max(1.0);
        let width = strip.width.get_untracked();
        strip.scroll_to(share * width * bench.zoom.get_untracked() - width / 2.0, false);
    };
    let zoomed = Memo::new(move |_| bench.zoom.get() > 1.0);
    view! {
        <Show when=move || zoomed.get()>
            <div class="tl-map" aria-hidden="true" on:pointerdown=drag on:pointermove=drag>
                <For each=move || bench.spans.get() key=|span| *span let:span>
                    <i class="tl-map-span" style=strip.stretch(span)></i>
                </For>
                <i class="tl-map-window" style=visible></i>
            </div>
        </Show>
    }
    .into_any()
}

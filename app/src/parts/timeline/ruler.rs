//! The ruler: labelled moments, as dense as fits.

use leptos::prelude::*;
use timeline::Timestamp;

use super::strip::Strip;
use crate::state::zoom;

/// Pixels a label needs.
const LABEL: f64 = 62.0;

/// Labels and ticks over the canvas.
#[component]
pub(super) fn Ruler(strip: Strip) -> impl IntoView {
    let duration = strip.bench.duration();
    let step = Memo::new(move |_| zoom::tick_step(duration, strip.canvas(), LABEL));
    let ticks = Memo::new(move |_| zoom::ticks(strip.window(), step.get()));
    let second = Timestamp::from_seconds(1.0);
    let label = move |tick: Timestamp| if step.get_untracked() < second { tick.clock_tenths() } else { tick.clock() };
    view! {
        <div class="tl-ruler" aria-hidden="true">
            <For each=move || ticks.get() key=move |tick| (*tick, step.get_untracked()) let:tick>
                <span class="tl-tick" style=strip.left(tick)>{label(tick)}</span>
            </For>
        </div>
    }
    .into_any()
}

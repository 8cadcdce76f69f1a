//! What stands on the canvas: where shots begin, the answer's spans, where a word looked, the pointer's moment, the playhead.

use leptos::prelude::*;
use timeline::{Span, Timestamp};

use super::strip::{PAD, Strip};

/// Cuts, spans, glance, hover line and playhead.
#[component]
pub(super) fn Marks(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let cuts = Memo::new(move |_| {
        let window = strip.window();
        bench.cuts.with(|all| all.iter().copied().filter(|cut| window.contains(*cut)).collect::<Vec<Timestamp>>())
    });
    let lit = move |span: Span| move || bench.lit.get() == Some(span);
    view! {
        <div class="tl-cuts" aria-hidden="true">
            <For each=move || cuts.get() key=|cut| *cut let:cut>
                <i class="tl-cut" data-testid="cut" data-pts-us=cut.micros() style=strip.left(cut)></i>
            </For>
        </div>
        <div class="tl-spans" aria-hidden="true">
            <For each=move || distinct(bench.spans.get(), bench.lit.get()) key=|span| *span let:span>
                <i class="tl-span" data-testid="answer-span" class:is-lit=lit(span) style=strip.stretch(span)></i>
            </For>
        </div>
        {move || bench.glance.get().map(|at| view! { <i class="tl-glance" style=strip.left(at)></i> })}
        {move || strip.hover.get().map(|hover| view! { <i class="tl-hover-line" style=strip.left(hover.at)></i> })}
        <i class="tl-playhead" data-testid="playhead" style=move || strip.left(bench.playhead.get())></i>
    }
    .into_any()
}

/// The picture and the time under the pointer.
#[component]
pub(super) fn HoverCard(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    move || {
        let hover = strip.hover.get()?;
        let picture = bench.picture(hover.at).map(|src| view! { <img src=src alt="" /> });
        Some(view! {
            <div class="tl-card" style=format!("--x:{:.1}px", hover.x + PAD) aria-hidden="true">
                {picture}
                <span class="time">{hover.at.clock_tenths()}</span>
            </div>
        })
    }
}

/// The spans to draw, each once: those of the answer in focus, and the one that is lit.
fn distinct(spans: Vec<Span>, lit: Option<Span>) -> Vec<Span> {
    let mut all = spans;
    all.extend(lit);
    all.sort_by_key(|span| (span.start, span.end));
    all.dedup();
    all
}

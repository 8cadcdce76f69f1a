//! What stands on the canvas: where shots begin, the answer's spans, where a word looked, the pointer's moment, the playhead.

use leptos::prelude::*;
use timeline::{Gaze, Span, Timestamp};

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
        {move || bench.glance.with(|glance| glance.as_ref().map(|glance| view! { <i class="tl-glance" style=strip.left(glance.at)></i> }))}
        {move || strip.hover.get().map(|hover| view! { <i class="tl-hover-line" style=strip.left(hover.at)></i> })}
        <i class="tl-playhead" data-testid="playhead" style=move || strip.left(bench.playhead.get())></i>
    }
    .into_any()
}

/// Where a word looked: a strip under the index, the brighter the more. Always there, so that nothing moves.
#[component]
pub(super) fn Heat(strip: Strip) -> impl IntoView {
    let bench = strip.bench;
    let cells = move || {
        let looked =
            bench.glance.with(|glance| glance.as_ref().map(|glance| glance.looked.clone()).unwrap_or_default());
        let most = looked.iter().map(|gaze| gaze.share).max().unwrap_or(1).max(1);
        let cell = |gaze: Gaze| {
            let heat = f64::from(gaze.share) / f64::from(most);
            let style = format!("{};--heat:{heat:.3}", strip.stretch(bench.reach(gaze.span)));
            view! { <i class="tl-gaze" data-testid="gaze" data-start-us=gaze.span.start.micros() data-share=gaze.share style=style></i> }
        };
        looked.into_iter().map(cell).collect_view()
    };
    view! { <div class="tl-heat" data-testid="heat" aria-hidden="true">{cells}</div> }.into_any()
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

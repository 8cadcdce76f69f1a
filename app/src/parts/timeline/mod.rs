//! The timeline: ruler, pictures at their true times, the index as it grows, the answers' spans, the playhead.
//!
//! Everything stands in per cent of the video on one wide canvas inside a scrolling view; zooming changes the canvas'
//! width and nothing else, so nothing is laid out again by hand.

#![expect(unreachable_pub, reason = "the component macro makes public properties of private parts")]

mod film;
mod gestures;
mod marks;
mod ruler;
mod strip;
mod tools;

use leptos::prelude::*;
use send_wrapper::SendWrapper;

use self::film::{Film, Index};
use self::marks::{Heat, HoverCard, Marks};
use self::ruler::Ruler;
use self::strip::Strip;
use self::tools::{Minimap, Tools};
use super::video_card::state_key;
use crate::i18n::{fill, t, use_i18n};
use crate::platform;
use crate::state::bench::Bench;

/// The timeline of the open video.
#[component]
pub fn Timeline() -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let strip = Strip::new(bench);
    let duration = bench.duration();
    Effect::new(move |_| {
        let Some(view) = strip.scroller.get() else { return };
        // Not merely the window's size: the view has none until it is in the document.
        let watch = SendWrapper::new(platform::watch_size(&view, move || strip.measure()));
        on_cleanup(move || drop(watch));
    });
    // Whatever moves the playhead, or lights a span, brings it into view.
    Effect::new(move |_| strip.reveal(bench.playhead.get()));
    let spoken = move || fill(i18n.say().position, &[&bench.playhead.get().clock_tenths(), &duration.clock()]);
    view! {
        <section
            class="timeline" data-testid="timeline" data-state=move || state_key(bench.state.get())
            aria-label=t(|m| m.timeline)
        >
            <Tools strip />
            <div class="tl-frame">
                <div
                    class="tl-scroll" node_ref=strip.scroller
                    on:scroll=move |_| strip.scrolled()
                    on:wheel=move |event| gestures::wheel(strip, &event)
                >
                    <div
                        class="tl-canvas" style:width=move || format!("{}%", bench.zoom.get() * 100.0)
                        role="slider" tabindex="0"
                        aria-label=t(|m| m.timeline) aria-description=t(|m| m.timeline_help)
                        aria-valuemin="0" aria-valuemax=format!("{:.1}", duration.seconds())
                        aria-valuenow=move || format!("{:.1}", bench.playhead.get().seconds())
                        aria-valuetext=spoken
                        on:pointerdown=move |event| gestures::down(strip, &event)
                        on:pointermove=move |event| gestures::moved(strip, &event)
                        on:pointerup=move |event| gestures::up(strip, &event)
                        on:pointercancel=move |event| gestures::up(strip, &event)
                        on:pointerleave=move |_| strip.hover.set(None)
                        on:keydown=move |event| gestures::key(strip, &event)
                    >
                        <Ruler strip />
                        <Film strip />
                        <Index strip />
                        <Heat strip />
                        <Marks strip />
                    </div>
                </div>
                <HoverCard strip />
            </div>
            <Minimap strip />
        </section>
    }
    .into_any()
}

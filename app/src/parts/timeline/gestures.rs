//! Wheel, pointers and keys on the timeline.
//!
//! On the pictures one finger moves the playhead, on the ruler it moves the canvas; two fingers zoom.

use leptos::prelude::*;
use timeline::Timestamp;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent, WheelEvent};

use super::strip::{Grip, Hover, Strip};
use crate::platform::pixels;
use crate::state::zoom::STEP;

/// The wheel zooms; sideways, or with Shift, it pans as everywhere.
pub(super) fn wheel(strip: Strip, event: &WheelEvent) {
    if event.shift_key() || event.delta_x().abs() > event.delta_y().abs() {
        return;
    }
    let factor = (-event.delta_y() * 0.002).clamp(-1.0, 1.0).exp();
    // At the bounds the page scrolls on.
    if strip.zoom_by(factor, strip.inside(pixels(event.client_x()))) {
        event.prevent_default();
    }
}

pub(super) fn down(strip: Strip, event: &PointerEvent) {
    if event.button() > 0 {
        return;
    }
    let x = strip.inside(pixels(event.client_x()));
    strip.pointers.update_value(|pointers| pointers.push((event.pointer_id(), x)));
    if let Some(canvas) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) {
        // A pointer that is already gone cannot be captured, and need not be.
        let _gone = canvas.set_pointer_capture(event.pointer_id());
    }
    let on_ruler = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|target| target.closest(".tl-ruler").ok().flatten().is_some());
    let grip = match distance(strip) {
        Some(apart) => Grip::Pinch(apart),
        None if on_ruler && strip.bench.zoom.get_untracked() > 1.0 => Grip::Pan(x),
        None => Grip::Scrub,
    };
    strip.grip.set_value(grip);
    if grip == Grip::Scrub {
        strip.bench.lit.set(None);
        strip.bench.go(strip.moment(x));
    }
}

pub(super) fn moved(strip: Strip, event: &PointerEvent) {
    let x = strip.inside(pixels(event.client_x()));
    strip.pointers.update_value(|pointers| {
        for pointer in pointers.iter_mut().filter(|pointer| pointer.0 == event.pointer_id()) {
            pointer.1 = x;
        }
    });
    let touching = event.pointer_type() == "touch";
    match strip.grip.get_value() {
        Grip::Free if touching => {}
        Grip::Free => strip.hover.set(Some(Hover { at: strip.moment(x), x })),
        Grip::Scrub => {
            let at = strip.moment(x);
            strip.hover.set(Some(Hover { at, x }));
            strip.bench.go(at);
        }
        Grip::Pan(before) => {
            strip.hover.set(None);
            strip.scroll_to(strip.scroll.get_untracked() + before - x, false);
            strip.grip.set_value(Grip::Pan(x));
        }
        Grip::Pinch(before) => {
            let Some(apart) = distance(strip) else { return };
            let middle = strip.pointers.with_value(|p| p.iter().map(|p| p.1).sum::<f64>() / p.len().max(1) as f64);
            strip.zoom_by(apart / before, middle);
            strip.grip.set_value(Grip::Pinch(apart));
        }
    }
}

pub(super) fn up(strip: Strip, event: &PointerEvent) {
    strip.pointers.update_value(|pointers| pointers.retain(|pointer| pointer.0 != event.pointer_id()));
    strip.grip.set_value(Grip::Free);
    if event.pointer_type() == "touch" {
        strip.hover.set(None);
    }
}

pub(super) fn key(strip: Strip, event: &KeyboardEvent) {
    let bench = strip.bench;
    let here = bench.playhead.get_untracked();
    let step = Timestamp::from_millis(if event.shift_key() { 10_000 } else { 500 });
    let page = Timestamp::from_micros(bench.duration().micros() / 10);
    let middle = strip.width.get_untracked() / 2.0;
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    match event.key().as_str() {
        "ArrowLeft" | "ArrowDown" => bench.go(here - step),
        "ArrowRight" | "ArrowUp" => bench.go(here + step),
        "PageDown" => bench.go(here - page),
        "PageUp" => bench.go(here + page),
        "Home" => bench.go(Timestamp::ZERO),
        "End" => bench.go(bench.duration()),
        "+" | "=" => _ = strip.zoom_by(STEP, middle),
        "-" | "_" => _ = strip.zoom_by(1.0 / STEP, middle),
        "0" => bench.zoom_to(1.0),
        _ => return,
    }
    event.prevent_default();
}

/// How far two fingers are apart, when there are two.
fn distance(strip: Strip) -> Option<f64> {
    strip.pointers.with_value(|pointers| match pointers.as_slice() {
        [a, b] => Some((a.1 - b.1).abs().max(1.0)),
        _ => None,
    })
}

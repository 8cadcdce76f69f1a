//! A word with its moment: underlined as it is sure, a look at where it looked, a way there.
//!
//! One word of an answer is reached with Tab, the others from it with the arrow keys: a stop per word would be too many.

#![expect(unreachable_pub, reason = "the component macro makes public properties of private parts")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, PointerEvent};

use super::pieces::{self, Sureness};
use super::short;
use crate::i18n::{fill, use_i18n};
use crate::state::bench::{Bench, Glance};

/// A pinned word.
#[component]
pub(super) fn Pinned(text: String, pinned: pieces::Pinned, reached: bool) -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let pin = pinned.pin;
    let (moment, spread) = (pin.at.clock_tenths(), short(pin.spread.seconds()));
    let glance = StoredValue::new(Glance { at: pin.at, looked: pinned.looked });
    let look = move || bench.glance.set(Some(glance.get_value()));
    let look_away = move || bench.glance.set(None);
    view! {
        <button
            class="pinned" type="button" tabindex=if reached { "0" } else { "-1" } data-testid="pinned"
            data-at-us=pin.at.micros() data-sure=Sureness::of(pin, bench.step()).name()
            title=move || fill(i18n.say().looked_at, &[&moment, &spread])
            on:click=move |_| bench.go(pin.at)
            on:pointerenter=move |_| look()
            on:pointerleave=move |event: PointerEvent| {
                // A finger that is lifted leaves what it touched to be looked at.
                if event.pointer_type() != "touch" {
                    look_away();
                }
            }
            on:focus=move |_| look()
            on:blur=move |_| look_away()
            on:keydown=step
        >
            {text}
        </button>
    }
    .into_any()
}

/// Moves on to the next pinned word of the answer, or back to the one before.
fn step(event: KeyboardEvent) {
    let next: fn(&Element) -> Option<Element> = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => |word| word.next_element_sibling(),
        "ArrowLeft" | "ArrowUp" => |word| word.previous_element_sibling(),
        _ => return,
    };
    let mut at = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    while let Some(other) = at.as_ref().and_then(next) {
        if other.class_list().contains("pinned") {
            if let Some(word) = other.dyn_ref::<HtmlElement>() {
                // A word that is going away cannot be focused, and need not be.
                let _gone = word.focus();
            }
            break;
        }
        at = Some(other);
    }
    event.prevent_default();
}

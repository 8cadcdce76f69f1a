//! The geometry of the timeline as it stands on the screen: how wide, how far scrolled, which moment is where.

use leptos::html::Div;
use leptos::prelude::*;
use timeline::{Span, Timestamp};
use web_sys::{ScrollBehavior, ScrollToOptions};

use crate::platform::{self, pixels};
use crate::state::bench::Bench;
use crate::state::zoom;

/// Room at both ends of the view, so that a playhead at the very end is whole; the stylesheet says the same (`--tl-pad`).
pub(super) const PAD: f64 = 8.0;

/// What the pointer is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hover {
    /// The moment.
    pub(super) at: Timestamp,
    /// Pixels from where the view's canvas begins.
    pub(super) x: f64,
}

/// What the fingers are doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Grip {
    /// Nothing is pressed.
    Free,
    /// The playhead follows.
    Scrub,
    /// The canvas follows; where the pointer was last.
    Pan(f64),
    /// Two fingers; their distance when last seen.
    Pinch(f64),
}

/// The geometry, shared by the parts of the timeline.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    pub(super) bench: Bench,
    pub(super) scroller: NodeRef<Div>,
    /// Pixels of the view, without the room at its ends.
    pub(super) width: RwSignal<f64>,
    /// Pixels the canvas is scrolled.
    pub(super) scroll: RwSignal<f64>,
    pub(super) hover: RwSignal<Option<Hover>>,
    pub(super) grip: StoredValue<Grip>,
    /// Pointers that are down: their names and where they are.
    pub(super) pointers: StoredValue<Vec<(i32, f64)>>,
}

impl Strip {
    pub(super) fn new(bench: Bench) -> Self {
        Self {
            bench,
            scroller: NodeRef::new(),
            // Until it is measured: a desktop's width, so that the server draws something sensible.
            width: RwSignal::new(960.0),
            scroll: RwSignal::new(0.0),
            hover: RwSignal::new(None),
            grip: StoredValue::new(Grip::Free),
            pointers: StoredValue::new(Vec::new()),
        }
    }

    /// Asks the browser for the view's width.
    pub(super) fn measure(self) {
        let Some(view) = self.scroller.try_get_untracked().flatten() else { return };
        let width = pixels(view.client_width()) - 2.0 * PAD;
        if width > 0.0 {
            self.width.set(width);
        }
    }

    /// The view was scrolled.
    pub(super) fn scrolled(self) {
        if let Some(view) = self.scroller.get_untracked() {
            self.scroll.set(pixels(view.scroll_left()));
        }
    }

    /// Pixels of the canvas.
    pub(super) fn canvas(self) -> f64 {
        self.width.get() * self.bench.zoom.get()
    }

    /// The visible stretch, with a view's width to spare on either side.
    pub(super) fn window(self) -> Span {
        let (width, scroll, canvas) = (self.width.get(), self.scroll.get(), self.canvas());
        let at = |x: f64| Timestamp::from_seconds(x / canvas * self.bench.duration().seconds());
        Span::new(at((scroll - width).max(0.0)), at((scroll + 2.0 * width).min(canvas)))
    }

    /// Pixels of a point of the window from the view's left edge.
    pub(super) fn inside(self, client_x: f64) -> f64 {
        let left = self.scroller.get_untracked().map_or(0.0, |view| view.get_bounding_client_rect().left());
        client_x - left - PAD
    }

    /// The moment at a point of the view.
    pub(super) fn moment(self, x: f64) -> Timestamp {
        let canvas = self.width.get_untracked() * self.bench.zoom.get_untracked();
        let scroll = self.scroller.get_untracked().map_or(0.0, |view| pixels(view.scroll_left()));
        let share = ((scroll + x) / canvas).clamp(0.0, 1.0);
        Timestamp::from_seconds(share * self.bench.duration().seconds())
    }

    /// Zooms by a factor; the point `anchor` of the view keeps its moment. False when a bound was reached before.
    pub(super) fn zoom_by(self, factor: f64, anchor: f64) -> bool {
        let before = self.bench.zoom.get_untracked();
        self.bench.zoom_to(before * factor);
        let after = self.bench.zoom.get_untracked();
        let scroll = self.scroller.get_untracked().map_or(0.0, |view| pixels(view.scroll_left()));
        let target = zoom::scroll_after(scroll, anchor, before, after);
        // The canvas takes its new width before the next paint; scroll then, not now.
        platform::next_frame(move || self.scroll_to(target, false));
        (after - before).abs() > f64::EPSILON
    }

    /// Scrolls the canvas.
    pub(super) fn scroll_to(self, left: f64, smooth: bool) {
        let Some(view) = self.scroller.try_get_untracked().flatten() else { return };
        let options = ScrollToOptions::new();
        options.set_left(left);
        let smooth = smooth && !platform::prefers_still();
        options.set_behavior(if smooth { ScrollBehavior::Smooth } else { ScrollBehavior::Instant });
        view.scroll_to_with_scroll_to_options(&options);
    }

    /// Brings a moment into view when it is not.
    pub(super) fn reveal(self, moment: Timestamp) {
        let (width, zoom) = (self.width.get_untracked(), self.bench.zoom.get_untracked());
        if zoom <= 1.0 || self.grip.get_value() != Grip::Free {
            return;
        }
        let x = zoom::percent(moment, self.bench.duration()) / 100.0 * width * zoom;
        let scroll = self.scroll.get_untracked();
        if x < scroll || x > scroll + width {
            self.scroll_to((x - width * 0.2).max(0.0), true);
        }
    }

    /// How long a stretch of so many pixels is.
    pub(super) fn length(self, pixels: f64) -> Timestamp {
        Timestamp::from_seconds(pixels / self.canvas().max(1.0) * self.bench.duration().seconds())
    }

    /// `left` of a moment for a style.
    pub(super) fn left(self, moment: Timestamp) -> String {
        format!("left:{:.4}%", zoom::percent(moment, self.bench.duration()))
    }

    /// `left` and `width` of a stretch for a style.
    pub(super) fn stretch(self, span: Span) -> String {
        let duration = self.bench.duration();
        let (from, to) = (zoom::percent(span.start, duration), zoom::percent(span.end, duration));
        format!("left:{from:.4}%;width:{:.4}%", to - from)
    }
}

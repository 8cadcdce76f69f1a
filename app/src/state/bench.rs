//! One open video: what is known of its index, where the playhead stands, what is lit.

use leptos::prelude::*;
use timeline::resize::Size;
use timeline::{
    Budget, Coarse, Gaze, Glimpse, IngestInfo, ModelInfo, Span, Timestamp, VideoId, VideoState, VideoSummary,
};

use super::ingests::Ingests;
use super::trouble::Trouble;
use super::zoom;

/// Where a word looked.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// Its moment.
    pub at: Timestamp,
    /// The segments looked at, the most first.
    pub looked: Vec<Gaze>,
}

/// The workbench's signals, in the context of its parts.
#[derive(Clone, Copy)]
pub struct Bench {
    /// The video as the server described it when the page opened.
    pub summary: StoredValue<VideoSummary>,
    /// Its title, renamed or not.
    pub title: RwSignal<String>,
    /// How far its index has come.
    pub state: RwSignal<VideoState>,
    /// Frames of the plan that the server has, ascending.
    pub frames: RwSignal<Vec<Timestamp>>,
    /// The overview of what lies behind them, ascending; empty when all frames are there.
    pub overview: RwSignal<Vec<Glimpse>>,
    /// Segments encoded, ascending.
    pub segments: RwSignal<Vec<Span>>,
    /// First frames of shots, ascending; the video's first is not among them.
    pub cuts: RwSignal<Vec<Timestamp>>,
    /// Why indexing stopped, or why it cannot be followed.
    pub trouble: RwSignal<Option<Trouble>>,
    /// What a look costs, when the model is known.
    pub budget: StoredValue<Option<Budget>>,
    /// The model.
    pub model: StoredValue<Option<ModelInfo>>,
    /// How the server made the video when the page opened, if it decoded its file.
    pub ingest: StoredValue<Option<IngestInfo>>,
    /// Where the player stands.
    pub playhead: RwSignal<Timestamp>,
    /// Where the player is asked to go; a count makes asking twice for the same moment two wishes.
    pub seek: RwSignal<(u32, Timestamp)>,
    /// Widths of the view that the whole video takes.
    pub zoom: RwSignal<f64>,
    /// Spans of the answer in focus.
    pub spans: RwSignal<Vec<Span>>,
    /// The span that was clicked.
    pub lit: RwSignal<Option<Span>>,
    /// Where the word under the pointer looked.
    pub glance: RwSignal<Option<Glance>>,
}

impl Bench {
    /// Puts the workbench's signals into the context.
    pub fn provide(summary: VideoSummary, ingest: Option<IngestInfo>, model: Option<ModelInfo>) -> Self {
        let video = &summary.video;
        let size = Size { height: video.height, width: video.width };
        let budget = model.as_ref().and_then(|m| Budget::of(video.duration, size, m.plan, m.resize).ok());
        let bench = Self {
            title: RwSignal::new(video.title.clone()),
            state: RwSignal::new(summary.state),
            frames: RwSignal::new(Vec::new()),
            overview: RwSignal::new(Vec::new()),
            segments: RwSignal::new(Vec::new()),
            cuts: RwSignal::new(Vec::new()),
            trouble: RwSignal::new(None),
            budget: StoredValue::new(budget),
            model: StoredValue::new(model),
            ingest: StoredValue::new(ingest),
            playhead: RwSignal::new(Timestamp::ZERO),
            seek: RwSignal::new((0, Timestamp::ZERO)),
            zoom: RwSignal::new(1.0),
            spans: RwSignal::new(Vec::new()),
            lit: RwSignal::new(None),
            glance: RwSignal::new(None),
            summary: StoredValue::new(summary),
        };
        provide_context(bench);
        bench
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The video's name on the server.
    pub fn id(self) -> VideoId {
        self.summary.with_value(|summary| summary.id.clone())
    }

    /// How the server makes the video, as told last.
    pub fn made_by(self, ingests: Ingests) -> Option<IngestInfo> {
        ingests.of_video(&self.id()).or_else(|| self.ingest.get_value())
    }

    /// Its length.
    pub fn duration(self) -> Timestamp {
        self.summary.with_value(|summary| summary.video.duration)
    }

    /// Width over height.
    pub fn aspect(self) -> f64 {
        self.summary.with_value(|s| f64::from(s.video.width.max(1)) / f64::from(s.video.height.max(1)))
    }

    /// Moves playhead and player.
    pub fn go(self, moment: Timestamp) {
        let moment = moment.max(Timestamp::ZERO).min(self.duration());
        self.playhead.set(moment);
        self.seek.update(|seek| *seek = (seek.0.wrapping_add(1), moment));
    }

    /// Moves to a span's start and lights it.
    pub fn light(self, span: Span) {
        self.lit.set(Some(span));
        self.go(span.start);
    }

    /// What a segment stands for: its frames are one step apart, and it stands for two, until the next one begins.
    pub fn reach(self, segment: Span) -> Span {
        let step = self.step();
        Span::new(segment.start, (segment.start + step).max(segment.end).min(self.duration()))
    }

    /// From one segment to the next, as planned.
    pub fn step(self) -> Timestamp {
        Timestamp::from_seconds(self.budget.with_value(|b| b.map_or(0.0, |b| b.seconds_per_segment)))
    }

    /// Moments of everything there is to be seen, ascending: the plan's frames, and the overview behind them.
    pub fn moments(self) -> Vec<Timestamp> {
        let mut moments = self.frames.get();
        self.overview.with(|overview| moments.extend(overview.iter().map(|glimpse| glimpse.pts)));
        moments
    }

    /// How coarsely a question asked now would see the end of the video; none when it would see all as planned.
    pub fn coarse(self) -> Option<Coarse> {
        let seen = self.segments.with(|segments| segments.last().map_or(Timestamp::ZERO, |last| last.end));
        let looks: Vec<_> =
            self.overview.with(|all| all.iter().map(|glimpse| glimpse.pts).filter(|pts| *pts > seen).collect());
        Coarse::of(seen, &looks, self.duration())
    }

    /// The address of the frame shown at a moment. Before the list of frames has come the server finds it.
    pub fn picture(self, moment: Timestamp) -> Option<String> {
        let known = zoom::frame_at(&self.moments(), moment);
        let stored = self.summary.with_value(|summary| (summary.frames > 0).then_some(moment));
        let pts = known.or(stored)?;
        Some(crate::api::frame_url(&self.id(), pts))
    }

    /// Sets the zoom within its bounds.
    pub fn zoom_to(self, zoom: f64) {
        self.zoom.set(zoom.clamp(1.0, zoom::most(self.duration())));
    }
}

/// Adds items to an ascending list without doubling any.
pub fn merge<T: Copy, K: Ord>(list: &mut Vec<T>, more: &[T], key: impl Fn(&T) -> K) {
    for item in more {
        if let Err(place) = list.binary_search_by(|probe| key(probe).cmp(&key(item))) {
            list.insert(place, *item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_order_and_doubles_nothing() {
        let mut list = vec![1, 5];
        merge(&mut list, &[5, 3, 9], |v| *v);
        assert_eq!(list, [1, 3, 5, 9]);
    }
}

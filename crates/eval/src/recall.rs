//! One stretch a query: how many overlap enough, how much they overlap, and by how many seconds they are off.

use crate::annotations::Query;
use crate::predictions::{Prediction, Predictions};
use crate::report::Metric;
use crate::window::Window;

/// What has to be reached to count: `R1@m`.
const LEVELS: [f64; 3] = [0.3, 0.5, 0.7];
/// Seconds a start may be off to count as hit.
const NEAR: [f64; 3] = [0.5, 1.0, 5.0];

/// Scores of the first stretch of every prediction against the wanted one it overlaps most; no stretch is no overlap. Queries
/// whose event is not in the video are counted apart: any stretch for them is a false alarm.
///
/// `over` asks for more than the level instead of at least as much, as TVGBench does.
pub(crate) fn metrics(queries: &[Query], predictions: &Predictions, over: bool) -> Vec<Metric> {
    let first = |query: &Query| {
        predictions.get(&query.id).and_then(|found: &Prediction| found.windows.first().map(|(window, _)| *window))
    };
    let (absent, present): (Vec<_>, Vec<_>) = queries.iter().partition(|query| query.wanted.is_empty());
    let pairs: Vec<(Option<Window>, Option<Window>)> = present
        .iter()
        .map(|query| (first(query), first(query).and_then(|found| nearest(found, &query.wanted))))
        .collect();
    let ious: Vec<f64> = pairs.iter().map(|pair| if let (Some(a), Some(b)) = pair { a.iou(*b) } else { 0.0 }).collect();

    let mut metrics = Vec::new();
    if !ious.is_empty() {
        let reached = |level: f64| ious.iter().filter(|iou| if over { **iou > level } else { **iou >= level }).count();
        metrics
            .extend(LEVELS.map(|level| Metric::percent(format!("R1@{level}"), share(reached(level), ious.len()), 2)));
        metrics.push(Metric::percent("mIoU", ious.iter().sum::<f64>() / ious.len() as f64, 2));
        metrics.extend(distances(&pairs));
    }
    if !absent.is_empty() {
        let alarms = absent.iter().filter(|query| first(query).is_some()).count();
        metrics.push(Metric::percent("false alarms", share(alarms, absent.len()), 2));
    }
    metrics
}

fn nearest(found: Window, wanted: &[Window]) -> Option<Window> {
    let best = wanted.iter().copied().map(|window| (found.iou(window), window));
    // The first of equals.
    best.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, window)| window)
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn distances(pairs: &[(Option<Window>, Option<Window>)]) -> Vec<Metric> {
    let both = || pairs.iter().filter_map(|(found, wanted)| Some(((*found)?, (*wanted)?)));
    let starts: Vec<f64> = both().map(|(found, wanted)| (found.0 - wanted.0).abs()).collect();
    let ends: Vec<f64> = both().map(|(found, wanted)| (found.1 - wanted.1).abs()).collect();
    let near = |seconds: f64| starts.iter().filter(|distance| **distance <= seconds).count();
    let mut metrics: Vec<_> =
        NEAR.iter().map(|&s| Metric::percent(format!("start within {s} s"), share(near(s), pairs.len()), 2)).collect();
    for (name, distances) in [("start off by, median", starts), ("end off by, median", ends)] {
        metrics.extend(median(distances).map(|seconds| Metric::seconds(name, seconds)));
    }
    metrics
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((values.get(middle.checked_sub(1)?)? + upper) / 2.0) }
}

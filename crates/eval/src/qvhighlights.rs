//! QVHighlights (`standalone_eval` of moment_detr): average precision of stretches, recall of the first, and highlights.

use std::collections::BTreeSet;

use crate::annotations::Query;
use crate::error::{Error, Result};
use crate::predictions::{Prediction, Predictions};
use crate::report::Metric;
use crate::window::Window;

/// Stretches of a prediction that are looked at.
const MOST: usize = 10;
/// Ranges of lengths, open below: name, more than, at most.
const RANGES: [(&str, f64, f64); 4] =
    [("full", f64::NEG_INFINITY, f64::INFINITY), ("short", 0.0, 10.0), ("middle", 10.0, 30.0), ("long", 30.0, 150.0)];
/// From which score on a clip is a highlight.
const FAIR: [(&str, f64); 3] = [("Fair", 2.0), ("Good", 3.0), ("VeryGood", 4.0)];
/// Seconds of a clip.
const CLIP: f64 = 2.0;

type Asked<'a> = (Vec<Window>, &'a Prediction);

/// The official table, names as in its `brief`, then every level.
///
/// # Errors
/// When a query has no prediction: the official evaluator does not score parts.
pub(crate) fn metrics(queries: &[Query], predictions: &Predictions) -> Result<Vec<Metric>> {
    let missing: Vec<_> = queries.iter().filter(|query| !predictions.contains_key(&query.id)).collect();
    if let Some(first) = missing.first() {
        return Err(Error::Missing { count: missing.len(), first: first.id.clone() });
    }
    let mut metrics = Vec::new();
    for (name, above, most) in RANGES {
        let asked: Vec<Asked<'_>> = queries
            .iter()
            .filter_map(|query| {
                let inside = |window: &&Window| above < window.length() && window.length() <= most;
                let wanted: Vec<_> = query.wanted.iter().filter(inside).copied().collect();
                if wanted.is_empty() && name != "full" { None } else { Some((wanted, predictions.get(&query.id)?)) }
            })
            .collect();
        if !asked.is_empty() {
            metrics.extend(moments(name, &asked));
        }
    }
    if predictions.values().any(|prediction| !prediction.saliency.is_empty()) {
        let pairs: Vec<_> = queries.iter().filter_map(|query| Some((query, predictions.get(&query.id)?))).collect();
        for (name, least) in FAIR {
            let (precision, hit) = highlights(&pairs, least);
            metrics.push(Metric::percent(format!("HL-min-{name}-mAP"), precision, 2));
            metrics.push(Metric::percent(format!("HL-min-{name}-Hit1"), hit, 2));
        }
    }
    Ok(metrics)
}

/// 0.5, 0.55 … 0.95, as two decimals.
fn levels() -> impl Iterator<Item = f64> {
    (50_u32..=95).step_by(5).map(|percent| f64::from(percent) / 100.0)
}

fn moments(name: &str, asked: &[Asked<'_>]) -> Vec<Metric> {
    // Queries for which nothing was predicted have no average precision, not one of zero.
    let precisions: Vec<Vec<f64>> = asked
        .iter()
        .filter(|(_, found)| !found.windows.is_empty())
        .map(|(wanted, found)| levels().map(|level| average_precision(wanted, &found.windows, level)).collect())
        .collect();
    let mean = |column: usize| {
        precisions.iter().filter_map(|row| row.get(column)).sum::<f64>() / precisions.len().max(1) as f64
    };
    let by_level: Vec<f64> = (0..levels().count()).map(mean).collect();
    let firsts: Vec<f64> = asked.iter().map(|(wanted, found)| first_overlap(wanted, found)).collect();
    let average = by_level.iter().sum::<f64>() / by_level.len() as f64;
    let mut metrics = vec![Metric::percent(format!("MR-{name}-mAP"), average, 2)];
    let level_of =
        |level: f64| if level * 10.0 == (level * 10.0).round() { format!("{level:.1}") } else { format!("{level:.2}") };
    metrics.extend(
        by_level
            .iter()
            .zip(levels())
            .map(|(precision, level)| Metric::percent(format!("MR-{name}-mAP@{}", level_of(level)), *precision, 2)),
    );
    metrics.extend(levels().map(|level| {
        let share = firsts.iter().filter(|iou| **iou >= level).count() as f64 / firsts.len() as f64;
        Metric::percent(format!("MR-{name}-R1@{}", level_of(level)), share, 2)
    }));
    metrics
}

/// The first stretch against the wanted one it overlaps most; its overlap over the hull of both.
fn first_overlap(wanted: &[Window], found: &Prediction) -> f64 {
    let Some((first, _)) = found.windows.first() else { return 0.0 };
    let best = wanted.iter().map(|window| (first.jaccard(*window), window));
    let best = best.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(0.0, |(_, window)| first.iou(*window))
}

/// `compute_average_precision_detection`: the surest stretch first takes the wanted one it overlaps most of those left.
fn average_precision(wanted: &[Window], found: &[(Window, f64)], level: f64) -> f64 {
    let mut found: Vec<_> = found.iter().take(MOST).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut taken = BTreeSet::new();
    let (mut right, mut curve) = (0_u32, Vec::new());
    for (seen, (window, _)) in (1_u32..).zip(found) {
        let mut overlaps: Vec<(f64, usize)> =
            wanted.iter().enumerate().map(|(index, wanted)| (window.jaccard(*wanted), index)).collect();
        overlaps.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let free = overlaps.iter().take_while(|(iou, _)| *iou >= level).find(|(_, index)| !taken.contains(index));
        if let Some((_, index)) = free {
            taken.insert(*index);
            right += 1;
        }
        curve.push((f64::from(right) / f64::from(seen), f64::from(right) / wanted.len().max(1) as f64));
    }
    under(&curve)
}

/// `interpolated_precision_recall`: the area under the curve of (precision, recall), precision made falling from the right.
fn under(curve: &[(f64, f64)]) -> f64 {
    let mut best = 0.0_f64;
    let mut falling: Vec<(f64, f64)> = curve
        .iter()
        .rev()
        .map(|(precision, recall)| {
            best = best.max(*precision);
            (best, *recall)
        })
        .collect();
    falling.reverse();
    let mut before = 0.0;
    let mut area = 0.0;
    for (precision, recall) in falling {
        area += (recall - before) * precision;
        before = recall;
    }
    area
}

/// Mean average precision and the share of queries whose surest clip is a highlight.
fn highlights(pairs: &[(&Query, &Prediction)], least: f64) -> (f64, f64) {
    let (mut precision, mut hits) = (0.0, 0.0);
    for (query, found) in pairs {
        let clips = (query.duration.unwrap_or_default() / CLIP).max(0.0) as usize;
        let by_person = [0, 1, 2].map(|person| marks(query, clips, person, least));
        let surest = surest(&found.saliency);
        if by_person.iter().any(|marks| surest.and_then(|clip| marks.get(clip)).copied().unwrap_or(false)) {
            hits += 1.0;
        }
        precision += by_person.iter().map(|marks| clip_precision(marks, &found.saliency)).sum::<f64>();
    }
    let count = pairs.len() as f64;
    (precision / (3.0 * count), hits / count)
}

/// Which clips one of three people found good enough.
fn marks(query: &Query, clips: usize, person: usize, least: f64) -> Vec<bool> {
    let mut marks = vec![false; clips.min(1 << 20)];
    for (clip, scores) in &query.clips {
        if let (Some(mark), Some(score)) = (marks.get_mut(*clip), scores.get(person)) {
            *mark = *score >= least;
        }
    }
    marks
}

/// The first of the highest.
fn surest(saliency: &[f64]) -> Option<usize> {
    let best = saliency.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(clip, _)| clip)
}

/// `get_ap`: mean of the interpolated precision at every score at which further highlights come in.
fn clip_precision(marks: &[bool], saliency: &[f64]) -> f64 {
    let all = marks.iter().filter(|mark| **mark).count();
    if all == 0 || all == marks.len() {
        return if all == 0 { 0.0 } else { 1.0 };
    }
    let mut clips: Vec<(f64, bool)> =
        marks.iter().enumerate().map(|(clip, mark)| (saliency.get(clip).copied().unwrap_or(0.0), *mark)).collect();
    clips.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Clips of one score come in together; from the lowest score up, precision never falls.
    let (mut right, mut seen, mut steps) = (0_u32, 0_u32, Vec::new());
    for together in clips.chunk_by(|a, b| a.0 == b.0) {
        let more = together.iter().filter(|(_, mark)| *mark).count() as u32;
        (right, seen) = (right + more, seen + together.len() as u32);
        steps.push((f64::from(right) / f64::from(seen), more > 0));
    }
    let (mut best, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
    for (precision, comes_in) in steps.into_iter().rev() {
        best = best.max(precision);
        if comes_in {
            (sum, count) = (sum + best, count + 1.0);
        }
    }
    sum / count
}

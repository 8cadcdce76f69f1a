//! VUE-TR (`qa_eval.py` of Vidi): areas under curves over 101 thresholds, predictions widened to whole seconds first.

use crate::annotations::Query;
use crate::predictions::Predictions;
use crate::report::Metric;
use crate::window::Window;

/// Groups in the order of the official table.
const GROUPS: [&str; 11] = [
    "ultra-short",
    "short",
    "medium",
    "long",
    "ultra-long",
    "keyword",
    "phrase",
    "sentence",
    "audio",
    "vision",
    "vision+audio",
];

struct Pair<'a> {
    found: Vec<Window>,
    wanted: &'a [Window],
}

/// Precision, recall and IoU of all queries and of every group that has some.
pub(crate) fn metrics(queries: &[Query], predictions: &Predictions) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for group in std::iter::once("overall").chain(GROUPS) {
        let members = queries.iter().filter(|query| group == "overall" || query.groups.iter().any(|own| own == group));
        let pairs: Vec<_> =
            members.map(|query| Pair { found: whole(query, predictions), wanted: &query.wanted }).collect();
        if pairs.is_empty() {
            continue;
        }
        let (precision, recall) = precision_and_recall(&pairs);
        let ious: Vec<_> = pairs.iter().map(overlap_ratio).collect();
        for (name, area) in [
            ("precision", area(&precision, |value, level| value >= level)),
            ("recall", area(&recall, |value, level| value >= level)),
            ("IoU", area(&ious, |value, level| value > level)),
        ] {
            metrics.push(Metric::percent(format!("{group} {name}"), area, 2));
        }
    }
    metrics
}

fn whole(query: &Query, predictions: &Predictions) -> Vec<Window> {
    let found = predictions.get(&query.id).map_or(&[][..], |found| &found.windows);
    found.iter().map(|(window, _)| Window(window.0.floor(), window.1.ceil())).collect()
}

/// The area under the share of values that reach a level, over levels 0, 0.01 … 1, by trapezoids.
fn area(values: &[f64], reaches: impl Fn(f64, f64) -> bool) -> f64 {
    let count = values.len() as f64 + 1e-16;
    let level = |i: u32| if i == 100 { 1.0 } else { f64::from(i) * 0.01 };
    let share = |i: u32| values.iter().filter(|value| reaches(**value, level(i))).count() as f64 / count;
    let trapezoid = |i: u32| (level(i + 1) - level(i)) * (share(i) + share(i + 1)) / 2.0;
    sum(&(0..100).map(trapezoid).collect::<Vec<_>>())
}

/// In the order in which numpy adds up to 128 numbers: eight sums at once, then what is left. Another order moves a last digit.
fn sum(numbers: &[f64]) -> f64 {
    let (eights, rest) = numbers.as_chunks::<8>();
    let [a, b, c, d, e, f, g, h] = eights.iter().fold([0.0; 8], |mut sums, eight| {
        sums.iter_mut().zip(eight).for_each(|(sum, number)| *sum += number);
        sums
    });
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, number| sum + number)
}

/// `overlap_ratio`: predictions merged where they touch, wanted stretches as they are.
fn overlap_ratio(pair: &Pair<'_>) -> f64 {
    if pair.wanted.is_empty() {
        return if pair.found.is_empty() { 1.0 } else { 0.0 };
    }
    if pair.found.is_empty() {
        return 0.0;
    }
    let found: Vec<_> = merged(&pair.found).into_iter().filter(|window| window.0 <= window.1).collect();
    let length = |windows: &[Window]| windows.iter().map(|window| window.length()).sum::<f64>();
    let overlap: f64 = found.iter().flat_map(|a| pair.wanted.iter().map(|b| a.overlap(*b))).sum();
    let union = length(&found) + length(pair.wanted) - overlap;
    (overlap / (union + 1e-16)).clamp(0.0, 1.0)
}

fn merged(windows: &[Window]) -> Vec<Window> {
    let mut sorted = windows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<Window> = Vec::new();
    for window in sorted {
        match merged.last_mut() {
            Some(last) if window.0 <= last.1 => last.1 = last.1.max(window.1),
            _ => merged.push(window),
        }
    }
    merged
}

/// `compute_precision_recall`: unmerged stretches in the order they were given, queries without any left out.
fn precision_and_recall(pairs: &[Pair<'_>]) -> (Vec<f64>, Vec<f64>) {
    let upright =
        |windows: &[Window]| -> Vec<_> { windows.iter().map(|w| Window(w.0.min(w.1), w.0.max(w.1))).collect() };
    let length = |windows: &[Window]| windows.iter().map(|window| window.length()).sum::<f64>();
    let (mut precision, mut recall) = (Vec::new(), Vec::new());
    for pair in pairs {
        let (wanted, found) = (upright(pair.wanted), upright(&pair.found));
        let both = in_step(&wanted, &found);
        if length(&wanted) != 0.0 {
            recall.push(both / length(&wanted));
        }
        if length(&found) != 0.0 {
            precision.push(both / length(&found));
        }
    }
    (precision, recall)
}

/// `interval_intersection`: both lists are walked through in step; whatever ends first is left behind.
fn in_step(one: &[Window], other: &[Window]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        if a.0 <= b.1 && b.0 <= a.1 {
            sum += a.1.min(b.1) - a.0.max(b.0);
        }
        if a.1 < b.1 { i += 1 } else { j += 1 }
    }
    sum
}

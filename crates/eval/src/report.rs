//! Scores as a list, for people and programs.

use std::fmt;

use serde::Serialize;

use crate::annotations::{Benchmark, Query};
use crate::error::Result;
use crate::predictions::Predictions;
use crate::{qvhighlights, recall, vue_tr};

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// As the official evaluator calls it.
    pub name: String,
    /// Percent or seconds.
    pub value: f64,
    /// `%` or `s`.
    pub unit: &'static str,
    /// Decimals the official evaluator prints.
    #[serde(skip)]
    pub decimals: usize,
}

impl Metric {
    pub(crate) fn percent(name: impl Into<String>, share: f64, decimals: usize) -> Self {
        Self { name: name.into(), value: share * 100.0, unit: "%", decimals }
    }

    pub(crate) fn seconds(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value, unit: "s", decimals: 3 }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", self.decimals, self.value)
    }
}

/// How predictions did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The benchmark's name.
    pub benchmark: &'static str,
    /// Queries asked.
    pub queries: usize,
    /// Of those, without any prediction; they count as not found.
    pub missing: usize,
    /// Of those with something to find, answered in words that name no time the parser reads; they count as not found.
    pub unparsed: usize,
    /// The scores.
    pub metrics: Vec<Metric>,
}

/// Scores predictions as the benchmark's official evaluator does.
///
/// # Errors
/// When the evaluator would refuse them.
pub fn score(benchmark: Benchmark, queries: &[Query], predictions: &Predictions) -> Result<Report> {
    let metrics = match benchmark {
        Benchmark::QvHighlights => qvhighlights::metrics(queries, predictions)?,
        Benchmark::VueTr => vue_tr::metrics(queries, predictions),
        Benchmark::TvgBench => recall::metrics(queries, predictions, true),
        Benchmark::CharadesSta | Benchmark::ActivityNet | Benchmark::TimeLens | Benchmark::Plain => {
            recall::metrics(queries, predictions, false)
        }
    };
    let missing = queries.iter().filter(|query| !predictions.contains_key(&query.id)).count();
    let unparsed = |query: &&Query| predictions.get(&query.id).is_some_and(|found| found.is_unparsed);
    // That something is not in the video is said without a time.
    let unparsed = queries.iter().filter(|query| !query.wanted.is_empty()).filter(unparsed).count();
    Ok(Report { benchmark: benchmark.name(), queries: queries.len(), missing, unparsed, metrics })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} queries, {} without a prediction, {} not parsed",
            self.benchmark, self.queries, self.missing, self.unparsed
        )?;
        let width = self.metrics.iter().map(|metric| metric.name.len()).max().unwrap_or_default();
        for metric in &self.metrics {
            writeln!(f, "{:width$}  {:>9} {}", metric.name, metric.to_string(), metric.unit)?;
        }
        Ok(())
    }
}

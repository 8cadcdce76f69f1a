//! Temporal grounding as its benchmarks measure it. Official annotation files in, predictions in, official scores out: the same
//! numbers to the last digit their own evaluators print (`tests/official.rs`, made by `training/golden_eval.py`).
//!
//! | I want to change how … | module |
//! |---|---|
//! | annotation files are read | [`annotations`] |
//! | predictions are read | [`predictions`] |
//! | an answer becomes a stretch of time | [`answer`] |
//! | recall and mean IoU are counted | [`recall`] |
//! | QVHighlights' average precision and highlights are | [`qvhighlights`] |
//! | VUE-TR's areas under curves are | [`vue_tr`] |
//! | scores are listed | [`report`] |
//!
//! Times are seconds in floating point here and nowhere else: the files have decimal seconds, and whoever wants other people's
//! last digit needs their arithmetic.

pub mod annotations;
pub mod answer;
pub mod predictions;
pub mod qvhighlights;
pub mod recall;
pub mod report;
pub mod vue_tr;

mod error;
mod window;

pub use annotations::{Benchmark, Query};
pub use answer::Parser;
pub use error::{Error, Result};
pub use predictions::{Prediction, Predictions};
pub use report::{Metric, Report, score};
pub use window::Window;

//! What can be wrong with a file.

use std::fmt::Display;

/// Why nothing can be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the format that was named.
    #[error("{place}: {message}; {format} has {wanted}")]
    Format {
        /// Which line or entry.
        place: String,
        /// What is there.
        message: String,
        /// The format's name.
        format: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// No such benchmark.
    #[error("there is no benchmark {name}; there are {all}")]
    UnknownBenchmark {
        /// What was asked for.
        name: String,
        /// Those there are.
        all: String,
    },
    /// The official evaluator takes all or nothing.
    #[error("{count} queries have no prediction, {first} for one; this benchmark is scored with all of them")]
    Missing {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// Predictions for other queries than the annotations have.
    #[error("none of the {count} predictions belongs to a query of the annotations, whose names are like {example}")]
    Strangers {
        /// How many predictions.
        count: usize,
        /// Name of a query.
        example: String,
    },
    /// An annotation file without queries.
    #[error("there is no query in the annotations")]
    Empty,
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn format(
        place: impl Display,
        message: impl Display,
        format: &'static str,
        wanted: &'static str,
    ) -> Self {
        Self::Format { place: place.to_string(), message: message.to_string(), format, wanted }
    }
}

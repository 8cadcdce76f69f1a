//! A decoded picture as a decoder leaves it, brightness and colour in planes of their own, made as small as a model sees it.
//!
//! Browsers draw a picture at full size and in full colour before they make it smaller; that costs several times the
//! memory of decoding. Here each plane is averaged down where it lies, and only the small ones become RGB.

mod axis;
mod colour;
mod glance;
mod scaler;

pub use colour::{Colour, Matrix};
pub use glance::{Grid, glance};
pub use scaler::{Scaler, Source, Target};

/// How the samples of a picture lie in memory, 8 bits each (WebCodecs' names).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Three planes, colour at half the width and height.
    I420,
    /// Three planes, colour at half the width.
    I422,
    /// Three planes, all of one size.
    I444,
    /// Two planes, the second with both colours in turn at half the width and height.
    Nv12,
}

impl Format {
    /// By how much the colour planes are smaller: across, down.
    fn subsampling(self) -> (usize, usize) {
        match self {
            Self::I420 | Self::Nv12 => (2, 2),
            Self::I422 => (2, 1),
            Self::I444 => (1, 1),
        }
    }

    /// Of which plane, from which byte and in which steps brightness, blue and red differences are taken.
    fn channels(self) -> [Channel; 3] {
        let channel = |plane, offset, step| Channel { plane, offset, step };
        match self {
            Self::Nv12 => [channel(0, 0, 1), channel(1, 0, 2), channel(1, 1, 2)],
            _ => [channel(0, 0, 1), channel(1, 0, 1), channel(2, 0, 1)],
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    plane: usize,
    offset: usize,
    step: usize,
}

/// Where a plane lies in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Its first byte.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Why a picture cannot be made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A side of nothing, or of more than a decoder gives.
    #[error("a picture of {width} × {height} cannot be scaled")]
    Size {
        /// In samples.
        width: usize,
        /// In samples.
        height: usize,
    },
    /// The layout names bytes that are not there.
    #[error("plane {plane} of the picture ends after its bytes")]
    Short {
        /// Counted from 0.
        plane: usize,
    },
}

//! Stretches of time in decimal seconds.

use serde::{Deserialize, Serialize};

/// Start and end in seconds; in files a list of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window(pub f64, pub f64);

impl Window {
    /// Seconds from start to end; negative where they are swapped.
    pub fn length(self) -> f64 {
        self.1 - self.0
    }

    /// Seconds both have.
    pub fn overlap(self, other: Self) -> f64 {
        (self.1.min(other.1) - self.0.max(other.0)).max(0.0)
    }

    /// Overlap over what lies between the first start and the last end: what evaluators of one stretch a query divide by. Zero
    /// when nothing lies there.
    pub fn iou(self, other: Self) -> f64 {
        let hull = self.1.max(other.1) - self.0.min(other.0);
        if hull == 0.0 { 0.0 } else { self.overlap(other) / hull }
    }

    /// Overlap over the sum of both lengths without it (`compute_temporal_iou_batch_cross` of moment_detr).
    pub(crate) fn jaccard(self, other: Self) -> f64 {
        let overlap = self.overlap(other);
        overlap / (self.length() + other.length() - overlap)
    }

    pub(crate) fn is_finite(self) -> bool {
        self.0.is_finite() && self.1.is_finite()
    }
}

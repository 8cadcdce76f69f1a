//! Where shots begin: every decoded picture is looked at, wanted or not.

use timeline::{CutFinder, Span, Timestamp};

use super::copied::{Buffers, Copied, Part};
use super::decoder::Picture;

/// Looks at pictures in the order in which they are shown.
#[derive(Default)]
pub(super) struct Shots {
    finder: CutFinder,
    buffers: Buffers,
}

impl Shots {
    /// Begins to look; `None` where samples cannot be read.
    pub(super) fn look(&mut self, picture: &Picture) -> Option<impl Future<Output = Result<Copied, String>> + use<>> {
        self.buffers.copy(picture, Part::Strip)
    }

    /// Looks; gives the first frame of a shot when one is certain.
    pub(super) fn see(&mut self, pts: Timestamp, copied: &Copied) -> Option<Timestamp> {
        let bytes = self.buffers.bytes(copied);
        let look = planes::glance(&copied.source, bytes, &copied.layouts).ok()?;
        self.finder.see(pts, look)
    }

    /// Where the picture was another for a moment, found since the last call.
    pub(super) fn flashes(&mut self) -> Vec<Span> {
        self.finder.flashes()
    }

    /// What was in doubt when the pictures ended.
    pub(super) fn finish(&mut self) -> Option<Timestamp> {
        self.finder.finish()
    }
}

//! Where shots begin, and what comes and goes between two frames of the plan: decoded pictures are looked at, wanted or not.

use planes::Grid;
use timeline::brief::CELLS;
use timeline::{BriefFinder, CutFinder, Span, Timestamp};

use super::copied::{Buffers, Copied, Part};
use super::decoder::Picture;

/// Looks at pictures in the order in which they are shown.
#[derive(Default)]
pub(super) struct Shots {
    finder: CutFinder,
    brief: BriefFinder,
    /// Of either size by themselves: buffers of another cannot be used again.
    strips: Buffers,
    wholes: Buffers,
}

/// What a picture is looked at for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Whether a shot begins with it: a strip of every picture.
    Cut,
    /// Whether it has what no frame of the plan has: some pictures, and those of the plan, whole.
    Brief { is_planned: bool },
}

impl Shots {
    /// Begins to look; `None` where samples cannot be read.
    pub(super) fn look(
        &mut self,
        picture: &Picture,
        look: Look,
    ) -> Option<impl Future<Output = Result<Copied, String>> + use<>> {
        match look {
            Look::Cut => self.strips.copy(picture, Part::Strip),
            Look::Brief { is_planned } => {
                let pts = Timestamp::from_micros(picture.timestamp());
                if self.brief.wants(pts, is_planned) { self.wholes.copy(picture, Part::Whole) } else { None }
            }
        }
    }

    /// Looks; gives the first frame of a shot when one is certain, and where the picture was another for a moment, all of it or a part.
    pub(super) fn see(&mut self, pts: Timestamp, copied: &Copied, look: Look) -> (Option<Timestamp>, Vec<Span>) {
        let (bytes, grid) = match look {
            Look::Cut => (self.strips.bytes(copied), Grid::COARSE),
            Look::Brief { .. } => (self.wholes.bytes(copied), Grid::even(CELLS[0], CELLS[1])),
        };
        let Ok(levels) = planes::glance(&copied.source, bytes, &copied.layouts, grid) else {
            return (None, Vec::new());
        };
        match look {
            Look::Cut => (self.finder.see(pts, levels), self.finder.flashes()),
            Look::Brief { is_planned } => (None, self.brief.see(pts, levels, is_planned)),
        }
    }

    /// What was in doubt when the pictures ended.
    pub(super) fn finish(&mut self) -> Option<Timestamp> {
        self.finder.finish()
    }
}

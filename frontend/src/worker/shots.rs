//! Where shots begin, and what comes and goes between two frames of the plan: decoded pictures are looked at, wanted or not.

use planes::{Error, Grid};
use timeline::brief::CELLS;
use timeline::{BriefFinder, CutFinder, Span, Timestamp};

use super::copied::{Part, Samples};

/// Looks at pictures in the order in which they are shown.
#[derive(Default)]
pub(super) struct Shots {
    cuts: CutFinder,
    brief: BriefFinder,
}

/// What a picture is looked at for: whether a shot begins with it, and perhaps whether it has what no frame of the plan has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pts: Timestamp,
    is_planned: bool,
    is_brief: bool,
}

impl Look {
    /// How much of the picture it takes.
    pub(super) fn part(self) -> Part {
        if self.is_brief { Part::Whole } else { Part::Strip }
    }
}

impl Shots {
    /// What a picture is to be looked at for.
    pub(super) fn wants(&mut self, pts: Timestamp, is_planned: bool) -> Look {
        Look { pts, is_planned, is_brief: self.brief.wants(pts, is_planned) }
    }

    /// Looks at a picture's samples; gives the first frame of a shot when one is certain, and where the picture was another for a
    /// moment, all of it or a part.
    pub(super) fn see(&mut self, look: Look, samples: &Samples<'_>) -> Result<(Option<Timestamp>, Vec<Span>), Error> {
        let cut = self.cuts.see(look.pts, samples.strip(Grid::COARSE)?);
        let mut gone = self.cuts.flashes();
        if look.is_brief {
            let levels = samples.all(Grid::even(CELLS[0], CELLS[1]))?;
            gone.extend(self.brief.see(look.pts, levels, look.is_planned));
        }
        Ok((cut, gone))
    }

    /// What was in doubt when the pictures ended.
    pub(super) fn finish(&mut self) -> Option<Timestamp> {
        self.cuts.finish()
    }
}

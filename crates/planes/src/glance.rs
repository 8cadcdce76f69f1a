//! A picture at a glance: enough to tell whether it is another one.

use crate::scaler::Plane;
use crate::{Error, Layout, Source};

/// Rows that are looked at in a cell: a mean of these is a mean of all, nearly.
const ROWS: usize = 8;

/// Cells of a picture, across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Of brightness.
    pub bright: [usize; 2],
    /// Of each colour.
    pub colour: [usize; 2],
}

impl Grid {
    /// Few cells: whether the picture is another.
    pub const COARSE: Self = Self { bright: [8, 12], colour: [4, 6] };

    /// As many cells of each channel.
    pub const fn even(across: usize, down: usize) -> Self {
        Self { bright: [across, down], colour: [across, down] }
    }

    /// Levels of a [`glance`].
    pub const fn levels(self) -> usize {
        self.bright[0] * self.bright[1] + 2 * self.colour[0] * self.colour[1]
    }
}

/// The mean levels of a picture's cells: brightness, then each colour, row by row.
///
/// # Errors
/// [`Error::Short`] when a plane is not all there, [`Error::Size`] for a side of nothing.
pub fn glance(source: &Source, bytes: &[u8], layouts: &[Layout], grid: Grid) -> Result<Vec<u8>, Error> {
    source.check()?;
    let mut levels = Vec::with_capacity(grid.levels());
    for (i, channel) in source.format.channels().into_iter().enumerate() {
        let (width, height) = source.samples(i);
        let plane = Plane::of(bytes, layouts, channel, width, height)?;
        let [across, down] = if i == 0 { grid.bright } else { grid.colour };
        for row in 0..down {
            let (top, bottom) = part(height, row, down);
            let every = (bottom - top).div_ceil(ROWS);
            for column in 0..across {
                let (left, right) = part(width, column, across);
                levels.push(mean(&plane, (top..bottom).step_by(every), left, right));
            }
        }
    }
    Ok(levels)
}

/// From where to where the `i`-th of `of` parts of a side goes: at least one sample, shared if there are too few.
fn part(side: usize, i: usize, of: usize) -> (usize, usize) {
    let start = (side * i / of).min(side - 1);
    (start, (side * (i + 1) / of).clamp(start + 1, side))
}

fn mean(plane: &Plane<'_>, rows: impl Iterator<Item = usize>, left: usize, right: usize) -> u8 {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for y in rows {
        let samples = plane.samples(y, left, right);
        sum += samples.map(u64::from).sum::<u64>();
        count += (right - left) as u64;
    }
    u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, Format, Matrix};

    fn source(width: usize, height: usize, format: Format) -> Source {
        Source { format, width, height, colour: Colour::new(Matrix::Bt709, false) }
    }

    #[test]
    fn each_cell_is_the_mean_of_its_part() {
        let source = source(16, 24, Format::Nv12);
        let mut bytes: Vec<u8> = (0..16 * 24).map(|i| if i % 16 < 8 { 10 } else { 30 }).collect();
        bytes.extend([50, 200].repeat(8 * 12));
        let layouts = [Layout { offset: 0, stride: 16 }, Layout { offset: 16 * 24, stride: 16 }];
        let levels = glance(&source, &bytes, &layouts, Grid::COARSE).unwrap();
        assert_eq!(levels.len(), Grid::COARSE.levels());
        assert_eq!(levels[..8], [10, 10, 10, 10, 30, 30, 30, 30]);
        assert_eq!((levels[96], levels[120]), (50, 200));
        assert_eq!(glance(&source, &bytes[1..], &layouts, Grid::COARSE), Err(Error::Short { plane: 1 }));
    }

    #[test]
    fn a_strip_is_seen_in_the_whole_as_it_is_by_itself() {
        // (samples of a row of each plane, rows of each plane) of a picture of 20 × 12 and of its strip from 6 to 12.
        for (format, whole, strip) in [
            (Format::I420, vec![(20, 12), (10, 6), (10, 6)], vec![(6, 6), (3, 3), (3, 3)]),
            (Format::I422, vec![(20, 12), (10, 12), (10, 12)], vec![(6, 6), (3, 3), (3, 3)]),
            (Format::I444, vec![(20, 12), (20, 12), (20, 12)], vec![(6, 6), (6, 6), (6, 6)]),
            (Format::Nv12, vec![(20, 12), (20, 6)], vec![(6, 6), (6, 6)]),
        ] {
            let mut bytes = Vec::new();
            let (mut layouts, mut alone, mut alone_layouts) = (Vec::new(), Vec::new(), Vec::new());
            for ((stride, rows), (left, length)) in whole.into_iter().zip(strip) {
                layouts.push(Layout { offset: bytes.len(), stride });
                alone_layouts.push(Layout { offset: alone.len(), stride: length });
                for row in 0..rows {
                    let samples: Vec<u8> = (0..stride).map(|x| (x * 11 + row * 7) as u8).collect();
                    alone.extend(&samples[left..left + length]);
                    bytes.extend(samples);
                }
            }
            let source = source(20, 12, format);
            let (left, strip) = source.strip();
            assert_eq!((left, strip.width), (6, 6));
            let seen = glance(&strip, &bytes, &source.part(left, &layouts), Grid::COARSE).unwrap();
            assert_eq!(seen, glance(&strip, &alone, &alone_layouts, Grid::COARSE).unwrap(), "{format:?}");
        }
        assert_eq!(source(5, 9, Format::I420).strip(), (0, source(5, 9, Format::I420)));
    }

    #[test]
    fn a_picture_of_one_sample_has_cells_too() {
        let layouts = [0, 1, 2].map(|offset| Layout { offset, stride: 1 });
        let levels = glance(&source(1, 1, Format::I420), &[7, 8, 9], &layouts, Grid::COARSE).unwrap();
        assert_eq!((levels[0], levels[95], levels[96], levels[143]), (7, 7, 8, 9));
        assert!(glance(&source(0, 1, Format::I420), &[7, 8, 9], &layouts, Grid::COARSE).is_err());
    }
}

//! Averaging planes down, then colours, turned the way the picture is shown.

use crate::axis::{Axis, ONE};
use crate::colour::{Colour, SAMPLE_BITS};
use crate::{Channel, Error, Format, Layout};

/// No decoder of a browser gives a longer side.
const LONGEST: usize = 1 << 15;
/// What the weights of both axes leave of a sample, less the bits that are kept after the point.
const ACROSS_SHIFT: u32 = 14;
const DOWN_SHIFT: u32 = 14 - SAMPLE_BITS;

/// The pictures of one decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// How samples lie.
    pub format: Format,
    /// Samples of brightness in a row.
    pub width: usize,
    /// Rows of brightness.
    pub height: usize,
    /// What samples mean.
    pub colour: Colour,
}

impl Source {
    pub(crate) fn check(&self) -> Result<(), Error> {
        sides(self.width, self.height)
    }

    /// Width and height of a channel: brightness, then the colours.
    pub(crate) fn samples(&self, channel: usize) -> (usize, usize) {
        let (across, down) = if channel == 0 { (1, 1) } else { self.format.subsampling() };
        (self.width.div_ceil(across), self.height.div_ceil(down))
    }

    /// A strip down the middle, a third as wide: samples to the left of it (an even number, so that colours begin there too), and
    /// what it is by itself. A picture that is too narrow is its own strip.
    pub fn strip(self) -> (usize, Self) {
        let third = self.width / 3 / 2 * 2;
        if third < 2 { (0, self) } else { (third, Self { width: third, ..self }) }
    }

    /// Where the planes of the part lie that begins so many samples (an even number) to the right, in the bytes of the whole.
    pub fn part(&self, left: usize, layouts: &[Layout]) -> Vec<Layout> {
        let mut part = layouts.to_vec();
        let (across, _) = self.format.subsampling();
        for (i, channel) in self.format.channels().into_iter().enumerate().filter(|(_, channel)| channel.offset == 0) {
            if let Some(layout) = part.get_mut(channel.plane) {
                layout.offset += if i == 0 { left } else { left / across * channel.step };
            }
        }
        part
    }
}

/// Refuses sides of nothing and beyond any decoder's.
fn sides(width: usize, height: usize) -> Result<(), Error> {
    let fine = (1..=LONGEST).contains(&width) && (1..=LONGEST).contains(&height);
    if fine { Ok(()) } else { Err(Error::Size { width, height }) }
}

/// What is wanted of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Before turning.
    pub width: usize,
    /// Before turning.
    pub height: usize,
    /// Left and right change places, before turning.
    pub mirrored: bool,
    /// Clockwise, in quarters of a circle.
    pub quarters: u32,
}

impl Target {
    /// Width and height after turning.
    pub fn turned(&self) -> (usize, usize) {
        if self.quarters % 2 == 1 { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// Where the pixel of a place before turning goes.
    fn place(&self, x: usize, y: usize) -> (usize, usize) {
        let (right, bottom) = (self.width - 1 - x, self.height - 1 - y);
        let (x, right) = if self.mirrored { (right, x) } else { (x, right) };
        match self.quarters % 4 {
            0 => (x, y),
            1 => (bottom, x),
            2 => (right, bottom),
            _ => (y, right),
        }
    }
}

/// Makes pictures of one source small. Keeps its tables and rows, so that a picture costs no memory of its own.
#[derive(Debug)]
pub struct Scaler {
    source: Source,
    target: Target,
    bright: [Axis; 2],
    colour: [Axis; 2],
    /// One row of a plane, averaged downwards only.
    row: Vec<u32>,
    /// Brightness, blue difference, red difference at the target's size.
    small: [Vec<u16>; 3],
}

impl Scaler {
    /// Prepares the tables.
    ///
    /// # Errors
    /// [`Error::Size`] for a side of nothing or beyond any decoder's.
    pub fn new(source: Source, target: Target) -> Result<Self, Error> {
        source.check()?;
        sides(target.width, target.height)?;
        let axes = |channel| {
            let (width, height) = source.samples(channel);
            [Axis::new(width, target.width), Axis::new(height, target.height)]
        };
        Ok(Self { source, target, bright: axes(0), colour: axes(1), row: Vec::new(), small: Default::default() })
    }

    /// What it was made for.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What it makes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The picture whose planes lie in `bytes`, as RGBA rows of the turned target, opaque. `out` is emptied first.
    ///
    /// # Errors
    /// [`Error::Short`] when a plane is not all there; `out` is then empty.
    pub fn rgba(&mut self, bytes: &[u8], layouts: &[Layout], out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        let channels = self.source.format.channels();
        for (i, (channel, small)) in channels.iter().zip(&mut self.small).enumerate() {
            let axes = if i == 0 { &self.bright } else { &self.colour };
            let (width, height) = self.source.samples(i);
            let plane = Plane::of(bytes, layouts, *channel, width, height)?;
            plane.average(axes, &mut self.row, small);
        }
        self.colours(out);
        Ok(())
    }

    fn colours(&self, out: &mut Vec<u8>) {
        let (target, [bright, blue, red]) = (&self.target, &self.small);
        let (width, height) = target.turned();
        out.resize(width * height * 4, 255);
        let samples = bright.iter().zip(blue).zip(red);
        for (i, ((&bright, &blue), &red)) in samples.enumerate() {
            let (x, y) = target.place(i % target.width, i / target.width);
            let at = (y * width + x) * 4;
            if let Some(pixel) = out.get_mut(at..at + 3) {
                pixel.copy_from_slice(&self.source.colour.rgb([bright, blue, red]));
            }
        }
    }
}

/// One channel of a picture.
pub(crate) struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    step: usize,
    /// Bytes of a row that count.
    length: usize,
}

impl<'a> Plane<'a> {
    pub(crate) fn of(
        bytes: &'a [u8],
        layouts: &[Layout],
        channel: Channel,
        width: usize,
        height: usize,
    ) -> Result<Self, Error> {
        let short = Error::Short { plane: channel.plane };
        let layout = layouts.get(channel.plane).ok_or(short)?;
        let length = (width - 1) * channel.step + 1;
        let end = layout.stride.checked_mul(height - 1).and_then(|rows| rows.checked_add(channel.offset + length));
        let bytes = bytes.get(layout.offset..).and_then(|rest| rest.get(channel.offset..end?)).ok_or(short)?;
        Ok(Self { bytes, stride: layout.stride, step: channel.step, length })
    }

    fn row(&self, y: usize) -> &[u8] {
        let at = y * self.stride;
        self.bytes.get(at..at + self.length).unwrap_or_default()
    }

    /// The samples of a row from `left` to before `right`.
    pub(crate) fn samples(&self, y: usize, left: usize, right: usize) -> impl Iterator<Item = u8> {
        self.row(y).iter().step_by(self.step).skip(left).take(right - left).copied()
    }

    /// Downwards first: whole rows are added to each other, which compilers do many samples at a time.
    fn average(&self, [across, down]: &[Axis; 2], row: &mut Vec<u32>, out: &mut Vec<u16>) {
        out.clear();
        for (first, weights) in down.taps() {
            row.clear();
            row.resize(self.length, 0);
            for (y, &weight) in (first..).zip(weights) {
                for (sum, &sample) in row.iter_mut().zip(self.row(y)) {
                    *sum += u32::from(sample) * weight;
                }
            }
            for sum in row.iter_mut() {
                *sum >>= DOWN_SHIFT;
            }
            out.extend(across.taps().map(|(first, weights)| {
                let samples = row.get(first * self.step..).unwrap_or_default().iter().step_by(self.step);
                let sum: u32 = samples.zip(weights).map(|(sample, weight)| sample * weight).sum();
                // At most 255 with all bits after the point: the weights add up to one.
                ((sum + ONE / 2) >> ACROSS_SHIFT) as u16
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use proptest::prelude::*;

    const FULL: fn() -> Colour = || Colour::new(Matrix::Bt601, true);

    fn upright(width: usize, height: usize) -> Target {
        Target { width, height, mirrored: false, quarters: 0 }
    }

    fn grey(bright: &[u8], width: usize, target: Target) -> Vec<u8> {
        let height = bright.len() / width;
        let source = Source { format: Format::I444, width, height, colour: FULL() };
        let mut bytes = bright.to_vec();
        bytes.resize(bright.len() * 3, 128);
        let layouts = [0, 1, 2].map(|plane| Layout { offset: plane * bright.len(), stride: width });
        let mut out = Vec::new();
        Scaler::new(source, target).unwrap().rgba(&bytes, &layouts, &mut out).unwrap();
        assert!(out.chunks_exact(4).all(|p| p[0] == p[1] && p[1] == p[2] && p[3] == 255));
        out.chunks_exact(4).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn a_picture_of_its_own_size_stays_and_half_of_it_is_means() {
        let bright: Vec<u8> = (0..16).map(|i| i * 10).collect();
        assert_eq!(grey(&bright, 4, upright(4, 4)), bright);
        assert_eq!(grey(&bright, 4, upright(2, 2)), [25, 45, 105, 125]);
    }

    #[test]
    fn pictures_are_mirrored_first_and_then_turned_clockwise() {
        let bright = [1, 2, 3, 4, 5, 6];
        let turned = |mirrored, quarters| grey(&bright, 3, Target { mirrored, quarters, ..upright(3, 2) });
        assert_eq!(turned(false, 1), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(false, 2), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(false, 3), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(true, 0), [3, 2, 1, 6, 5, 4]);
        assert_eq!(turned(true, 1), [6, 3, 5, 2, 4, 1]);
    }

    #[test]
    fn colours_in_turn_and_colours_apart_are_the_same_colours() {
        let (width, height, colour) = (5, 3, Colour::new(Matrix::Bt709, false));
        let bright: Vec<u8> = (0..15).map(|i| 40 + i * 10).collect();
        let (blue, red): (Vec<u8>, Vec<u8>) = (0..6).map(|i| (90 + i * 12, 180 - i * 9)).unzip();
        let apart: Vec<u8> = [&bright[..], &blue, &red].concat();
        let in_turn: Vec<u8> =
            bright.iter().copied().chain(blue.iter().zip(&red).flat_map(|(b, r)| [*b, *r])).collect();
        let layout = |offset, stride| Layout { offset, stride };
        let run = |format, bytes: &[u8], layouts: &[Layout]| {
            let mut out = Vec::new();
            let source = Source { format, width, height, colour };
            Scaler::new(source, upright(4, 2)).unwrap().rgba(bytes, layouts, &mut out).unwrap();
            out
        };
        let one = run(Format::I420, &apart, &[layout(0, 5), layout(15, 3), layout(21, 3)]);
        assert_eq!(one, run(Format::Nv12, &in_turn, &[layout(0, 5), layout(15, 6)]));
        assert_ne!(one[..3], one[4..7]);
    }

    #[test]
    fn planes_that_end_early_and_sides_of_nothing_are_refused() {
        let source = Source { format: Format::I420, width: 4, height: 4, colour: FULL() };
        let mut scaler = Scaler::new(source, upright(2, 2)).unwrap();
        let layouts = [(0, 4), (16, 2), (20, 2)].map(|(offset, stride)| Layout { offset, stride });
        let mut out = vec![7];
        assert_eq!(scaler.rgba(&[0; 23], &layouts, &mut out), Err(Error::Short { plane: 2 }));
        assert!(out.is_empty());
        assert_eq!(scaler.rgba(&[0; 24], &layouts, &mut out), Ok(()));
        assert_eq!(scaler.rgba(&[0; 24], &layouts[..2], &mut out), Err(Error::Short { plane: 2 }));
        let far = [Layout { offset: usize::MAX, stride: usize::MAX }; 3];
        assert_eq!(scaler.rgba(&[0; 24], &far, &mut out), Err(Error::Short { plane: 0 }));
        assert!(Scaler::new(source, upright(0, 2)).is_err());
        assert!(Scaler::new(Source { width: 1 << 20, ..source }, upright(2, 2)).is_err());
    }

    proptest! {
        #[test]
        fn one_colour_stays_that_colour_at_every_size(
            level in 0_u8..=255, width in 1_usize..90, height in 1_usize..90, w in 1_usize..50, h in 1_usize..50,
            quarters in 0_u32..4, mirrored: bool,
        ) {
            let small = grey(&vec![level; width * height], width, Target { width: w, height: h, mirrored, quarters });
            prop_assert_eq!(small, vec![level; w * h]);
        }

        #[test]
        fn a_mean_lies_between_its_samples(bright in proptest::collection::vec(0_u8..=255, 60), w in 1_usize..20, h in 1_usize..20) {
            let (low, high) = (*bright.iter().min().unwrap(), *bright.iter().max().unwrap());
            prop_assert!(grey(&bright, 10, upright(w, h)).iter().all(|level| (low..=high).contains(level)));
        }
    }
}

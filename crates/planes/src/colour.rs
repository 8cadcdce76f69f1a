//! From brightness and two colour differences to red, green and blue (ITU-T H.273, `MatrixCoefficients`).

/// Which weights red and blue have in the brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Television of standard definition.
    Bt601,
    /// Television of high definition.
    Bt709,
    /// Television of ultra high definition, non-constant luminance.
    Bt2020,
}

impl Matrix {
    fn red_and_blue(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// Bits of a coefficient after the point.
const BITS: u32 = 12;
/// Bits of a sample after the point.
pub(crate) const SAMPLE_BITS: u32 = 8;

/// How samples are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    black: i32,
    bright: i32,
    red_of_red: i32,
    green_of_blue: i32,
    green_of_red: i32,
    blue_of_blue: i32,
}

impl Colour {
    /// `full`: samples use all of 0 to 255, not 16 to 235 (240).
    pub fn new(matrix: Matrix, full: bool) -> Self {
        let (red, blue) = matrix.red_and_blue();
        let green = 1.0 - red - blue;
        let (bright, colour) = if full { (1.0, 1.0) } else { (255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| (value * f64::from(1 << BITS)).round() as i32;
        Self {
            black: if full { 0 } else { 16 << SAMPLE_BITS },
            bright: fixed(bright),
            red_of_red: fixed(colour * 2.0 * (1.0 - red)),
            green_of_blue: fixed(colour * 2.0 * (1.0 - blue) * blue / green),
            green_of_red: fixed(colour * 2.0 * (1.0 - red) * red / green),
            blue_of_blue: fixed(colour * 2.0 * (1.0 - blue)),
        }
    }

    /// Red, green, blue of samples with [`SAMPLE_BITS`] bits after the point.
    pub(crate) fn rgb(&self, [bright, blue, red]: [u16; 3]) -> [u8; 3] {
        let grey = (i32::from(bright) - self.black) * self.bright;
        let (blue, red) = (i32::from(blue) - (128 << SAMPLE_BITS), i32::from(red) - (128 << SAMPLE_BITS));
        let level = |value: i32| {
            let rounded = (value + (1 << (BITS + SAMPLE_BITS - 1))) >> (BITS + SAMPLE_BITS);
            rounded.clamp(0, 255) as u8
        };
        [
            level(grey + self.red_of_red * red),
            level(grey - self.green_of_blue * blue - self.green_of_red * red),
            level(grey + self.blue_of_blue * blue),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: Colour, samples: [u8; 3]) -> [u8; 3] {
        colour.rgb(samples.map(|sample| u16::from(sample) << SAMPLE_BITS))
    }

    #[test]
    fn black_white_and_the_pure_colours_are_what_the_standards_say() {
        let television = Colour::new(Matrix::Bt709, false);
        assert_eq!(rgb(television, [16, 128, 128]), [0, 0, 0]);
        assert_eq!(rgb(television, [235, 128, 128]), [255, 255, 255]);
        assert_eq!(rgb(television, [0, 128, 128]), [0, 0, 0]);
        let near = |colour, samples, wanted: [u8; 3]| {
            let found = rgb(colour, samples);
            // The standards' colours are themselves rounded to whole levels.
            assert!(found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 1), "{found:?} {wanted:?}");
        };
        near(television, [63, 102, 240], [255, 0, 0]);
        near(television, [173, 42, 26], [0, 255, 0]);
        near(television, [32, 240, 118], [0, 0, 255]);
        near(Colour::new(Matrix::Bt601, false), [81, 90, 240], [255, 0, 0]);
        near(Colour::new(Matrix::Bt601, false), [145, 54, 34], [0, 255, 0]);
        near(Colour::new(Matrix::Bt2020, false), [73, 97, 240], [255, 0, 0]);
        let full = Colour::new(Matrix::Bt601, true);
        assert_eq!(rgb(full, [200, 128, 128]), [200, 200, 200]);
        near(full, [76, 85, 255], [255, 0, 0]);
    }
}

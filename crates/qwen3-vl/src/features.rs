//! What the decoder reads of one segment, and its form on disk.
//!
//! ```text
//! "TPF1" · u32 grid rows · u32 grid columns · u32 tokens · u32 hidden · u32 taps · values (f32) · 32 bytes BLAKE3
//! ```
//! Little-endian; the values are the merged tokens, then the taps, each `tokens × hidden`.

use candle_core::{DType, Device, Tensor};
use timeline::Timestamp;

use crate::error::{Error, Result};

const MAGIC: &[u8; 4] = b"TPF1";
const HEADER: usize = 24;
const HASH: usize = 32;

/// Merged tokens and DeepStack taps of one segment or image.
#[derive(Debug, Clone)]
pub struct SegmentFeatures {
    merged: Tensor,
    taps: Vec<Tensor>,
    grid: (usize, usize),
    /// Which of the grid's tokens there are, when not all.
    kept: Option<Vec<u32>>,
    /// When it is, once it is shown in a video.
    at: Option<Timestamp>,
}

impl SegmentFeatures {
    /// merged and every tap: [N, hidden] f32; grid: patches per column and row, `N = gh·gw / 4`.
    ///
    /// # Errors
    /// Shapes that do not belong together.
    pub fn new(merged: Tensor, taps: Vec<Tensor>, grid: (usize, usize)) -> Result<Self> {
        let (tokens, _) = merged.dims2()?;
        if tokens == 0 || tokens * 4 != grid.0 * grid.1 || taps.iter().any(|t| t.dims() != merged.dims()) {
            return Err(Error::Features(format!("{tokens} tokens do not fill a grid of {}×{}", grid.0, grid.1)));
        }
        Ok(Self { merged, taps, grid, kept: None, at: None })
    }

    /// Tokens the decoder reads: [N, hidden] f32.
    pub fn merged(&self) -> &Tensor {
        &self.merged
    }

    /// What is added after the first decoder layers: [N, hidden] f32 each.
    pub fn taps(&self) -> &[Tensor] {
        &self.taps
    }

    /// Patches per column and per row.
    pub fn grid(&self) -> (usize, usize) {
        self.grid
    }

    /// Only these tokens of all of them (row by row, ascending), at the positions they have.
    ///
    /// # Errors
    /// No token, tokens that are not there or do not ascend, and features that were pruned before.
    pub fn pruned(&self, kept: &[u32]) -> Result<Self> {
        let ascending = kept.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let there = kept.last().is_some_and(|&last| (last as usize) < self.tokens());
        if !ascending || !there || self.kept.is_some() {
            return Err(Error::Features(format!("{} of {} tokens cannot be kept", kept.len(), self.tokens())));
        }
        let index = Tensor::new(kept, self.merged.device())?;
        let merged = self.merged.index_select(&index, 0)?;
        let taps = self.taps.iter().map(|tap| Ok(tap.index_select(&index, 0)?)).collect::<Result<_>>()?;
        Ok(Self { merged, taps, grid: self.grid, kept: Some(kept.to_vec()), at: self.at })
    }

    /// The same in a video, where it is shown at this moment: what a trained time pointer goes by. The stamp in the text says
    /// it to the decoder.
    #[must_use]
    pub fn shown_at(&self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self.clone() }
    }

    /// When it is shown, if that was said.
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Which of the grid's tokens there are, ascending; `None` when all are.
    pub fn kept(&self) -> Option<&[u32]> {
        self.kept.as_deref()
    }

    /// Tokens in the prompt.
    pub fn tokens(&self) -> usize {
        self.kept.as_ref().map_or(self.grid.0 * self.grid.1 / 4, Vec::len)
    }

    /// The stored form. Bit-exact for f32 features.
    ///
    /// # Errors
    /// A device that cannot be read; features that were pruned, which is never final.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.kept.is_some() {
            return Err(Error::Features("pruned features are not stored".into()));
        }
        let (tokens, hidden) = self.merged.dims2()?;
        let mut bytes = Vec::with_capacity(HEADER + HASH + (1 + self.taps.len()) * tokens * hidden * 4);
        bytes.extend_from_slice(MAGIC);
        for n in [self.grid.0, self.grid.1, tokens, hidden, self.taps.len()] {
            bytes.extend_from_slice(&(n as u32).to_le_bytes());
        }
        for tensor in std::iter::once(&self.merged).chain(&self.taps) {
            for value in tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()? {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, onto the CPU. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// Bytes of another version, cut off or changed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let broken = |what: &str| Error::Features(what.into());
        let Some((body, hash)) = bytes.len().checked_sub(HASH).and_then(|at| bytes.split_at_checked(at)) else {
            return Err(broken("they are too short"));
        };
        let Some((header, values)) = body.split_at_checked(HEADER) else { return Err(broken("they are too short")) };
        let Some((magic, numbers)) = header.split_at_checked(4) else { return Err(broken("they are too short")) };
        if magic != MAGIC {
            return Err(broken("they were written by another version"));
        }
        if blake3::hash(body).as_bytes() != hash {
            return Err(broken("they were damaged"));
        }
        let mut numbers = numbers.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b) as usize);
        let mut next = || numbers.next().ok_or_else(|| broken("they are too short"));
        let (rows, columns, tokens, hidden, taps) = (next()?, next()?, next()?, next()?, next()?);
        let each = tokens.checked_mul(hidden).ok_or_else(|| broken("they claim an impossible size"))?;
        let total = each.checked_mul(taps.saturating_add(1)).and_then(|n| n.checked_mul(4));
        if each == 0 || total != Some(values.len()) || rows.checked_mul(columns).is_none() {
            return Err(broken("their length does not fit their header"));
        }
        let mut tensors = values.chunks_exact(each * 4).map(|part| {
            let values: Vec<f32> = part.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            Ok(Tensor::from_vec(values, (tokens, hidden), &Device::Cpu)?)
        });
        let merged = tensors.next().ok_or_else(|| broken("they hold nothing"))??;
        Self::new(merged, tensors.collect::<Result<_>>()?, (rows, columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features() -> Result<SegmentFeatures> {
        let tensor = || Tensor::randn(0.0_f32, 1.0, (6, 5), &Device::Cpu);
        SegmentFeatures::new(tensor()?, vec![tensor()?, tensor()?], (4, 6))
    }

    #[test]
    fn features_survive_the_disk_bit_for_bit() -> Result<()> {
        let before = features()?;
        let bytes = before.to_bytes()?;
        let after = SegmentFeatures::from_bytes(&bytes)?;
        assert_eq!(after.grid(), (4, 6));
        assert_eq!(after.merged().to_vec2::<f32>()?, before.merged().to_vec2::<f32>()?);
        assert_eq!(after.to_bytes()?, bytes);
        Ok(())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(SegmentFeatures::from_bytes(&bytes).is_err());
            let mut sealed = [MAGIC.as_slice(), &bytes].concat();
            let hash = blake3::hash(&sealed);
            sealed.extend_from_slice(hash.as_bytes());
            let _ = SegmentFeatures::from_bytes(&sealed);
        }

        #[test]
        fn a_changed_byte_is_noticed(at in 0_usize..400, bit in 0_u8..8) {
            let Ok(mut bytes) = features().and_then(|f| f.to_bytes()) else { return Err(TestCaseError::fail("setup")) };
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(SegmentFeatures::from_bytes(&bytes).is_err());
        }
    }
}

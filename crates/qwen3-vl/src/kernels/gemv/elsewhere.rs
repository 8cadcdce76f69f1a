//! Products with a few rows of activations on processors without AVX-512: none of this module's own.

use candle_core::quantized::GgmlDType;

pub(crate) fn float<E>(_: &[f32], _: &[E], _: usize) -> Option<Vec<f32>> {
    None
}

pub(crate) fn quantised(_: &[f32], _: &[u8], _: GgmlDType, _: usize) -> Option<Vec<f32>> {
    None
}

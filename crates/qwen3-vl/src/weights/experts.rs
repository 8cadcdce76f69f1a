//! The experts of a mixture, in each of the forms they are published in.
//!
//! * fused, as Qwen's own files and transformers 4 have them: `gate_up_proj` [E, hidden, 2·inner], `down_proj`
//!   [E, inner, hidden] — inputs first, so transposed here;
//! * fused with outputs first: [E, 2·inner, hidden], [E, hidden, inner];
//! * stacked by matrix (GGUF): `gate_proj`, `up_proj` [E, inner, hidden], `down_proj` [E, hidden, inner];
//! * one by one: `{i}.gate_proj.weight` [inner, hidden] and so on.

use candle_core::Tensor;

use super::names::TEXT;
use super::{Stored, Weights};
use crate::error::{Error, Result};
use crate::kernels::linear::{Linear, Weight};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    FusedInputsFirst,
    FusedOutputsFirst,
    Stacked,
    OneByOne,
}

/// The experts of one layer in the files.
pub(crate) struct Experts<'a> {
    weights: &'a Weights,
    /// Name before the parts.
    name: String,
    layout: Layout,
    count: usize,
    hidden: usize,
    inner: usize,
}

/// The layout of fused experts by their shapes, [rows, columns] each. Where one of the two is square, the other is not.
fn fused(gate_up: [usize; 2], down: [usize; 2], hidden: usize, inner: usize) -> Option<Layout> {
    if gate_up == [hidden, 2 * inner] && down == [inner, hidden] {
        return Some(Layout::FusedInputsFirst);
    }
    (gate_up == [2 * inner, hidden] && down == [hidden, inner]).then_some(Layout::FusedOutputsFirst)
}

impl Weights {
    /// The experts under `model.language_model.{name}`. sizes: [experts, hidden, inner]
    pub(crate) fn experts(&self, name: &str, sizes: [usize; 3]) -> Result<Experts<'_>> {
        let [count, hidden, inner] = sizes;
        let name = format!("{TEXT}{name}");
        let shape = |part: &str| self.source.shape(&format!("{name}.{part}"));
        let layout = match (shape("gate_up_proj"), shape("down_proj")) {
            (Some(gate_up), Some(down)) => match (gate_up.as_slice(), down.as_slice()) {
                (&[e, a, b], &[f, c, d]) if e == count && f == count => fused([a, b], [c, d], hidden, inner),
                _ => None,
            }
            .ok_or_else(|| Error::TensorShape {
                name: format!("{name}.gate_up_proj"),
                found: gate_up,
                expected: vec![count, hidden, 2 * inner],
            })?,
            _ if shape("gate_proj").is_some() => Layout::Stacked,
            _ => Layout::OneByOne,
        };
        Ok(Experts { weights: self, name, layout, count, hidden, inner })
    }
}

impl Experts<'_> {
    /// Gate and up projection, and down projection, of one expert.
    pub(crate) fn expert(&self, i: usize) -> Result<(Vec<Linear>, Vec<Linear>)> {
        let (hidden, inner) = (self.hidden, self.inner);
        let (gate_up, down) = match self.layout {
            Layout::FusedInputsFirst => {
                let gate_up = self.part("gate_up_proj", i, [hidden, 2 * inner], true)?;
                (vec![gate_up], self.part("down_proj", i, [inner, hidden], true)?)
            }
            Layout::FusedOutputsFirst => {
                let gate_up = self.part("gate_up_proj", i, [2 * inner, hidden], false)?;
                (vec![gate_up], self.part("down_proj", i, [hidden, inner], false)?)
            }
            Layout::Stacked => {
                let part = |name| self.part(name, i, [inner, hidden], false);
                (vec![part("gate_proj")?, part("up_proj")?], self.part("down_proj", i, [hidden, inner], false)?)
            }
            Layout::OneByOne => {
                let part = |name: &str, shape| self.weights.matrix(&format!("{}.{i}.{name}.weight", self.name), shape);
                let gate_up = vec![part("gate_proj", [inner, hidden])?, part("up_proj", [inner, hidden])?];
                (gate_up, part("down_proj", [hidden, inner])?)
            }
        };
        Ok((self.weights.stacked(gate_up)?, self.weights.stacked(vec![down])?))
    }

    /// Matrix `i` of a tensor of matrices of `shape`.
    fn part(&self, part: &str, i: usize, shape: [usize; 2], transposed: bool) -> Result<Weight> {
        let name = format!("{}.{part}", self.name);
        self.weights.check(&name, &[self.count, shape[0], shape[1]])?;
        let stored = match self.weights.source.read(&name, Some(i))? {
            Stored::Tensor(matrix) if transposed => Stored::Tensor(transpose(&matrix)?),
            stored => stored,
        };
        let weight = self.weights.convert(stored, self.weights.plan.decoder)?;
        self.weights.count(&name, &weight);
        Ok(weight)
    }
}

fn transpose(matrix: &Tensor) -> Result<Tensor> {
    Ok(matrix.t()?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_seen_in_the_shapes_even_where_one_matrix_is_square() {
        use Layout::{FusedInputsFirst, FusedOutputsFirst};
        assert_eq!(fused([2048, 1536], [768, 2048], 2048, 768), Some(FusedInputsFirst));
        assert_eq!(fused([1536, 2048], [2048, 768], 2048, 768), Some(FusedOutputsFirst));
        assert_eq!(fused([64, 64], [32, 64], 64, 32), Some(FusedInputsFirst));
        assert_eq!(fused([64, 64], [64, 32], 64, 32), Some(FusedOutputsFirst));
        assert_eq!(fused([128, 64], [64, 64], 64, 64), Some(FusedOutputsFirst));
        assert_eq!(fused([64, 128], [64, 32], 64, 64), None);
    }
}

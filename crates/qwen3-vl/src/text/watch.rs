//! Looking on while the decoder reads: for scores of every token and for comparison with another implementation.

use candle_core::Tensor;

use crate::error::Result;
use crate::positions::Position;

/// Is shown what comes out of the decoder, chunk by chunk. `()` looks at nothing.
pub(crate) trait Watch: Send {
    /// Positions of a chunk and its embeddings, segments in their places: [L, hidden].
    fn embedded(&mut self, _positions: &[Position], _hidden: &Tensor) -> Result<()> {
        Ok(())
    }

    /// What leaves decoder layer `index`, its DeepStack tap added: [L, hidden].
    fn layer(&mut self, _index: usize, _hidden: &Tensor) -> Result<()> {
        Ok(())
    }

    /// What leaves the last layer, before the final norm: [L, hidden]. The last call of a chunk.
    fn hidden(&mut self, _hidden: &Tensor) -> Result<()> {
        Ok(())
    }
}

impl Watch for () {}

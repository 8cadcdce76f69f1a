//! The embedding table: rows are looked up in whatever the table is kept in, so that a tied output projection shares it.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::kernels::linear::Weight;

pub(super) struct Embedding {
    table: Weight,
    dtype: DType,
}

impl Embedding {
    /// table: [vocab, hidden]; dtype: what rows are given in.
    pub(super) fn new(table: Weight, dtype: DType) -> Self {
        Self { table, dtype }
    }

    /// The table itself, shared.
    pub(super) fn table(&self) -> Weight {
        self.table.clone()
    }

    /// ids: [L] u32 → [L, hidden].
    pub(super) fn rows(&self, ids: &Tensor) -> Result<Tensor> {
        let rows = match &self.table {
            Weight::Tensor(table) => table.index_select(ids, 0)?,
            Weight::Quantised(table) => table.embedding(ids)?,
        };
        Ok(rows.to_dtype(self.dtype)?)
    }
}

//! Keys and values of a session: shared, frozen blocks, then a growing tail of its own.
//!
//! A fork freezes the tail as a view and starts an empty one, so the prefix of a video is held once however many questions
//! continue it. Writing behind a frozen view is harmless: views never see past their own length.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::kernels::attention::KeyValues;
use crate::kernels::attention::kept::{Form, Kept};

/// Shape of one layer's cache.
#[derive(Debug, Clone)]
pub(crate) struct CacheShape {
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) dim: usize,
    pub(crate) device: Device,
    pub(crate) form: Form,
}

impl CacheShape {
    /// Bytes of one token.
    fn token_bytes(&self) -> usize {
        2 * self.layers * self.heads * self.form.bytes(self.dim)
    }
}

/// Frozen keys and values of a run of tokens, one pair per layer.
#[derive(Debug)]
struct Block {
    layers: Vec<KeyValues>,
}

/// Tail: [Hkv, capacity, D] per layer, of which the first `length` are written.
#[derive(Debug, Clone)]
pub(crate) struct KvCache {
    shape: CacheShape,
    blocks: Vec<Arc<Block>>,
    frozen: usize,
    tail: Vec<KeyValues>,
    length: usize,
    capacity: usize,
}

impl KvCache {
    pub(crate) fn new(shape: CacheShape) -> Self {
        Self { shape, blocks: Vec::new(), frozen: 0, tail: Vec::new(), length: 0, capacity: 0 }
    }

    /// Tokens held.
    pub(crate) fn len(&self) -> usize {
        self.frozen + self.length
    }

    /// Bytes of the keys and values of one token.
    pub(crate) fn token_bytes(&self) -> usize {
        self.shape.token_bytes()
    }

    /// Bytes of the blocks (shared or not) and the tail's capacity.
    pub(crate) fn bytes(&self) -> usize {
        (self.frozen + self.capacity) * self.shape.token_bytes()
    }

    /// Bytes that a drop would free if every block is shared with another session.
    pub(crate) fn own_bytes(&self) -> usize {
        self.capacity * self.shape.token_bytes()
    }

    /// Makes room for `tokens` more in the tail; a growing tail doubles.
    pub(crate) fn reserve(&mut self, tokens: usize) -> Result<()> {
        let needed = self.length + tokens;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.max(if self.length == 0 { 64 } else { self.capacity * 2 }).next_multiple_of(16);
        let CacheShape { layers, heads, dim, device, form } = &self.shape;
        let mut grown = Vec::with_capacity(*layers);
        for layer in 0..*layers {
            let empty = || Kept::zeros(*form, (*heads, capacity, *dim), device);
            let pair = KeyValues { key: empty()?, value: empty()? };
            if let (Some(old), true) = (self.tail.get(layer), self.length > 0) {
                pair.key.copy(&old.key.narrow(0, self.length)?, 0)?;
                pair.value.copy(&old.value.narrow(0, self.length)?, 0)?;
            }
            grown.push(pair);
        }
        self.tail = grown;
        self.capacity = capacity;
        Ok(())
    }

    /// Writes the keys and values of the tokens after [`len`](Self::len) for one layer and returns everything that layer
    /// sees, oldest first. key, value: [Hkv, L, D] contiguous; room must have been reserved.
    pub(crate) fn append(&self, layer: usize, key: &Tensor, value: &Tensor) -> Result<Vec<KeyValues>> {
        let added = key.dim(1)?;
        let tail = self
            .tail
            .get(layer)
            .ok_or_else(|| candle_core::Error::Msg("the cache was not reserved for this layer".into()))?;
        tail.key.write(key, self.length)?;
        tail.value.write(value, self.length)?;
        self.view(layer, self.length + added)
    }

    /// What one layer holds, the tail cut to `length`.
    fn view(&self, layer: usize, length: usize) -> Result<Vec<KeyValues>> {
        let mut all: Vec<KeyValues> = self.blocks.iter().filter_map(|b| b.layers.get(layer).cloned()).collect();
        if let (Some(tail), true) = (self.tail.get(layer), length > 0) {
            all.push(KeyValues { key: tail.key.narrow(0, length)?, value: tail.value.narrow(0, length)? });
        }
        Ok(all)
    }

    /// Everything one layer holds, oldest first: [Hkv, S_b, D] each.
    pub(crate) fn layer(&self, layer: usize) -> Result<Vec<KeyValues>> {
        self.view(layer, self.length)
    }

    /// Declares the tokens written since the last call as held.
    pub(crate) fn commit(&mut self, tokens: usize) {
        self.length += tokens;
    }

    /// Forgets the last tokens of the tail, down to `length` tokens in all (never into the frozen blocks).
    pub(crate) fn rewind(&mut self, length: usize) {
        self.length = length.saturating_sub(self.frozen).min(self.length);
    }

    /// A cache that continues after the same tokens without copying them.
    pub(crate) fn fork(&self) -> Result<Self> {
        let mut blocks = self.blocks.clone();
        if self.length > 0 {
            let layers: Result<Vec<_>> = (0..self.tail.len())
                .map(|layer| {
                    self.tail
                        .get(layer)
                        .map(|t| -> Result<KeyValues> {
                            Ok(KeyValues { key: t.key.narrow(0, self.length)?, value: t.value.narrow(0, self.length)? })
                        })
                        .unwrap_or_else(|| Err(candle_core::Error::Msg("an empty tail".into()).into()))
                })
                .collect();
            blocks.push(Arc::new(Block { layers: layers? }));
        }
        Ok(Self { blocks, frozen: self.len(), tail: Vec::new(), length: 0, capacity: 0, shape: self.shape.clone() })
    }
}

//! Finds the stamp that stands before a segment.

use crate::error::Result;
use crate::tokenizer::Tokenizer;

/// Token ids that stamps are made of, to find a segment's stamp in the prompt.
pub(crate) struct StampIds {
    first: Option<u32>,
    all: Vec<u32>,
}

impl StampIds {
    /// Of this tokenizer.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Self> {
        let mut all = Vec::new();
        for digit in 0..10 {
            all.extend(tokenizer.encode(&format!("<{digit}{digit}.{digit} seconds>"))?);
        }
        Ok(Self { first: all.first().copied(), all })
    }

    /// Where the stamp before row `at` begins: `at` itself when there is none.
    pub(crate) fn start(&self, ids: &[u32], at: usize) -> usize {
        let before = ids.get(..at).unwrap_or(&[]);
        for (i, id) in before.iter().enumerate().rev().take(16) {
            if Some(*id) == self.first {
                return i;
            }
            if !self.all.contains(id) {
                break;
            }
        }
        at
    }
}

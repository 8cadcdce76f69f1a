//! What a conversation has read so far: keys and values, where the next token stands, and where its segments lie.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use candle_core::Tensor;

use crate::error::Result;
use crate::positions::Cursor;
use crate::text::kv_cache::KvCache;
use crate::time_pointer::{Prepared, Seen};
use crate::window::Window;

/// A prompt in progress. [`fork`](Self::fork) it to ask several questions about one video.
#[derive(Debug)]
pub struct Session {
    pub(crate) window: Window,
    pub(crate) cache: KvCache,
    pub(crate) cursor: Cursor,
    /// Every token read; pads at visual rows.
    pub(crate) ids: Vec<u32>,
    /// Tokens of each segment in order: stamp, delimiters and visual tokens.
    pub(crate) segments: Vec<Range<usize>>,
    /// What a trained time pointer sees of each; none of images.
    pub(crate) seen: Vec<Option<Seen>>,
    /// What it computes of them once; none when it sees nothing.
    pub(crate) prepared: OnceLock<Option<Arc<Prepared>>>,
    /// Hidden state of the last token, before the final norm: [1, hidden]
    pub(crate) last: Option<Tensor>,
    /// Of the last token, what leaves the layer that a trained time pointer reads: [1, hidden]
    pub(crate) state: Option<Tensor>,
    /// The pointer head's query of the last token.
    pub(crate) pointer_query: Option<Tensor>,
}

/// What a call that is undone restores.
pub(crate) struct Mark {
    length: usize,
    segments: usize,
    /// End of the last segment, which a closing delimiter may have moved.
    segment_end: Option<usize>,
    cursor: Cursor,
    last: Option<Tensor>,
    state: Option<Tensor>,
    pointer_query: Option<Tensor>,
}

impl Session {
    pub(crate) fn new(cache: KvCache, window: Window) -> Self {
        Self {
            window,
            cache,
            cursor: Cursor::default(),
            ids: Vec::new(),
            segments: Vec::new(),
            seen: Vec::new(),
            prepared: OnceLock::new(),
            last: None,
            state: None,
            pointer_query: None,
        }
    }

    /// A session that continues after the same tokens. Keys and values are shared, not copied.
    ///
    /// # Errors
    /// A device that fails.
    pub fn fork(&self) -> Result<Self> {
        Ok(Self {
            window: self.window,
            cache: self.cache.fork()?,
            cursor: self.cursor,
            ids: self.ids.clone(),
            segments: self.segments.clone(),
            seen: self.seen.clone(),
            prepared: self.prepared.clone(),
            last: self.last.clone(),
            state: self.state.clone(),
            pointer_query: self.pointer_query.clone(),
        })
    }

    /// How far its positions may go.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Tokens read.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Ids of the tokens read, pads at visual rows.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Segments (and images) read.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Bytes of keys and values, shared ones included.
    pub fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Bytes of keys and values that only this session holds since its last fork.
    pub fn own_bytes(&self) -> usize {
        self.cache.own_bytes()
    }

    /// Bytes of keys and values of one token.
    pub fn token_bytes(&self) -> usize {
        self.cache.token_bytes()
    }

    /// Makes room for `tokens` more at once, so that keys and values are not moved while they grow.
    ///
    /// # Errors
    /// A device without memory for them.
    pub fn reserve(&mut self, tokens: usize) -> Result<()> {
        self.cache.reserve(tokens)
    }

    /// Next position minus tokens read: `rope_delta` of the reference.
    pub fn rope_delta(&self) -> i64 {
        self.cursor.delta(self.ids.len())
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            length: self.ids.len(),
            segments: self.segments.len(),
            segment_end: self.segments.last().map(|s| s.end),
            cursor: self.cursor,
            last: self.last.clone(),
            state: self.state.clone(),
            pointer_query: self.pointer_query.clone(),
        }
    }

    pub(crate) fn restore(&mut self, mark: Mark) {
        self.cache.rewind(mark.length);
        self.ids.truncate(mark.length);
        if self.segments.len() > mark.segments {
            self.segments.truncate(mark.segments);
            self.seen.truncate(mark.segments);
            self.prepared = OnceLock::new();
        }
        if let (Some(last), Some(end)) = (self.segments.last_mut(), mark.segment_end) {
            last.end = end;
        }
        self.cursor = mark.cursor;
        self.last = mark.last;
        self.state = mark.state;
        self.pointer_query = mark.pointer_query;
    }
}

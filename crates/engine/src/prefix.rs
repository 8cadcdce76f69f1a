//! Conversations kept per video, so that a further question costs its own tokens only. Bounded in number and in memory;
//! the longest unused goes first.

use std::collections::HashMap;

use timeline::resize::Size;
use timeline::{Span, VideoId};

use crate::backend::Conversation;

/// A conversation that has been shown segments and asked nothing yet.
pub(crate) struct Kept {
    pub(crate) conversation: Box<dyn Conversation>,
    /// What it was shown, in order.
    pub(crate) shown: Vec<Span>,
    /// At which size.
    pub(crate) size: Size,
}

/// Kept conversations by video.
pub(crate) struct Prefixes {
    videos: usize,
    bytes: u64,
    clock: u64,
    kept: HashMap<VideoId, (u64, Kept)>,
}

impl Prefixes {
    pub(crate) fn new(videos: u32, bytes: u64) -> Self {
        Self { videos: usize::try_from(videos).unwrap_or(usize::MAX), bytes, clock: 0, kept: HashMap::new() }
    }

    /// Takes the conversation of a video if all it was shown is the beginning of `wanted`; one that was shown other
    /// segments is dropped.
    pub(crate) fn take(&mut self, video: &VideoId, wanted: &[Span], size: Size) -> Option<Kept> {
        let (_, kept) = self.kept.remove(video)?;
        (kept.size == size && wanted.starts_with(&kept.shown)).then_some(kept)
    }

    /// Keeps a conversation.
    pub(crate) fn put(&mut self, video: &VideoId, kept: Kept) {
        self.clock += 1;
        self.kept.insert(video.clone(), (self.clock, kept));
        while self.kept.len() > self.videos || self.bytes_held() > self.bytes {
            let oldest = self.kept.iter().min_by_key(|(_, (used, _))| *used).map(|(video, _)| video.clone());
            let Some(oldest) = oldest else { break };
            self.kept.remove(&oldest);
        }
    }

    /// Drops what is kept of a video.
    pub(crate) fn forget(&mut self, video: &VideoId) {
        self.kept.remove(video);
    }

    fn bytes_held(&self) -> u64 {
        self.kept.values().map(|(_, kept)| kept.conversation.bytes()).sum()
    }
}

//! What was shown of videos, kept as a tree, so that nothing is shown to the model twice.
//!
//! A node is a conversation that was shown the segments on the way to it and asked nothing; the keys and values of its
//! ancestors are shared with it, never copied, so a node costs its own edge only. Paths of one video seen at one size
//! share what they have in common from the beginning; whatever differs (thinned, without stills, another size, other
//! subtitles) branches.
//! Bounded in bytes and in videos: the longest unused leaf goes first, never one that an answer stands on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use qwen3_vl::Window;
use timeline::resize::Size;
use timeline::{Span, VideoId};

/// What paths have to agree in before their segments are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Root {
    pub(crate) video: VideoId,
    /// At which size its frames are seen.
    pub(crate) size: Size,
    /// How positions turn: keys of one window are nothing to the other.
    pub(crate) window: Window,
}

/// A segment as it is compared with what was shown: its frames by their times, and what is read with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) span: Span,
    pub(crate) stamp: Arc<str>,
    pub(crate) caption: Arc<str>,
}

/// Names a node; never used again for another.
pub(crate) type NodeId = u64;

#[derive(Debug)]
struct Node<C> {
    root: Root,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    /// What was shown after the parent's segments.
    edge: Vec<Step>,
    conversation: C,
    /// Memory of the edge.
    bytes: u64,
    used: u64,
    /// Answers that stand on this node.
    pins: u32,
    /// The video was deleted: not to be found any more.
    forgotten: bool,
}

/// Conversations of type `C` by what they were shown.
#[derive(Debug)]
pub(crate) struct PrefixTree<C> {
    videos: usize,
    limit: u64,
    clock: NodeId,
    bytes: u64,
    roots: HashMap<Root, Vec<NodeId>>,
    nodes: HashMap<NodeId, Node<C>>,
}

impl<C> PrefixTree<C> {
    /// A tree of at most `videos` videos and, as far as no answer stands on more, `limit` bytes.
    pub(crate) fn new(videos: u32, limit: u64) -> Self {
        let videos = usize::try_from(videos).unwrap_or(usize::MAX);
        Self { videos, limit, clock: 0, bytes: 0, roots: HashMap::new(), nodes: HashMap::new() }
    }

    /// Bytes the tree and what answers hold beside it may take.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes of all nodes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The node that was shown the longest beginning of `wanted`, and how many segments that is. Counts as a use.
    pub(crate) fn find(&mut self, root: &Root, wanted: &[Step]) -> Option<(NodeId, usize)> {
        let (node, shown) = self.deepest(self.roots.get(root)?, wanted)?;
        self.touch(node);
        Some((node, shown))
    }

    fn deepest(&self, among: &[NodeId], wanted: &[Step]) -> Option<(NodeId, usize)> {
        let fitting = among.iter().filter_map(|id| {
            let node = self.nodes.get(id)?;
            let rest = wanted.strip_prefix(node.edge.as_slice())?;
            let (deepest, more) = self.deepest(&node.children, rest).unwrap_or((*id, 0));
            Some((deepest, node.edge.len() + more))
        });
        fitting.max_by_key(|(_, shown)| *shown)
    }

    /// The conversation of a node.
    pub(crate) fn conversation(&self, node: NodeId) -> Option<&C> {
        self.nodes.get(&node).map(|node| &node.conversation)
    }

    /// Keeps a conversation that was shown `edge` after what `parent` was shown. When that is there already, the one that
    /// is there stays.
    pub(crate) fn grow(
        &mut self,
        parent: Option<NodeId>,
        root: &Root,
        edge: &[Step],
        conversation: C,
        bytes: u64,
    ) -> NodeId {
        let parent = parent.filter(|id| self.nodes.contains_key(id));
        let siblings = match parent.and_then(|id| self.nodes.get(&id)) {
            Some(node) => Some(&node.children),
            None => self.roots.get(root),
        };
        let same = |id: &&NodeId| self.nodes.get(id).is_some_and(|node| node.edge == edge);
        if let Some(&there) = siblings.and_then(|ids| ids.iter().find(same)) {
            self.touch(there);
            return there;
        }
        self.clock += 1;
        let id = self.clock;
        let forgotten = match parent.and_then(|id| self.nodes.get_mut(&id)) {
            Some(node) => {
                node.children.push(id);
                node.forgotten
            }
            None => {
                self.roots.entry(root.clone()).or_default().push(id);
                false
            }
        };
        let (root, edge, children) = (root.clone(), edge.to_vec(), Vec::new());
        let node = Node { root, parent, children, edge, conversation, bytes, used: id, pins: 0, forgotten };
        self.nodes.insert(id, node);
        self.bytes += bytes;
        id
    }

    /// Keeps a node, and with it the way to it, until it is [released](Self::release).
    pub(crate) fn pin(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.pins += 1;
        }
    }

    /// Takes back one [`pin`](Self::pin).
    pub(crate) fn release(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.pins = node.pins.saturating_sub(1);
        }
        self.sweep();
    }

    /// Bytes of the nodes that answers stand on, the way to them included.
    pub(crate) fn pinned_bytes(&self) -> u64 {
        let mut held = HashSet::new();
        for (&id, _) in self.nodes.iter().filter(|(_, node)| node.pins > 0) {
            let mut next = Some(id);
            while let Some(id) = next.filter(|id| held.insert(*id)) {
                next = self.nodes.get(&id).and_then(|node| node.parent);
            }
        }
        held.iter().filter_map(|id| self.nodes.get(id)).map(|node| node.bytes).sum()
    }

    /// Lets nodes go until the tree and `beside` it fit, as far as nobody stands on them.
    pub(crate) fn make_room(&mut self, beside: u64) {
        while let Some(video) = self.surplus_video() {
            self.evict_while(|node| node.root.video == video, |_| true);
        }
        self.evict_while(|_| true, |tree| tree.bytes.saturating_add(beside) > tree.limit);
    }

    /// Lets everything go that nobody stands on; returns the bytes.
    pub(crate) fn shed(&mut self) -> u64 {
        let before = self.bytes;
        self.evict_while(|_| true, |_| true);
        before - self.bytes
    }

    /// Lets go what is kept of a video; what an answer stands on as soon as it has ended.
    pub(crate) fn forget(&mut self, video: &VideoId) {
        for node in self.nodes.values_mut().filter(|node| node.root.video == *video) {
            node.forgotten = true;
        }
        self.roots.retain(|root, _| root.video != *video);
        self.sweep();
    }

    fn sweep(&mut self) {
        self.evict_while(|node| node.forgotten, |_| true);
    }

    /// Evicts the longest unused leaf of those `eligible`, again and again, as long as it is `wanted`.
    fn evict_while(&mut self, eligible: impl Fn(&Node<C>) -> bool, wanted: impl Fn(&Self) -> bool) {
        while wanted(self) {
            let leaves = self.nodes.iter().filter(|(_, n)| n.children.is_empty() && n.pins == 0 && eligible(n));
            let Some(id) = leaves.min_by_key(|(_, node)| node.used).map(|(id, _)| *id) else { return };
            self.remove(id);
        }
    }

    /// With too many videos, the longest unused one that nobody stands on.
    fn surplus_video(&self) -> Option<VideoId> {
        let mut used: HashMap<&VideoId, (u64, u32)> = HashMap::new();
        for node in self.nodes.values().filter(|node| !node.forgotten) {
            let (last, pins) = used.entry(&node.root.video).or_default();
            *last = node.used.max(*last);
            *pins += node.pins;
        }
        if used.len() <= self.videos {
            return None;
        }
        let free = used.into_iter().filter(|(_, (_, pins))| *pins == 0);
        free.min_by_key(|(_, (last, _))| *last).map(|(video, _)| video.clone())
    }

    /// The way to a node was used.
    fn touch(&mut self, node: NodeId) {
        self.clock += 1;
        let mut next = Some(node);
        while let Some(node) = next.and_then(|id| self.nodes.get_mut(&id)) {
            node.used = self.clock;
            next = node.parent;
        }
    }

    fn remove(&mut self, id: NodeId) {
        let Some(node) = self.nodes.remove(&id) else { return };
        self.bytes -= node.bytes;
        if let Some(parent) = node.parent.and_then(|id| self.nodes.get_mut(&id)) {
            parent.children.retain(|child| *child != id);
        } else if let Some(beginnings) = self.roots.get_mut(&node.root) {
            beginnings.retain(|child| *child != id);
            if beginnings.is_empty() {
                self.roots.remove(&node.root);
            }
        }
    }
}

//! The prefix tree against a list that is searched from end to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use qwen3_vl::Window;
use timeline::resize::Size;
use timeline::{Span, Timestamp, VideoId};

use crate::prefix::{NodeId, PrefixTree, Root, Step};

fn segment(n: u8) -> Step {
    Step { span: Span::at(Timestamp::from_millis(i64::from(n))), stamp: "".into(), caption: "".into() }
}

fn segments(path: &[u8]) -> Vec<Step> {
    path.iter().map(|n| segment(*n)).collect()
}

fn root(video: u8, size: u8) -> Root {
    let size = Size { height: 32 * (1 + u32::from(size)), width: 64 };
    Root { video: VideoId(video.to_string()), size, window: Window::Native }
}

/// What a conversation was shown, counting the bytes of those that live.
#[derive(Debug)]
struct Memory {
    path: Vec<Step>,
    bytes: u64,
    alive: Arc<AtomicU64>,
}

impl Memory {
    fn new(path: Vec<Step>, bytes: u64, alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(bytes, Ordering::SeqCst);
        Self { path, bytes, alive: Arc::clone(alive) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// A node as the list has it.
#[derive(Debug)]
struct Listed {
    id: NodeId,
    parent: Option<NodeId>,
    root: Root,
    path: Vec<Step>,
    bytes: u64,
    used: u64,
    pins: u32,
    forgotten: bool,
}

#[derive(Debug, Clone)]
enum Deed {
    /// Wants a path; keeps up to so many segments of what is missing, of so many bytes.
    Show {
        video: u8,
        size: u8,
        wanted: Vec<u8>,
        keep: usize,
        bytes: u64,
    },
    Pin(usize),
    Release(usize),
    MakeRoom(u64),
    Shed,
    Forget(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    // Two of three segments at every place: paths meet and part often.
    let wanted = prop::collection::vec(0..2_u8, 1..8);
    let show = (0..3_u8, 0..2_u8, wanted, 1..4_usize, 1..50_u64)
        .prop_map(|(video, size, wanted, keep, bytes)| Deed::Show { video, size, wanted, keep, bytes });
    prop_oneof![
        8 => show,
        2 => (0..20_usize).prop_map(Deed::Pin),
        2 => (0..20_usize).prop_map(Deed::Release),
        2 => (0..200_u64).prop_map(Deed::MakeRoom),
        1 => Just(Deed::Shed),
        1 => (0..3_u8).prop_map(Deed::Forget),
    ]
}

const LIMIT: u64 = 200;
const VIDEOS: u32 = 2;

struct Both {
    tree: PrefixTree<Memory>,
    list: Vec<Listed>,
    clock: u64,
    alive: Arc<AtomicU64>,
}

impl Both {
    fn new() -> Self {
        Self { tree: PrefixTree::new(VIDEOS, LIMIT), list: Vec::new(), clock: 0, alive: Arc::default() }
    }

    fn listed_bytes(&self) -> u64 {
        self.list.iter().map(|n| n.bytes).sum()
    }

    /// The longest unused leaf nobody stands on goes, as long as `wanted`.
    fn evict(&mut self, eligible: impl Fn(&Listed) -> bool, wanted: impl Fn(u64) -> bool) {
        while wanted(self.listed_bytes()) {
            let is_leaf = |n: &Listed| self.list.iter().all(|other| other.parent != Some(n.id));
            let leaves = self.list.iter().filter(|n| n.pins == 0 && eligible(n) && is_leaf(n));
            let Some(id) = leaves.min_by_key(|n| n.used).map(|n| n.id) else { return };
            self.list.retain(|n| n.id != id);
        }
    }

    fn surplus(&self) -> Option<VideoId> {
        let mut videos: Vec<VideoId> =
            self.list.iter().filter(|n| !n.forgotten).map(|n| n.root.video.clone()).collect();
        videos.sort();
        videos.dedup();
        if videos.len() <= VIDEOS as usize {
            return None;
        }
        let of = |video: &VideoId| {
            let video = video.clone();
            self.list.iter().filter(move |n| !n.forgotten && n.root.video == video)
        };
        videos.retain(|video| of(video).all(|n| n.pins == 0));
        videos.into_iter().min_by_key(|video| of(video).map(|n| n.used).max())
    }

    fn touch(&mut self, id: NodeId) {
        self.clock += 1;
        let mut next = Some(id);
        while let Some(node) = next.and_then(|id| self.list.iter_mut().find(|n| n.id == id)) {
            node.used = self.clock;
            next = node.parent;
        }
    }

    fn show(&mut self, root: &Root, wanted: &[Step], keep: usize, bytes: u64) {
        let fits = |n: &&Listed| !n.forgotten && n.root == *root && wanted.starts_with(&n.path);
        let longest = self.list.iter().filter(fits).map(|n| n.path.len()).max();
        let found = self.tree.find(root, wanted);
        assert_eq!(found.map(|(_, shown)| shown), longest);
        let (parent, shown) = found.map_or((None, 0), |(node, shown)| (Some(node), shown));
        if let Some(node) = parent {
            let memory = self.tree.conversation(node).unwrap();
            assert_eq!(memory.path, wanted[..shown], "never a beginning that was not shown");
            self.touch(node);
        }
        let end = (shown + keep).min(wanted.len());
        if end == shown {
            return;
        }
        let memory = Memory::new(wanted[..end].to_vec(), bytes, &self.alive);
        let id = self.tree.grow(parent, root, &wanted[shown..end], memory, bytes);
        self.clock += 1;
        let (root, path, used) = (root.clone(), wanted[..end].to_vec(), self.clock);
        self.list.push(Listed { id, parent, root, path, bytes, used, pins: 0, forgotten: false });
    }

    fn make_room(&mut self, beside: u64) {
        self.tree.make_room(beside);
        while let Some(video) = self.surplus() {
            self.evict(|n| n.root.video == video, |_| true);
        }
        self.evict(|_| true, |bytes| bytes + beside > LIMIT);
    }

    fn sweep(&mut self) {
        self.evict(|n| n.forgotten, |_| true);
    }

    fn apply(&mut self, deed: Deed) {
        match deed {
            Deed::Show { video, size, wanted, keep, bytes } => {
                // Each place has segments of its own, as a video's are in order of time.
                let wanted: Vec<u8> = (0_u8..).zip(&wanted).map(|(i, n)| 2 * i + n).collect();
                self.show(&root(video, size), &segments(&wanted), keep, bytes);
            }
            Deed::Pin(which) => {
                if let Some(node) = self.list.get_mut(which) {
                    node.pins += 1;
                    self.tree.pin(node.id);
                }
            }
            Deed::Release(which) => {
                if let Some(node) = self.list.get_mut(which).filter(|n| n.pins > 0) {
                    node.pins -= 1;
                    self.tree.release(node.id);
                    self.sweep();
                }
            }
            Deed::MakeRoom(beside) => self.make_room(beside),
            Deed::Shed => {
                let before = self.listed_bytes();
                let freed = self.tree.shed();
                self.evict(|_| true, |_| true);
                assert_eq!(freed, before - self.listed_bytes());
            }
            Deed::Forget(video) => {
                let video = VideoId(video.to_string());
                self.tree.forget(&video);
                self.list.iter_mut().filter(|n| n.root.video == video).for_each(|n| n.forgotten = true);
                self.sweep();
            }
        }
        self.assert_same();
    }

    fn assert_same(&self) {
        assert_eq!(self.tree.bytes(), self.listed_bytes());
        assert_eq!(self.alive.load(Ordering::SeqCst), self.listed_bytes(), "the bytes counted are those that live");
        for node in &self.list {
            assert!(self.tree.conversation(node.id).is_some_and(|memory| memory.path == node.path));
        }
        let on_the_way = |n: &Listed| self.list.iter().any(|p| p.pins > 0 && self.is_way_to(n.id, p.id));
        let pinned: u64 = self.list.iter().filter(|n| on_the_way(n)).map(|n| n.bytes).sum();
        assert_eq!(self.tree.pinned_bytes(), pinned);
    }

    fn is_way_to(&self, node: NodeId, end: NodeId) -> bool {
        let mut next = Some(end);
        while let Some(id) = next {
            if id == node {
                return true;
            }
            next = self.list.iter().find(|n| n.id == id).and_then(|n| n.parent);
        }
        false
    }
}

proptest! {
    #[test]
    fn the_tree_finds_counts_and_evicts_as_the_list_does(deeds in prop::collection::vec(deed(), 1..80)) {
        let mut both = Both::new();
        for deed in deeds {
            both.apply(deed);
        }
        // When nobody stands anywhere any more, everything can go.
        for node in &mut both.list {
            (0..std::mem::take(&mut node.pins)).for_each(|_| both.tree.release(node.id));
        }
        both.tree.shed();
        prop_assert_eq!((both.tree.bytes(), both.alive.load(Ordering::SeqCst)), (0, 0));
    }
}

#[test]
fn paths_share_what_they_have_in_common_and_branch_where_they_differ() {
    let (mut tree, here) = (PrefixTree::new(9, 1000), root(1, 0));
    let one = tree.grow(None, &here, &segments(&[0, 1]), "01", 20);
    tree.grow(Some(one), &here, &segments(&[2, 3]), "0123", 20);
    tree.grow(Some(one), &here, &segments(&[7]), "017", 10);
    assert_eq!(tree.bytes(), 50);
    let mut found = |path: &[u8]| tree.find(&here, &segments(path)).map(|(_, shown)| shown);
    assert_eq!(found(&[0, 1, 2, 3, 4]), Some(4));
    assert_eq!(found(&[0, 1, 7, 8]), Some(3));
    assert_eq!(found(&[0, 1, 2, 4]), Some(2));
    assert_eq!(found(&[0, 2]), None);
    assert_eq!(tree.find(&root(1, 1), &segments(&[0, 1])), None, "another size is another video to the model");
}

#[test]
fn the_same_edge_is_kept_once() {
    let (mut tree, here) = (PrefixTree::new(9, 1000), root(1, 0));
    let first = tree.grow(None, &here, &segments(&[0, 1]), "first", 20);
    assert_eq!(tree.grow(None, &here, &segments(&[0, 1]), "second", 20), first);
    assert_eq!((tree.bytes(), tree.conversation(first)), (20, Some(&"first")));
}

#[test]
fn other_words_at_a_segment_branch_there() {
    let (mut tree, here) = (PrefixTree::new(9, 1000), root(1, 0));
    let mut said = segments(&[0, 1, 2]);
    said[1].caption = "[subtitle 0.0-1.0 s] Hello\n".into();
    let one = tree.grow(None, &here, &said[..1], "0", 10);
    tree.grow(Some(one), &here, &said[1..], "01s2", 20);
    assert_eq!(tree.find(&here, &said).map(|(_, shown)| shown), Some(3));
    assert_eq!(tree.find(&here, &segments(&[0, 1, 2])).map(|(_, shown)| shown), Some(1));
}

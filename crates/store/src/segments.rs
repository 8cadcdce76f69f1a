//! Encoded segments on disk: exact, because the vision tower never looks across a pair of frames, so its output for a
//! pair depends on those pixels and the model alone. A cache: losing it costs time, never an answer.
//!
//! A file is `magic | blake3 of the rest | payload`. An entry that does not verify is removed and counts as absent.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::error::Result;
use crate::files;

const MAGIC: &[u8; 8] = b"tpseg\0\x01\n";
const HASH: usize = 32;

/// Names a segment: blake3 over the model's fingerprint and the pixels of both frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentKey(blake3::Hash);

impl SegmentKey {
    /// `size`: width and height of both frames; `frames`: their pixels as the model is given them.
    pub fn of(fingerprint: &str, size: (u32, u32), frames: [&[u8]; 2]) -> Self {
        let mut hasher = blake3::Hasher::new();
        // Lengths first, so that no two different inputs make the same stream.
        hasher.update(&(fingerprint.len() as u64).to_le_bytes()).update(fingerprint.as_bytes());
        hasher.update(&size.0.to_le_bytes()).update(&size.1.to_le_bytes());
        for frame in frames {
            hasher.update(&(frame.len() as u64).to_le_bytes()).update(frame);
        }
        Self(hasher.finalize())
    }
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    used: SystemTime,
}

#[derive(Debug, Default)]
struct Contents {
    entries: HashMap<SegmentKey, Entry>,
    bytes: u64,
}

/// The cache of encoded segments in one folder, bounded in bytes; the longest unused are forgotten first.
#[derive(Debug)]
pub struct SegmentCache {
    root: PathBuf,
    budget: u64,
    contents: Mutex<Contents>,
}

impl SegmentCache {
    /// Opens the cache in `root`, bounded to `budget` bytes on disk. Zero keeps nothing.
    ///
    /// # Errors
    /// When the folder cannot be created or read.
    pub fn open(root: &Path, budget: u64) -> Result<Self> {
        files::create_folder(root)?;
        let mut contents = Contents::default();
        files::each_file(root, |path, name, about| {
            if let Ok(hash) = blake3::Hash::from_hex(name) {
                let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                contents.entries.insert(SegmentKey(hash), Entry { bytes: about.len(), used });
                contents.bytes += about.len();
            } else if name.ends_with(files::PARTIAL) && is_old(about) {
                let _ = fs::remove_file(path);
            }
        })?;
        let cache = Self { root: root.to_owned(), budget, contents: Mutex::new(contents) };
        cache.shrink(&mut cache.lock());
        Ok(cache)
    }

    /// Whether there is an entry; [`get`](Self::get) may still find it damaged.
    pub fn contains(&self, key: SegmentKey) -> bool {
        self.path(key).is_file()
    }

    /// The payload kept under `key`, or nothing when it is absent, damaged or unreadable.
    pub fn get(&self, key: SegmentKey) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut bytes = fs::read(&path).ok()?;
        let valid = bytes
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_at_checked(HASH))
            .is_some_and(|(hash, payload)| blake3::hash(payload).as_bytes().as_slice() == hash);
        if !valid {
            self.forget(key);
            return None;
        }
        let now = SystemTime::now();
        // The file's time carries the order of use over a restart; losing one update is harmless.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(now));
        let mut contents = self.lock();
        let length = bytes.len() as u64;
        if contents.entries.insert(key, Entry { bytes: length, used: now }).is_none() {
            contents.bytes += length;
        }
        drop(contents);
        bytes.drain(..MAGIC.len() + HASH);
        Some(bytes)
    }

    /// Keeps a payload. A payload larger than the whole budget is not kept.
    ///
    /// # Errors
    /// When the file cannot be written; the caller may go on without the cache.
    pub fn put(&self, key: SegmentKey, payload: &[u8]) -> Result<()> {
        let length = (MAGIC.len() + HASH + payload.len()) as u64;
        if length > self.budget {
            return Ok(());
        }
        let path = self.path(key);
        if let Some(shelf) = path.parent() {
            files::create_folder(shelf)?;
        }
        // Not synced: after a power cut the checksum tells whether the file is whole.
        files::write_atomically(&path, &[MAGIC, blake3::hash(payload).as_bytes(), payload], false)?;
        let mut contents = self.lock();
        let old = contents.entries.insert(key, Entry { bytes: length, used: SystemTime::now() });
        contents.bytes = contents.bytes.saturating_sub(old.map_or(0, |e| e.bytes)) + length;
        self.shrink(&mut contents);
        Ok(())
    }

    /// Removes an entry, for one whose payload verified but could not be understood.
    pub fn forget(&self, key: SegmentKey) {
        let _ = fs::remove_file(self.path(key));
        let mut contents = self.lock();
        if let Some(entry) = contents.entries.remove(&key) {
            contents.bytes = contents.bytes.saturating_sub(entry.bytes);
        }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Over budget, the longest unused go until a tenth is free, so that not every further entry costs a sort.
    fn shrink(&self, contents: &mut Contents) {
        if contents.bytes <= self.budget {
            return;
        }
        let mut order: Vec<_> = contents.entries.iter().map(|(key, entry)| (entry.used, *key)).collect();
        order.sort_by_key(|(used, _)| *used);
        for (_, key) in order {
            if contents.bytes <= self.budget / 10 * 9 {
                break;
            }
            let _ = fs::remove_file(self.path(key));
            if let Some(entry) = contents.entries.remove(&key) {
                contents.bytes = contents.bytes.saturating_sub(entry.bytes);
            }
        }
    }

    fn path(&self, key: SegmentKey) -> PathBuf {
        let name = key.0.to_hex();
        self.root.join(name.get(..2).unwrap_or("xx")).join(name.as_str())
    }

    /// The map is whole between any two statements, so a thread that died elsewhere does not make it unusable.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another process may be writing it right now.
fn is_old(about: &fs::Metadata) -> bool {
    about.modified().ok().and_then(|t| t.elapsed().ok()).is_some_and(|age| age.as_secs() > 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SegmentKey {
        SegmentKey::of("model", (1, 1), [&[n], &[n]])
    }

    #[test]
    fn a_damaged_entry_counts_as_absent_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SegmentCache::open(folder.path(), 1 << 20).unwrap();
        cache.put(key(1), b"features").unwrap();
        assert_eq!(cache.get(key(1)).as_deref(), Some(&b"features"[..]));
        let path = cache.path(key(1));
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(cache.get(key(1)), None);
        assert!(!path.exists());
        assert_eq!(cache.bytes(), 0);
        cache.put(key(1), b"features").unwrap();
        assert!(cache.get(key(1)).is_some());
    }

    #[test]
    fn the_longest_unused_are_forgotten_first_and_the_order_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let size = (MAGIC.len() + HASH + 100) as u64;
        let cache = SegmentCache::open(folder.path(), size * 10).unwrap();
        for n in 0..10 {
            cache.put(key(n), &[n; 100]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        assert!(cache.get(key(0)).is_some());
        let cache = SegmentCache::open(folder.path(), size * 10).unwrap();
        assert_eq!(cache.bytes(), size * 10);
        cache.put(key(10), &[10; 100]).unwrap();
        assert!(cache.bytes() <= size * 10);
        assert!(cache.get(key(0)).is_some() && cache.get(key(10)).is_some());
        assert!(cache.get(key(1)).is_none());
    }

    #[test]
    fn pixels_size_and_model_all_make_the_key() {
        let base = SegmentKey::of("a", (2, 1), [&[1, 2], &[3]]);
        assert_ne!(base, SegmentKey::of("b", (2, 1), [&[1, 2], &[3]]));
        assert_ne!(base, SegmentKey::of("a", (1, 2), [&[1, 2], &[3]]));
        assert_ne!(base, SegmentKey::of("a", (2, 1), [&[1], &[2, 3]]));
    }
}

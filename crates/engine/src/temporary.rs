//! Folders for libraries that go when their engine does, and the removal of those whose process was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A name nobody else uses, under `data/tmp`. What killed processes left there is removed on the way.
pub(crate) fn folder(data: &Path) -> PathBuf {
    let parent = data.join("tmp");
    for left in fs::read_dir(&parent).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if is_abandoned(&left) {
            // Whoever else is cleaning up may be faster.
            let _ = fs::remove_dir_all(&left);
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    parent.join(format!("{}-{}", std::process::id(), now.as_nanos()))
}

/// An open library holds its lock, however its process was started.
fn is_abandoned(folder: &Path) -> bool {
    File::open(folder.join("timepin.lock")).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let data = tempfile::tempdir().unwrap();
        let (left, used, other) = ["left", "used", "other"].map(|name| data.path().join("tmp").join(name)).into();
        for folder in [&left, &used, &other] {
            fs::create_dir_all(folder).unwrap();
        }
        File::create(left.join("timepin.lock")).unwrap();
        let lock = File::create(used.join("timepin.lock")).unwrap();
        lock.lock().unwrap();
        assert!(folder(data.path()).starts_with(data.path()));
        assert_eq!([left.exists(), used.exists(), other.exists()], [false, true, true]);
    }
}

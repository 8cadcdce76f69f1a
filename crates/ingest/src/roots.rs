//! The server's own folders: their videos by relative paths, and nothing that leads out of them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use timeline::ServerFile;

use crate::error::{Error, Result};

/// Most videos that are listed.
const MOST: usize = 1_000;
/// How deep folders are looked into.
const DEPTH: usize = 6;
/// Endings of files that are listed. Others can be opened all the same, by their path.
const ENDINGS: [&str; 26] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "vob", "flv", "wmv", "asf", "ogv",
    "3gp", "mxf", "rm", "rmvb", "dv", "divx", "f4v", "m2v", "qt", "hevc",
];

/// Folders whose videos may be opened.
#[derive(Debug, Clone)]
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Videos in all folders, by path. Links to folders are not followed; hidden files and folders are passed over.
    pub(crate) fn list(&self) -> Result<Vec<ServerFile>> {
        if self.0.is_empty() {
            return Err(Error::NoFolders);
        }
        let mut found = Vec::new();
        for (folder, root) in (0_u32..).zip(&self.0) {
            let Ok(root) = root.canonicalize() else {
                tracing::warn!(folder = %root.display(), "a folder of ingest_roots cannot be read");
                continue;
            };
            walk(&root, &root, folder, DEPTH, &mut found);
        }
        found.sort_by(|a, b| (a.folder, &a.path).cmp(&(b.folder, &b.path)));
        Ok(found)
    }

    /// The file a path means, links resolved, if it lies in its folder.
    pub(crate) fn find(&self, folder: u32, path: &str) -> Result<PathBuf> {
        let refuse = || Error::NoSuchFile(path.to_owned());
        let root =
            self.0.get(folder as usize).ok_or_else(|| if self.0.is_empty() { Error::NoFolders } else { refuse() })?;
        let relative = Path::new(path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(refuse());
        }
        // Whether it is not there or not allowed is nobody's business.
        let root = root.canonicalize().map_err(|_| refuse())?;
        let file = root.join(relative).canonicalize().map_err(|_| refuse())?;
        if file.starts_with(&root) && file.is_file() { Ok(file) } else { Err(refuse()) }
    }
}

fn walk(root: &Path, folder: &Path, number: u32, depth: usize, found: &mut Vec<ServerFile>) {
    // A folder that may not be read has nothing to show.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if found.len() >= MOST {
            return;
        }
        let path = entry.path();
        let (Ok(kind), false) = (entry.file_type(), entry.file_name().to_string_lossy().starts_with('.')) else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            walk(root, &path, number, depth - 1, found);
            continue;
        }
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if !ENDINGS.contains(&ending.as_str()) {
            continue;
        }
        // Through a link too, as long as it stays inside.
        let inside = path.canonicalize().is_ok_and(|real| real.starts_with(root));
        let (Ok(about), Ok(relative)) = (fs::metadata(&path), path.strip_prefix(root)) else { continue };
        if let (true, true, Some(path)) = (inside, about.is_file(), relative.to_str()) {
            found.push(ServerFile { folder: number, path: path.to_owned(), bytes: about.len() });
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn videos_are_listed_and_nothing_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        let write = |folder: &Path, name: &str| fs::write(folder.join(name), b"film").unwrap();
        write(outside.path(), "secret.mp4");
        fs::create_dir(inside.path().join("lectures")).unwrap();
        for name in ["lectures/one.MP4", "notes.txt", ".hidden.mp4", "two.avi"] {
            write(inside.path(), name);
        }
        symlink(outside.path().join("secret.mp4"), inside.path().join("link.mp4")).unwrap();
        symlink(outside.path(), inside.path().join("away")).unwrap();
        symlink(inside.path().join("two.avi"), inside.path().join("again.avi")).unwrap();
        let roots = Roots::new(vec![inside.path().to_owned()]);
        let paths: Vec<_> = roots.list().unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["again.avi", "lectures/one.MP4", "two.avi"]);

        assert!(roots.find(0, "lectures/one.MP4").is_ok() && roots.find(0, "notes.txt").is_ok());
        let escape = format!("../{}/secret.mp4", outside.path().file_name().unwrap().to_str().unwrap());
        let absolute = outside.path().join("secret.mp4");
        for path in
            ["link.mp4", "away/secret.mp4", &escape, absolute.to_str().unwrap(), "lectures", "gone.mp4", "", "."]
        {
            assert!(matches!(roots.find(0, path), Err(Error::NoSuchFile(_))), "{path}");
        }
        assert!(matches!(roots.find(1, "two.avi"), Err(Error::NoSuchFile(_))));
        assert!(matches!(Roots::new(Vec::new()).list(), Err(Error::NoFolders)));
    }
}

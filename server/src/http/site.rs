//! Where the page's files are. cargo-leptos says so in variables; a binary on its own has to look.

use std::path::{Path, PathBuf};

use leptos::config::Env;
use leptos::prelude::LeptosOptions;

use crate::config::Config;

/// Name of the page's script, wasm and stylesheet, as in the workspace's `[[workspace.metadata.leptos]]`.
const OUTPUT: &str = "timepin";

/// The page's files.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    pub(crate) options: LeptosOptions,
}

impl Site {
    /// Finds the page's files.
    pub(crate) fn find(config: &Config) -> Self {
        let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let root = root(config, beside.as_deref());
        // The hashes stand beside the binary when cargo-leptos built it, or in the site folder when it was copied.
        let hashes = [beside.as_deref(), Some(root.as_path())].into_iter().flatten().map(|f| f.join("hash.txt"));
        let hashes = hashes.into_iter().find(|file| file.is_file() && is_of(file, &root));
        let watched = std::env::var_os("LEPTOS_WATCH").is_some();
        let port = std::env::var("LEPTOS_RELOAD_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8081);
        let options = LeptosOptions::builder()
            .output_name(OUTPUT)
            .site_root(root.to_string_lossy().into_owned())
            .site_pkg_dir("pkg")
            .site_addr(config.address)
            .env(if watched { Env::DEV } else { Env::PROD })
            .reload_port(port)
            .hash_files(hashes.is_some())
            // Absolute: Leptos joins it to the folder of the binary.
            .hash_file(hashes.as_deref().unwrap_or(Path::new("hash.txt")).to_string_lossy().into_owned().into())
            .disable_server_fn_hash(true)
            .build();
        Self { root, options }
    }

    /// Whether there is a page to serve.
    pub(crate) fn is_there(&self) -> bool {
        self.root.join("pkg").is_dir()
    }
}

fn root(config: &Config, beside: Option<&Path>) -> PathBuf {
    if let Some(named) = &config.site {
        return named.clone();
    }
    let said = std::env::var_os("LEPTOS_SITE_ROOT").map(PathBuf::from);
    let near = beside.map(|folder| folder.join("site"));
    let built = Some(PathBuf::from("target/site"));
    // A build folder elsewhere: target/release/timepin beside target/site.
    let sibling = beside.and_then(Path::parent).map(|folder| folder.join("site"));
    let places: Vec<_> = [said, near, built, sibling].into_iter().flatten().collect();
    let found = places.iter().find(|folder| folder.join("pkg").is_dir()).or_else(|| places.first());
    let found = found.cloned().unwrap_or_else(|| PathBuf::from("target/site"));
    found.canonicalize().unwrap_or(found)
}

/// Whether the hashes are those of the files that are there: a stale list would give dead links.
fn is_of(hashes: &Path, root: &Path) -> bool {
    let text = std::fs::read_to_string(hashes).unwrap_or_default();
    let hash = text.lines().find_map(|line| line.strip_prefix("js:")).map(str::trim);
    hash.is_some_and(|hash| root.join("pkg").join(format!("{OUTPUT}.{hash}.js")).is_file())
}

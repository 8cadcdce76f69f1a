//! `owner/name[@revision]`, checked before it becomes a part of an address or a folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};

/// The hub allows 96 characters for owner and name together.
const MOST: usize = 96;

/// A model repository on a hub, and the revision wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    owner: String,
    name: String,
    revision: Option<String>,
}

impl Repository {
    /// The same repository at a branch, tag or commit.
    ///
    /// # Errors
    /// When that cannot be a revision.
    pub fn at(mut self, revision: &str) -> Result<Self> {
        let usable = revision.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        if !usable || revision.is_empty() || revision.contains("..") || revision.starts_with(['-', '/']) {
            let name = format!("{self}@{revision}");
            return Err(Error::BadName { name, reason: "after the @ stands no branch, tag or commit" });
        }
        self.revision = Some(revision.to_owned());
        Ok(self)
    }

    /// Whether a revision was named.
    pub(crate) fn is_pinned(&self) -> bool {
        self.revision.is_some()
    }

    /// Before the slash.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// After the slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, tag or commit; `main` unless it was named.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// Where its files lie: `<models>/<owner>/<name>`.
    pub fn folder(&self, models: &Path) -> PathBuf {
        models.join(&self.owner).join(&self.name)
    }
}

impl FromStr for Repository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason| Error::BadName { name: text.to_owned(), reason };
        let (path, revision) = match text.split_once('@') {
            Some((path, revision)) => (path, Some(revision)),
            None => (text, None),
        };
        let (owner, name) = path.split_once('/').ok_or_else(|| refuse("there is no slash in it"))?;
        for part in [owner, name] {
            let known = part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if !known {
                return Err(refuse("only letters, digits, `.`, `_` and `-` stand on either side of one slash"));
            }
            if !part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || part.ends_with(['.', '-']) {
                return Err(refuse("a part is empty, or begins or ends with a dot or a hyphen"));
            }
            if part.contains("..") || part.contains("--") {
                return Err(refuse("two dots or hyphens in a row"));
            }
        }
        if path.len() > MOST {
            return Err(refuse("it is longer than 96 characters"));
        }
        let repository = Self { owner: owner.to_owned(), name: name.to_owned(), revision: None };
        revision.map_or(Ok(repository.clone()), |revision| repository.at(revision))
    }
}

/// Without the revision.
impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_with_and_without_a_revision() {
        let plain: Repository = "Qwen/Qwen3-VL-2B-Instruct".parse().unwrap();
        assert_eq!((plain.to_string().as_str(), plain.revision()), ("Qwen/Qwen3-VL-2B-Instruct", "main"));
        let pinned: Repository = "a/b.c_d@refs/pr/1".parse().unwrap();
        assert_eq!((pinned.name(), pinned.revision()), ("b.c_d", "refs/pr/1"));
        assert_eq!(pinned.folder(Path::new("m")), Path::new("m/a/b.c_d"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        for text in [
            "",
            "Qwen",
            "/b",
            "a/",
            "a/b/c",
            "../b",
            "a/..",
            "a/b@",
            "a/b@../x",
            "a/b@-x",
            "a b/c",
            "a/b\0",
            "a/.b",
            "a/b.",
            "名/b",
            "a//b",
            "https://hub/a/b",
            "a/b--c",
            "a\\b/c",
        ] {
            let refused = text.parse::<Repository>().unwrap_err();
            assert!(matches!(refused, Error::BadName { .. }), "{text}");
            assert!(refused.to_string().contains("write it as owner/name"), "{refused}");
        }
        assert!(format!("a/{}", "x".repeat(95)).parse::<Repository>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_two_folders_below(text in "\\PC{0,24}|[./a@-]{0,12}") {
            if let Ok(repository) = text.parse::<Repository>() {
                let folder = repository.folder(Path::new("models"));
                let parts: Vec<_> = folder.components().collect();
                prop_assert_eq!(parts.len(), 3);
                prop_assert!(parts.iter().all(|p| matches!(p, std::path::Component::Normal(_))));
            }
        }
    }
}

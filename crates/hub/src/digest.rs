//! Digests by which a hub names contents: SHA-256 for large files (git LFS), git's own SHA-1 for small ones.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What a file's contents must hash to, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Digest {
    /// Of the contents.
    Sha256(String),
    /// Of `blob {length}\0` and the contents: how git names a file.
    GitBlob(String),
}

impl Digest {
    pub(crate) fn sha256(hex: &str) -> Option<Self> {
        is_hex(hex, 64).then(|| Self::Sha256(hex.to_ascii_lowercase()))
    }

    pub(crate) fn git_blob(hex: &str) -> Option<Self> {
        is_hex(hex, 40).then(|| Self::GitBlob(hex.to_ascii_lowercase()))
    }

    /// A hub's tag is one or the other; which, its length says.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::sha256(tag).or_else(|| Self::git_blob(tag))
    }

    pub(crate) fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitBlob(hex) => hex,
        }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Hashes contents as they pass.
pub(crate) enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
    /// The hub gave no digest: the length has to do.
    Nothing,
}

impl Hasher {
    /// For contents of `length` bytes that should have this digest.
    pub(crate) fn of(digest: Option<&Digest>, length: u64) -> Self {
        match digest {
            Some(Digest::Sha256(_)) => Self::Sha256(Sha256::new()),
            Some(Digest::GitBlob(_)) => Self::GitBlob(Sha1::new_with_prefix(format!("blob {length}\0"))),
            None => Self::Nothing,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher) => hasher.update(bytes),
            Self::Nothing => {}
        }
    }

    /// The digest, where one was wanted.
    pub(crate) fn finish(self) -> Option<String> {
        match self {
            Self::Sha256(hasher) => Some(hex(&hasher.finalize())),
            Self::GitBlob(hasher) => Some(hex(&hasher.finalize())),
            Self::Nothing => None,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum_and_git_hash_object() {
        let of = |digest: Digest| {
            let mut hasher = Hasher::of(Some(&digest), 6);
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            hasher.finish().unwrap()
        };
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(of(Digest::from_tag(sha256).unwrap()), sha256);
        let blob = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!(of(Digest::from_tag(blob).unwrap()), blob);
        assert_eq!(Digest::from_tag("abc"), None);
        assert_eq!(Digest::from_tag(&"g".repeat(40)), None);
    }
}

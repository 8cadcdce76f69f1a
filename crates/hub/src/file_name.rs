//! Names of files as a hub lists them. They become paths on this machine, so a name that could leave its folder, or mean
//! something to a file system, refuses the whole download.

use crate::error::{Error, Result};

/// Names Windows keeps for devices, whatever their ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// Accepts `a.json` and `folder/a.json`, and nothing that could point elsewhere.
///
/// # Errors
/// When the name is absolute, climbs (`..`), or has characters that some file system gives a meaning.
pub fn check_file_name(name: &str) -> Result<()> {
    let safe = !name.is_empty() && name.len() <= 255 && name.split('/').all(is_safe_part);
    if safe { Ok(()) } else { Err(Error::UnsafeFileName(name.to_owned())) }
}

/// Whether a name is absolute or climbs: nobody lists such a file by accident.
pub(crate) fn points_elsewhere(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    drive || name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..")
}

fn is_safe_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = DEVICES.contains(&stem.as_str())
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    let odd = |c: char| c.is_control() || r#"\:*?"<>|"#.contains(c);
    !(part.is_empty() || part.ends_with(['.', ' ']) || device || part.contains(odd))
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_point_elsewhere_are_refused() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "..",
            ".",
            "./a",
            "a//b",
            "a/",
            "C:\\x",
            "a\\..\\b",
            "c:x",
            "a\0b",
            "a\nb",
            "nul",
            "COM1.json",
            "a.",
            "a ",
            "a?b",
        ] {
            assert!(matches!(check_file_name(name), Err(Error::UnsafeFileName(_))), "{name:?}");
        }
        for name in ["config.json", "model-00001-of-00002.safetensors", "sub/mmproj-F16.gguf", "模型.gguf", "a b.txt"]
        {
            assert!(check_file_name(name).is_ok(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_inside_its_folder(name in r"([./\\a-c:]|\PC){0,16}") {
            if check_file_name(&name).is_ok() {
                let path = Path::new(&name);
                prop_assert!(path.is_relative());
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(path.components().count(), name.split('/').count());
            }
        }

        #[test]
        fn climbing_is_refused_wherever_it_stands(before in "[a-z]{0,4}", after in "[a-z]{0,4}") {
            for name in [format!("{before}/../{after}"), format!("../{after}"), format!("{before}/..")] {
                prop_assert!(points_elsewhere(&name) && check_file_name(&name).is_err());
            }
        }
    }
}

//! The settings file, read as names and texts; and texts written so that they read back the same.

use std::path::Path;

use serde_yaml_ng::Value;

use super::{Error, SETTINGS};

/// Names and values of a settings file, in its order.
pub(super) fn yaml(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let refuse = |reason: String| Error::Yaml { path: path.to_owned(), reason };
    let entries = match serde_yaml_ng::from_str(&text).map_err(|e| refuse(e.to_string()))? {
        // All comments: nothing is set.
        Value::Null => return Ok(Vec::new()),
        Value::Mapping(entries) => entries,
        _ => return Err(refuse("it has to be a list of `name: value`".to_owned())),
    };
    let entry = |(name, value): (Value, Value)| {
        let name = text_of(&name).ok_or_else(|| refuse("a name is not a text".to_owned()))?;
        let value = text_of(&value).ok_or_else(|| refuse(format!("`{name}` has to be a single value or a list")))?;
        Ok((name, value))
    };
    entries.into_iter().map(entry).collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Sequence(items) => Some(items.iter().map(text_of).collect::<Option<Vec<_>>>()?.join(",")),
        Value::Null => Some(String::new()),
        Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// A text as a YAML scalar, quoted where it would otherwise mean something else.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || "._/-".contains(c));
    let bare = plain && !text.is_empty() && !text.starts_with('-');
    if bare { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// What may have been meant: the setting that differs least, or all of them.
pub(super) fn hint(name: &str) -> String {
    let nearest = SETTINGS.iter().map(|s| (distance(name, s.name), s.name)).min();
    match nearest {
        Some((distance, name)) if distance <= 3 => format!("did you mean `{name}`?"),
        _ => format!("there are {}", SETTINGS.iter().map(|s| s.name).collect::<Vec<_>>().join(", ")),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let next = (corner + usize::from(x != y)).min(left + 1).min(*cell + 1);
            corner = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

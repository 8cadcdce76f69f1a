//! Which files of a repository make a model folder.

use std::collections::BTreeSet;

use glob::{MatchOptions, Pattern};
use timeline::models::show_bytes;

use crate::error::{Error, Result};
use crate::listing::Listed;
use crate::repository::Repository;

/// Small files beside the weights, at the top of the repository.
const COMPANIONS: &[&str] = &[
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "timepin.json",
];

/// Storage types of a vision tower, the wanted first: 16 bit keep what it sees, 32 only cost.
const PROJECTOR_TYPES: &[&str] = &["f16", "bf16", "q8_0", "f32"];

/// The files to load: safetensors, or with a pattern (or where there is nothing else) one GGUF model and its projector.
pub(crate) fn select(repository: &Repository, files: &[Listed], pattern: Option<&str>) -> Result<Vec<Listed>> {
    let weights: Vec<&Listed> = match pattern {
        Some(pattern) => gguf(repository, files, Some(pattern))?,
        None => {
            let found = files.iter().filter(|file| is_safetensors(&file.name));
            let (variants, plain): (Vec<&Listed>, _) = found.partition(|file| is_variant(&file.name));
            match (plain.is_empty(), variants.is_empty()) {
                (false, _) => plain,
                (true, false) => variants,
                (true, true) => gguf(repository, files, None)?,
            }
        }
    };
    let companions = files.iter().filter(|file| is_companion(&file.name));
    Ok(companions.chain(weights).cloned().collect())
}

fn is_companion(name: &str) -> bool {
    COMPANIONS.contains(&name) || (name.starts_with("chat_template.") && !name.contains('/'))
}

fn is_safetensors(name: &str) -> bool {
    !name.contains('/') && (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json"))
}

/// The same weights in another type, such as `model.fp32-00001-of-00002.safetensors`.
fn is_variant(name: &str) -> bool {
    name.strip_prefix("model.").is_some_and(|rest| !rest.starts_with("safetensors"))
}

fn gguf<'a>(repository: &Repository, files: &'a [Listed], pattern: Option<&str>) -> Result<Vec<&'a Listed>> {
    let all = files.iter().filter(|file| file.name.to_ascii_lowercase().ends_with(".gguf"));
    let (projectors, models): (Vec<&Listed>, Vec<&Listed>) = all.partition(|file| is_projector(&file.name));
    let name = repository.to_string();
    if models.is_empty() {
        return Err(Error::NoWeights { repository: name });
    }
    let matching: Vec<&Listed> = match pattern {
        None => models.clone(),
        Some(pattern) => {
            let matches = matcher(pattern)?;
            models.iter().copied().filter(|file| matches(&file.name)).collect()
        }
    };
    let choices: BTreeSet<&str> = matching.iter().map(|file| without_part_number(&file.name)).collect();
    match (choices.len(), pattern) {
        (1, _) => Ok(matching.into_iter().chain(best_projector(&projectors)).collect()),
        (0, Some(pattern)) => {
            Err(Error::NoMatch { repository: name, pattern: pattern.to_owned(), available: names(&models) })
        }
        _ => Err(Error::Choose { repository: name, available: names(&matching) }),
    }
}

/// A pattern with wildcards matches the whole name, one without matches a part of it; neither minds capitals.
fn matcher(pattern: &str) -> Result<impl Fn(&str) -> bool> {
    let wild = pattern.contains(['*', '?', '[']);
    let written = if wild { pattern.to_owned() } else { format!("*{}*", Pattern::escape(pattern)) };
    let compiled = Pattern::new(&written)
        .map_err(|error| Error::BadPattern { pattern: pattern.to_owned(), reason: error.msg.to_owned() })?;
    let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
    Ok(move |name: &str| compiled.matches_with(name, options) || compiled.matches_with(base(name), options))
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn is_projector(name: &str) -> bool {
    base(name).to_ascii_lowercase().contains("mmproj")
}

fn best_projector<'a>(projectors: &[&'a Listed]) -> Option<&'a Listed> {
    let rank = |file: &Listed| {
        let lower = file.name.to_ascii_lowercase();
        let mut words = lower.split(['-', '.', '/']);
        let found = words.find_map(|word| PROJECTOR_TYPES.iter().position(|known| *known == word));
        found.unwrap_or(PROJECTOR_TYPES.len())
    };
    projectors.iter().copied().min_by_key(|file| rank(file))
}

/// `a-00002-of-00003.gguf` is a part of `a`.
fn without_part_number(name: &str) -> &str {
    let stem = name.get(..name.len().saturating_sub(".gguf".len())).unwrap_or(name);
    let split = || {
        let (front, count) = stem.rsplit_once("-of-")?;
        let (front, number) = front.rsplit_once('-')?;
        let numbers = [count, number].iter().all(|n| n.len() == 5 && n.bytes().all(|b| b.is_ascii_digit()));
        numbers.then_some(front)
    };
    split().unwrap_or(stem)
}

fn names(files: &[&Listed]) -> Vec<String> {
    let shown = |file: &&Listed| match file.size {
        Some(size) => format!("{} ({})", file.name, show_bytes(size)),
        None => file.name.clone(),
    };
    files.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str], pattern: Option<&str>) -> Result<Vec<String>> {
        let files: Vec<Listed> =
            names.iter().map(|name| Listed { name: (*name).to_owned(), size: Some(5), digest: None }).collect();
        let selected = select(&"a/b".parse().unwrap(), &files, pattern)?;
        Ok(selected.into_iter().map(|file| file.name).collect())
    }

    #[test]
    fn a_safetensors_repository_gives_what_the_loader_reads_and_nothing_else() {
        let wanted = [
            "config.json",
            "chat_template.jinja",
            "tokenizer.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ];
        let others =
            ["README.md", ".gitattributes", "pytorch_model.bin", "sub/config.json", "onnx/model.safetensors", "x.gguf"];
        assert_eq!(chosen(&[&wanted[..], &others].concat(), None).unwrap(), wanted);
    }

    #[test]
    fn the_same_weights_in_another_type_are_loaded_only_where_there_are_no_others() {
        let variants = ["model.fp32-00001-of-00002.safetensors", "model.fp32-00002-of-00002.safetensors"];
        let whole =
            [&["config.json", "model.safetensors", "model.safetensors.index.fp32.json"], &variants[..]].concat();
        assert_eq!(chosen(&whole, None).unwrap(), ["config.json", "model.safetensors"]);
        assert_eq!(chosen(&variants, None).unwrap(), variants);
    }

    #[test]
    fn a_gguf_repository_gives_the_chosen_model_with_the_projector_of_sixteen_bits() {
        let names = [
            "mmproj-BF16.gguf",
            "mmproj-F16.gguf",
            "mmproj-F32.gguf",
            "m-Q4_K_M.gguf",
            "m-Q8_0.gguf",
            "F16/m-F16-00001-of-00002.gguf",
            "F16/m-F16-00002-of-00002.gguf",
            "config.json",
        ];
        let expected = ["config.json", "m-Q4_K_M.gguf", "mmproj-F16.gguf"];
        for pattern in ["*Q4_K_M.gguf", "q4_k", "M-Q4_K_M.GGUF"] {
            assert_eq!(chosen(&names, Some(pattern)).unwrap(), expected, "{pattern}");
        }
        assert_eq!(chosen(&names, Some("m-F16")).unwrap().len(), 4);
        let several = chosen(&names, None).unwrap_err().to_string();
        assert!(several.contains("--file") && several.contains("m-Q8_0.gguf (5 B)"), "{several}");
        assert!(!several.contains("mmproj"), "{several}");
        assert!(matches!(chosen(&names, Some("*.gguf")), Err(Error::Choose { .. })));
        assert!(matches!(chosen(&names, Some("Q2")), Err(Error::NoMatch { .. })));
        assert!(matches!(chosen(&names, Some("[")), Err(Error::BadPattern { .. })));
    }

    #[test]
    fn the_only_gguf_needs_no_choice_and_no_weights_are_told() {
        assert_eq!(chosen(&["m.gguf", "mmproj.gguf"], None).unwrap(), ["m.gguf", "mmproj.gguf"]);
        assert!(matches!(chosen(&["README.md", "mmproj.gguf"], None), Err(Error::NoWeights { .. })));
    }
}

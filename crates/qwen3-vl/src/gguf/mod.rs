//! A model folder in GGUF, as llama.cpp converts and quantises Qwen3-VL: one text model (perhaps split into several
//! files) and one `mmproj` file with the vision tower. No `config.json` is needed: everything is in the metadata.
//!
//! Keys and names are those of `gguf-py/gguf/constants.py` and `convert_hf_to_gguf.py` of llama.cpp.

mod config;
mod tokenizer;

use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, TensorInfo, Value};

use crate::error::{Error, Result};
use crate::mapped::Mapped;

/// The files of a model.
pub(crate) struct Gguf {
    /// The text model; the first part has the metadata.
    text: Vec<Part>,
    vision: Part,
}

/// One file: its header, and its bytes when they are asked for.
pub(crate) struct Part {
    path: PathBuf,
    file: Mapped,
    content: Content,
}

/// The GGUF files of a folder and of the folders in it, where repositories with several quantisations keep the parts of
/// one; by name.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(dir).into_iter().partition(|path| path.is_dir());
    let inner = folders.iter().flat_map(|folder| entries(folder));
    let is_gguf = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    let mut found: Vec<_> = files.into_iter().chain(inner).filter(is_gguf).collect();
    found.sort();
    found
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Whether a folder holds a model in GGUF.
pub(crate) fn is_here(dir: &Path) -> bool {
    !files(dir).is_empty()
}

impl Gguf {
    /// Reads the headers of the GGUF files of a folder.
    ///
    /// # Errors
    /// Another architecture, no vision tower, more than one model, or a damaged file.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let (mut text, mut vision) = (Vec::new(), Vec::new());
        for path in files(dir) {
            let part = Part::open(path)?;
            match part.text("general.architecture") {
                Some("clip") => vision.push(part),
                Some("qwen3vl" | "qwen3vlmoe") => text.push(part),
                None if part.number("split.no").is_some() => text.push(part),
                other => {
                    let (name, other) = (part.path.display(), other.unwrap_or("none"));
                    let told = format!(
                        "{name} has the architecture `{other}`; give a GGUF of Qwen3-VL (`qwen3vl` or `qwen3vlmoe`)"
                    );
                    return Err(Error::Unsupported(told));
                }
            }
        }
        text.sort_by_key(Part::place);
        check_parts(dir, &text)?;
        let mut vision = vision.into_iter();
        match (vision.next(), vision.next()) {
            (Some(only), None) => Ok(Self { text, vision: only }),
            (None, _) => Err(Error::TextOnly(format!("{} has no mmproj file", dir.display()))),
            _ => {
                let told = format!("{} holds several mmproj files; leave one there", dir.display());
                Err(Error::Unsupported(told))
            }
        }
    }

    /// The metadata of the text model.
    fn head(&self) -> Result<&Part> {
        self.text.first().ok_or_else(|| Error::Unsupported("there is no text model".into()))
    }

    /// Every file.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.text.iter().chain([&self.vision]).map(|part| part.path.clone()).collect()
    }

    /// A tensor of any file.
    pub(crate) fn tensor(&self, name: &str) -> Option<(&Part, &TensorInfo)> {
        self.text.iter().chain([&self.vision]).find_map(|part| Some((part, part.content.tensor_infos.get(name)?)))
    }

    /// The template in the metadata.
    pub(crate) fn chat_template(&self) -> Option<&str> {
        self.text.first()?.text("tokenizer.chat_template")
    }
}

/// Refuses text files that are not all parts of one model.
fn check_parts(dir: &Path, text: &[Part]) -> Result<()> {
    let Some(first) = text.first() else { return Ok(()) };
    let count = first.number("split.count").unwrap_or(1).max(1);
    let is_here = |place: u64| text.iter().any(|part| part.place() == place);
    // As many as there are files, at the latest, are looked at.
    if let Some(absent) = (0..count).find(|place| !is_here(*place)).filter(|_| (text.len() as u64) < count) {
        let by = first.file_name();
        return Err(Error::MissingShard { name: part_name(&by, absent), folder: dir.into(), by });
    }
    if text.len() as u64 != count {
        let told = format!(
            "{} holds {} text GGUF files where one model has {count}; leave the files of one model there",
            dir.display(),
            text.len()
        );
        return Err(Error::Unsupported(told));
    }
    Ok(())
}

/// What part `place`, from 0, is called beside `known`: `model-00002-of-00003.gguf`.
fn part_name(known: &str, place: u64) -> String {
    let number = place.saturating_add(1);
    let named = known.rsplit_once("-of-").and_then(|(front, end)| Some((front.rsplit_once('-')?.0, end)));
    named.map_or_else(|| format!("part {number} of it"), |(name, end)| format!("{name}-{number:05}-of-{end}"))
}

impl Part {
    /// Which part of a model it is, from 0.
    fn place(&self) -> u64 {
        self.number("split.no").unwrap_or(0)
    }

    fn file_name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Reads the header of a file.
    ///
    /// # Errors
    /// A damaged file, or one with tensors of a type that is not read.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let file = Mapped::open(&path)?;
        // The reader divides by `general.alignment` whatever the file says it is.
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| Content::read(&mut Cursor::new(file.all()))));
        let content = match read {
            Ok(Ok(content)) => content,
            Ok(Err(error)) if error.to_string().contains("unknown dtype") => {
                let told = format!(
                    "{} has tensors of a type that is not read ({error}); take F16, BF16, Q8_0 or a K quantisation",
                    path.display()
                );
                return Err(Error::Unsupported(told));
            }
            Ok(Err(error)) => return Err(file.damaged(error)),
            Err(_) => return Err(file.damaged("its alignment is zero")),
        };
        Ok(Self { path, file, content })
    }

    /// What the header says of every tensor.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.content.tensor_infos.values()
    }

    /// The bytes of a tensor, or of part `at` of its first dimension, and the shape they have.
    pub(crate) fn read<T>(
        &self,
        info: &TensorInfo,
        at: Option<usize>,
        read: impl FnOnce(&[u8], &[usize]) -> Result<T>,
    ) -> Result<T> {
        let dims = info.shape.dims();
        let (index, shape) = match (at, dims.split_first()) {
            (Some(i), Some((count, rest))) if i < *count => (i, rest),
            _ => (0, dims),
        };
        let (block, size) = (info.ggml_dtype.block_size(), info.ggml_dtype.type_size());
        let impossible = || self.file.damaged(format!("a tensor has the impossible shape {dims:?}"));
        let values = shape.iter().try_fold(1_usize, |n, dim| n.checked_mul(*dim)).ok_or_else(impossible)?;
        if values % block != 0 {
            return Err(impossible());
        }
        let length = (values / block).checked_mul(size).ok_or_else(impossible)?;
        let start = usize::try_from(self.content.tensor_data_offset.saturating_add(info.offset)).ok();
        let start = start.and_then(|s| s.checked_add(index.checked_mul(length)?)).ok_or_else(impossible)?;
        let end = start.checked_add(length).ok_or_else(impossible)?;
        self.file.read(start..end, |bytes| {
            // Blocks begin with 16-bit scales.
            if bytes.as_ptr().align_offset(2) != 0 {
                return Err(self.file.damaged("its tensors are not aligned"));
            }
            read(bytes, shape)
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.content.metadata.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        number(self.content.metadata.get(key)?)
    }

    fn float(&self, key: &str) -> Option<f64> {
        match self.content.metadata.get(key)? {
            Value::F32(v) => Some(f64::from(*v)),
            Value::F64(v) => Some(*v),
            other => Some(number(other)? as f64),
        }
    }

    fn list(&self, key: &str) -> Option<&[Value]> {
        match self.content.metadata.get(key)? {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }

    fn missing(&self, key: &str) -> Error {
        self.file.damaged(format!("its metadata has no `{key}`"))
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::I8(v) => u64::try_from(*v).ok(),
        Value::I16(v) => u64::try_from(*v).ok(),
        Value::I32(v) => u64::try_from(*v).ok(),
        Value::I64(v) => u64::try_from(*v).ok(),
        other => other.to_u64().ok(),
    }
}

//! Weights in safetensors: one file, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;

use super::names::{HEAD, TEXT, VISION};
use super::{Source, Stored};
use crate::config::read_json;
use crate::error::{Error, Result};
use crate::mapped::Mapped;

/// Where other exports keep what [`TEXT`] holds.
const TEXT_PREFIXES: [&str; 4] = [TEXT, "language_model.model.", "language_model.", "model."];
/// Where other exports keep what [`VISION`] holds.
const VISION_PREFIXES: [&str; 2] = [VISION, "visual."];

/// The open files of a checkpoint.
pub(super) struct Files {
    shards: Vec<Shard>,
    /// Name → index of its shard.
    routes: BTreeMap<String, usize>,
    text: &'static str,
    vision: &'static str,
}

struct Shard {
    file: Mapped,
    metadata: Metadata,
    /// Where the values begin.
    start: usize,
}

/// The safetensors files of a model folder.
pub(crate) fn paths(dir: &Path) -> Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index = dir.join("model.safetensors.index.json");
    if !index.exists() {
        return Ok(vec![dir.join("model.safetensors")]);
    }
    let names: BTreeSet<String> = read_json::<Index>(&index)?.weight_map.into_values().collect();
    for name in &names {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::Unsupported(format!("the index names `{name}`, a file outside the model folder")));
        }
    }
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

impl Files {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let mut shards = Vec::new();
        let mut routes = BTreeMap::new();
        for path in paths(dir)? {
            let file = Mapped::open(&path)?;
            let (header, metadata) = SafeTensors::read_metadata(file.all()).map_err(|e| file.damaged(e))?;
            routes.extend(metadata.offset_keys().into_iter().map(|name| (name, shards.len())));
            shards.push(Shard { file, metadata, start: header + size_of::<u64>() });
        }
        let find = |prefixes: &[&'static str], name: &str| {
            let found = prefixes.iter().find(|p| routes.contains_key(&format!("{p}{name}"))).copied();
            found.ok_or_else(|| Error::MissingTensor(format!("{}{name}", prefixes.first().unwrap_or(&""))))
        };
        let text = find(&TEXT_PREFIXES, "embed_tokens.weight")?;
        let vision = find(&VISION_PREFIXES, "patch_embed.proj.weight")?;
        Ok(Self { shards, routes, text, vision })
    }

    fn find(&self, name: &str) -> Option<(&Shard, &TensorInfo)> {
        let name = self.name(name);
        let shard = self.shards.get(*self.routes.get(&name)?)?;
        Some((shard, shard.metadata.info(&name)?))
    }
}

impl Source for Files {
    fn name(&self, name: &str) -> String {
        match (name.strip_prefix(TEXT), name.strip_prefix(VISION)) {
            (Some(rest), _) => format!("{}{rest}", self.text),
            (_, Some(rest)) => format!("{}{rest}", self.vision),
            // `language_model.lm_head.weight` beside `language_model.model.*`.
            _ if name == HEAD && !self.routes.contains_key(name) => format!("language_model.{name}"),
            _ => name.to_owned(),
        }
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.find(name)?.1.shape.clone())
    }

    fn dtype(&self, name: &str) -> Option<DType> {
        DType::try_from(self.find(name)?.1.dtype).ok()
    }

    fn read(&self, name: &str, at: Option<usize>) -> Result<Stored> {
        let missing = || Error::MissingTensor(self.name(name));
        let (shard, info) = self.find(name).ok_or_else(missing)?;
        let dtype = match DType::try_from(info.dtype) {
            Ok(dtype @ (DType::F32 | DType::F16 | DType::BF16 | DType::F64)) => dtype,
            _ => {
                let told = format!(
                    "`{}` is stored as {:?}, which is neither 16 nor 32 bit floating point",
                    self.name(name),
                    info.dtype
                );
                return Err(Error::Unsupported(told));
            }
        };
        let (first, end) = info.data_offsets;
        let (range, shape) = match (at, info.shape.split_first()) {
            (None, _) => (first..end, info.shape.as_slice()),
            (Some(i), Some((count, rest))) if i < *count => {
                let bytes = (end - first) / count;
                (first + i * bytes..first + (i + 1) * bytes, rest)
            }
            _ => return Err(missing()),
        };
        let range = shard.start + range.start..shard.start + range.end;
        shard.file.read(range, |bytes| Ok(Stored::Tensor(Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?)))
    }
}

//! Which checkpoint is loaded: a folder, a pulled model by its name, or the bundled one, which is inside this binary.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use engine::fit::Machine;
use hub::{Repository, Shelf};
use shots::{Device, TransNet};

use crate::config::Config;

/// Name of the bundled checkpoint's folder.
const NAME: &str = "timepin-tiny";

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../models/timepin-tiny/", $name)) as &[u8])),*]
    };
}

/// The bundled checkpoint, file by file.
const FILES: &[(&str, &[u8])] = bundled![
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "timepin.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "model.safetensors",
    "time_pointer.safetensors",
];

/// The machine models would be loaded on, with the memory that is free now; none where it does not say.
///
/// # Errors
/// A device that means none.
pub(crate) fn machine(config: &Config) -> anyhow::Result<Option<Machine>> {
    Ok(engine::machine(&config.device, config.precision, config.kv_cache, config.threads)?)
}

/// Where pulled models are.
pub(crate) fn shelf(config: &Config) -> Shelf {
    Shelf::new(config.data.join("models"))
}

/// The folder to load, and whether it is the bundled checkpoint.
///
/// # Errors
/// When the bundled checkpoint cannot be written to the data folder, or the model named is not here or not whole.
pub(crate) fn folder(config: &Config) -> anyhow::Result<(PathBuf, bool)> {
    match &config.model {
        Some(named) => {
            let folder = if named.is_dir() { named.clone() } else { pulled(config, named)? };
            let bundled = folder.file_name().is_some_and(|name| name == NAME);
            Ok((folder, bundled))
        }
        None => Ok((bundled_folder(&config.data)?, true)),
    }
}

/// No model that transcribes speech is named.
#[derive(Debug, thiserror::Error)]
#[error(
    "no speech model is set; get one with `timepin pull openai/whisper-base` and give --speech-model openai/whisper-base, or \
     put speech_model into config.yaml"
)]
pub(crate) struct NoSpeechModel;

/// The folder of the model that transcribes speech.
///
/// # Errors
/// When none is named, or the one named is not here or not whole.
pub(crate) fn speech_folder(config: &Config) -> anyhow::Result<PathBuf> {
    let named = config.speech_model.as_ref().ok_or(NoSpeechModel)?;
    folder_or_pulled(config, named)
}

/// The folder of the sentence encoder, if one is named.
///
/// # Errors
/// When the one named is not here or not whole.
pub(crate) fn text_folder(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    config.text_model.as_ref().map(|named| folder_or_pulled(config, named)).transpose()
}

/// The folder of the encoder of pictures and sentences, if one is named.
///
/// # Errors
/// When the one named is not here or not whole.
pub(crate) fn image_folder(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    config.image_model.as_ref().map(|named| folder_or_pulled(config, named)).transpose()
}

fn folder_or_pulled(config: &Config, named: &Path) -> anyhow::Result<PathBuf> {
    if named.is_dir() { Ok(named.to_owned()) } else { pulled(config, named) }
}

/// The model that finds where shots begin, if one is named. It takes half of the cores: answers come first.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn shots(config: &Config) -> anyhow::Result<Option<Arc<TransNet>>> {
    let cores =
        config.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), |n| n as usize);
    let open = |path: &PathBuf| TransNet::open(path, &Device::Cpu, cores.div_ceil(2));
    Ok(config.shot_model.as_ref().map(open).transpose()?.map(Arc::new))
}

/// What is no folder may be a name. What is no name either stays a folder, and the loader says that it is not there.
fn pulled(config: &Config, named: &Path) -> anyhow::Result<PathBuf> {
    match named.to_str().and_then(|text| text.parse::<Repository>().ok()) {
        Some(repository) => Ok(shelf(config).find(&repository)?),
        None => Ok(named.to_owned()),
    }
}

/// The folder of the bundled checkpoint: beside the binary or where we stand, or written to the data folder.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn bundled_folder(data: &Path) -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("models").join(NAME)));
    let nearby = [Some(Path::new("models").join(NAME)), beside].into_iter().flatten();
    match nearby.into_iter().find(|folder| folder.join("config.json").is_file()) {
        Some(folder) => Ok(folder),
        None => unpack(data),
    }
}

/// Writes the bundled checkpoint where the loader can map it. The folder's name says which version it is, so a newer
/// binary never loads an older one's files.
fn unpack(data: &Path) -> anyhow::Result<PathBuf> {
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in FILES {
        hasher.update(name.as_bytes()).update(bytes);
    }
    let version = hasher.finalize().to_hex();
    let parent = data.join("bundled").join(version.get(..16).unwrap_or("bundled"));
    let folder = parent.join(NAME);
    if folder.is_dir() {
        return Ok(folder);
    }
    // Written aside and renamed: a folder under its final name is complete.
    let partial = parent.join(format!("{NAME}.{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&partial)?;
        for (name, bytes) in FILES {
            fs::write(partial.join(name), bytes)?;
        }
        match fs::rename(&partial, &folder) {
            // Another process was faster.
            Err(_) if folder.is_dir() => fs::remove_dir_all(&partial),
            renamed => renamed,
        }
    };
    write().with_context(|| format!("cannot write the bundled model to {}", parent.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_checkpoint_unpacks_once_and_whole() {
        let data = tempfile::tempdir().unwrap();
        let folder = unpack(data.path()).unwrap();
        for (name, bytes) in FILES {
            assert_eq!(fs::read(folder.join(name)).unwrap(), *bytes, "{name}");
        }
        assert_eq!(unpack(data.path()).unwrap(), folder);
        assert!(FILES.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 12 << 20);
    }
}

//! Pictures and sentences as directions in one space: a picture that shows what a sentence says points nearly where the sentence
//! does. A published CLIP model (`openai/clip-vit-large-patch14` and its kin), in f32 on the CPU.

mod config;
mod error;

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::clip::ClipModel;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use rayon::ThreadPool;
use tokenizers::{Tokenizer, TruncationParams};

pub use error::{Error, Result};

/// What OpenAI's models were shown: mean and deviation of red, green and blue (`preprocessor_config.json`).
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// An encoder of pictures and sentences.
pub struct Encoder {
    model: ClipModel,
    tokenizer: Tokenizer,
    side: usize,
    fingerprint: String,
    threads: ThreadPool,
}

impl Encoder {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` of a folder. It computes on so many threads of its own, so that
    /// whatever else computes is not held up by it.
    ///
    /// # Errors
    /// When one of them cannot be read or is not that of a CLIP model.
    pub fn open(folder: &Path, threads: usize) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| Error::Read { path, source })
        };
        let named = read("config.json")?;
        let config = config::read(&named)?;
        let mut tokenizer =
            Tokenizer::from_bytes(read("tokenizer.json")?).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let (longest, tokens) = (config.text_config.max_position_embeddings, config.text_config.vocab_size);
        let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|e| Error::Tokenizer(e.to_string()))?;
        tokenizer.with_padding(None);
        if tokenizer.get_vocab_size(true) > tokens {
            return Err(Error::Config(format!("tokenizer.json has more than the {tokens} tokens of config.json")));
        }
        let weights = read("model.safetensors")?;
        let tensors = candle_core::safetensors::load_buffer(&weights, &Device::Cpu)?;
        let model = ClipModel::new(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), &config)?;
        let threads =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("sight-{i}")).build()?;
        let fingerprint = blake3::Hasher::new().update(&named).update(&weights).finalize().to_hex()[..32].to_owned();
        Ok(Self { model, tokenizer, side: config.image_size, fingerprint, threads })
    }

    /// Names the model: directions of another are of no use.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The direction of a sentence, of length one. What is beyond the model's tokens is left out.
    ///
    /// # Errors
    /// When the tokenizer or the model fails.
    pub fn sentence(&self, text: &str) -> Result<Vec<f32>> {
        let encoding = self.tokenizer.encode(text, true).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let ids = Tensor::new(encoding.get_ids(), &Device::Cpu)?.unsqueeze(0)?;
        let direction = self.threads.install(|| self.model.get_text_features(&ids))?;
        Ok(level(&direction)?.pop().unwrap_or_default())
    }

    /// The direction of each picture, of length one. A picture is made a square whatever its shape: the model's own way, to cut the
    /// sides off, would not see what happens there.
    ///
    /// # Errors
    /// When the model fails.
    pub fn pictures(&self, pictures: &[&RgbImage]) -> Result<Vec<Vec<f32>>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        self.threads.install(|| {
            let planes = pictures.iter().map(|picture| self.planes(picture)).collect::<Result<Vec<_>>>()?;
            level(&self.model.get_image_features(&Tensor::stack(&planes, 0)?)?)
        })
    }

    /// [3, side, side], as the model was shown pictures.
    fn planes(&self, picture: &RgbImage) -> Result<Tensor> {
        let side = u32::try_from(self.side).unwrap_or(u32::MAX);
        let small = resize(picture, side, side, FilterType::CatmullRom);
        let mut planes = Vec::with_capacity(3 * self.side * self.side);
        for (channel, (mean, deviation)) in MEAN.into_iter().zip(DEVIATION).enumerate() {
            let levels = small.as_raw().iter().skip(channel).step_by(3);
            planes.extend(levels.map(|&level| (f32::from(level) / 255.0 - mean) / deviation));
        }
        Ok(Tensor::from_vec(planes, (3, self.side, self.side), &Device::Cpu)?)
    }
}

/// Rows of length one.
fn level(rows: &Tensor) -> Result<Vec<Vec<f32>>> {
    let length = rows.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12, f64::INFINITY)?;
    Ok(rows.broadcast_div(&length)?.to_vec2()?)
}

/// How near two directions are, from −1 to 1.
pub fn nearness(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

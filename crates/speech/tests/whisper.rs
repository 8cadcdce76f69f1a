//! The same numbers as Hugging Face transformers 4.57.6, on the golden files that `training/golden_whisper.py` writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use speech::{MelSpectrogram, Options, Phrase, Transcriber, Whisper, align, attempt};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

struct Golden {
    model: Whisper,
    tensors: HashMap<String, Tensor>,
}

impl Golden {
    fn open() -> Self {
        let tensors = candle_core::safetensors::load(folder().join("golden.safetensors"), &Device::Cpu).unwrap();
        Self { model: Whisper::open(&folder()).unwrap(), tensors }
    }

    fn numbers(&self, name: &str) -> Vec<u32> {
        let numbers: Vec<i64> = self.tensors[name].to_vec1().unwrap();
        numbers.into_iter().map(|number| number as u32).collect()
    }

    fn sound(&self) -> Vec<f32> {
        let samples: Vec<i16> = self.tensors["audio"].to_vec1().unwrap();
        samples.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect()
    }

    fn encoded(&self) -> Tensor {
        self.model.encode(&self.tensors["mel"].unsqueeze(0).unwrap()).unwrap()
    }

    fn prompt(&self) -> Vec<u32> {
        self.model.prompt(Some("zh")).unwrap()
    }
}

fn furthest(found: &Tensor, wanted: &Tensor) -> f32 {
    assert_eq!(found.dims(), wanted.dims());
    (found - wanted).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

#[test]
fn the_spectrogram_is_the_reference_one() {
    let golden = Golden::open();
    let found = MelSpectrogram::new(80).unwrap().of(&golden.sound(), golden.model.config().window_samples()).unwrap();
    let distance = furthest(&found.squeeze(0).unwrap(), &golden.tensors["mel"]);
    assert!(distance < 1e-4, "{distance}");
}

#[test]
fn encoder_and_logits_are_the_reference_ones() {
    let golden = Golden::open();
    let encoded = golden.encoded();
    let distance = furthest(&encoded.squeeze(0).unwrap(), &golden.tensors["encoded"]);
    assert!(distance < 1e-4, "{distance}");
    let mut listener = golden.model.listener(&encoded).unwrap();
    let states = listener.write(&golden.numbers("aligned")).unwrap();
    let distance = furthest(&listener.logits(&states).unwrap(), &golden.tensors["logits"]);
    assert!(distance < 1e-3, "{distance}");
}

#[test]
fn tokens_one_by_one_give_the_logits_of_all_at_once() {
    let golden = Golden::open();
    let mut listener = golden.model.listener(&golden.encoded()).unwrap();
    for (row, token) in golden.numbers("aligned").into_iter().enumerate() {
        let states = listener.write(&[token]).unwrap();
        let wanted = golden.tensors["logits"].narrow(0, row, 1).unwrap();
        let distance = furthest(&listener.logits(&states).unwrap(), &wanted);
        assert!(distance < 1e-3, "row {row}: {distance}");
    }
}

#[test]
fn the_greedy_transcript_has_the_reference_tokens_and_moments() {
    let golden = Golden::open();
    let mut listener = golden.model.listener(&golden.encoded()).unwrap();
    let written = attempt(&golden.model, &mut listener, &golden.prompt(), 0.0).unwrap().tokens;
    assert_eq!(written, golden.numbers("written"));
    // Once more, as the words are timed: nothing of the first time is left.
    let aligned = golden.numbers("aligned");
    let (prompt, text) = aligned.split_at(golden.prompt().len());
    assert_eq!(prompt, golden.prompt());
    listener.begin();
    listener.write(prompt).unwrap();
    let scores = listener.watch(text, golden.model.alignment_heads()).unwrap();
    let starts = align(&scores, golden.sound().len() / 320).unwrap();
    assert_eq!(starts.iter().map(|start| *start as u32).collect::<Vec<_>>(), golden.numbers("starts"));
}

fn transcribe(model: &Whisper, samples: &[f32], piece: usize) -> Vec<Phrase> {
    let mut transcriber = Transcriber::new(model, &Options { language: Some("de".into()), from: 0 }).unwrap();
    let pieces = samples.chunks(piece).flat_map(|samples| transcriber.hear(samples).unwrap());
    let mut phrases: Vec<Phrase> = pieces.collect();
    phrases.extend(transcriber.finish().unwrap());
    phrases
}

#[test]
fn a_file_gives_the_same_phrases_however_it_arrives_each_inside_it_and_in_order() {
    let golden = Golden::open();
    // The tones, six seconds of silence, the tones again.
    let samples = [golden.sound(), vec![0.0; 96_000], golden.sound()].concat();
    let phrases = transcribe(&golden.model, &samples, samples.len());
    assert!(!phrases.is_empty());
    assert_eq!(transcribe(&golden.model, &samples, 1_001), phrases);
    let end = samples.len() as i64 * 125 / 2;
    for phrase in &phrases {
        let spans = phrase.words.iter().map(|word| word.span).chain([phrase.cue.span]);
        assert!(spans.into_iter().all(|span| 0 <= span.start.micros() && span.start <= span.end));
        assert!(phrase.words.iter().all(|word| word.span.end.micros() <= end));
    }
    assert!(phrases.is_sorted_by_key(|phrase| phrase.cue.span.start));
    let silent = |phrase: &&Phrase| (3_000_000..8_000_000).contains(&phrase.cue.span.start.micros());
    assert!(!phrases.iter().any(|phrase| silent(&phrase)), "{phrases:?}");
}

#[test]
fn silence_is_not_transcribed() {
    assert!(transcribe(&Golden::open().model, &vec![0.0; 320_000], 4_000).is_empty());
}

#[test]
fn a_language_the_model_does_not_know_is_refused_with_those_it_knows() {
    let golden = Golden::open();
    let options = Options { language: Some("tlh".into()), from: 0 };
    let refused = Transcriber::new(&golden.model, &options).unwrap_err().to_string();
    assert!(refused.contains("`tlh`") && refused.contains("en, zh, ja, de"), "{refused}");
    assert_eq!(golden.model.prompt(Some("zh-Hans")).unwrap(), golden.prompt());
}

/// The golden model with a file changed or missing.
fn open_with(change: impl Fn(&Path)) -> String {
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(folder().join(name), copy.path().join(name)).unwrap();
    }
    change(copy.path());
    Whisper::open(copy.path()).unwrap_err().to_string()
}

#[test]
fn a_folder_that_is_no_whole_model_is_refused_with_the_file_at_fault() {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let told = open_with(|folder| std::fs::remove_file(folder.join(name)).unwrap());
        assert!(told.contains(name) && told.contains("timepin pull"), "{told}");
    }
    let cut = open_with(|folder| {
        let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
        std::fs::write(folder.join("model.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(cut.contains("cannot be used"), "{cut}");
    let other = open_with(|folder| {
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        std::fs::write(
            folder.join("config.json"),
            config.replace("\"encoder_ffn_dim\": 64", "\"encoder_ffn_dim\": 65"),
        )
        .unwrap();
    });
    assert!(other.contains("fc1"), "{other}");
    let heads = open_with(|folder| {
        let name = folder.join("generation_config.json");
        std::fs::write(name, r#"{"alignment_heads": [[7, 0]], "is_multilingual": true}"#).unwrap();
    });
    assert!(heads.contains("layer 7"), "{heads}");
}

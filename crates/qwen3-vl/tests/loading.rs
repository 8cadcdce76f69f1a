//! Broken checkpoints: each is told in a sentence that says what to do, none panics or takes memory its files do not justify.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use qwen3_vl::{Error, LoadOptions, Message, Qwen3Vl, Wrapper};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Remembers the largest single allocation.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Tests of this file share the watch.
static TURN: Mutex<()> = Mutex::new(());

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A copy of a golden model, to be broken.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden(name)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("cases") {
            fs::copy(&path, folder.path().join(name)).unwrap();
        }
    }
    folder
}

fn load(folder: &Path) -> Result<Qwen3Vl, Error> {
    Qwen3Vl::load(folder, LoadOptions::default())
}

fn refused(folder: &Path) -> Error {
    load(folder).expect_err("it loaded")
}

/// Changes `config.json`.
fn configure(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn a_missing_shard_is_named() {
    let folder = copy("untied");
    fs::remove_file(folder.path().join("model-00002-of-00003.safetensors")).unwrap();
    let error = refused(folder.path());
    assert!(
        matches!(&error, Error::MissingShard { name, .. } if name == "model-00002-of-00003.safetensors"),
        "{error}"
    );
    assert!(error.to_string().contains("download the missing file"), "{error}");
}

#[test]
fn a_folder_without_weights_names_the_file() {
    let folder = copy("tied");
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let error = refused(folder.path());
    assert!(matches!(&error, Error::Read { path, .. } if path.ends_with("model.safetensors")), "{error}");
}

#[test]
fn a_file_that_is_cut_off_says_how_many_bytes_it_should_have() {
    let folder = copy("tied");
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in [0, 7, 8, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(folder.path());
        let Error::Truncated { found, expected, .. } = error else { panic!("{length}: {error}") };
        assert!(found == length as u64 && expected > found && expected <= whole.len() as u64);
    }
    assert!(refused(folder.path()).to_string().contains("let the download finish"));
}

#[test]
fn a_header_that_is_none_is_told_apart_from_a_cut_file() {
    let folder = copy("tied");
    let path = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(b"<htm");
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(refused(folder.path()), Error::Damaged { .. }));
    // A web page saved under the name of a checkpoint: its first bytes make an absurd length.
    fs::write(&path, "<!doctype html><title>404</title>").unwrap();
    let error = refused(folder.path());
    assert!(matches!(&error, Error::Damaged { .. }) && error.to_string().contains("download it again"), "{error}");
}

#[test]
fn weights_of_another_type_are_named() {
    for (dtype, width) in [("I64", 8), ("F8_E4M3", 1), ("U8", 1), ("F64", 8)] {
        let folder = copy("tied");
        let header = json!({
            "model.language_model.embed_tokens.weight": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * width]}
        });
        let header = header.to_string().into_bytes();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &vec![0; 2 * width]].concat();
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        let error = refused(folder.path());
        assert!(matches!(&error, Error::WeightType { name, .. } if name.ends_with("embed_tokens.weight")), "{error}");
        assert!(error.to_string().contains("F32, F16 and BF16"), "{error}");
    }
}

#[test]
fn another_architecture_is_called_by_its_name() {
    for kind in ["llama", "qwen2_5_vl"] {
        let folder = copy("tied");
        configure(folder.path(), |config| config["model_type"] = json!(kind));
        let error = refused(folder.path());
        assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains(kind), "{error}");
    }
}

#[test]
fn a_tokenizer_of_another_model_is_noticed() {
    let cases: [(&str, Value, &str); 4] = [
        ("/video_token_id", json!(151_656), "`<|video_pad|>` the id 151656"),
        ("/vision_end_token_id", json!(3), "`<|vision_end|>` the id 3"),
        ("/image_token_id", json!(u32::MAX), "`<|image_pad|>`"),
        ("/text_config/vocab_size", json!(200), "embeddings for 200"),
    ];
    for (field, value, expected) in cases {
        let folder = copy("tied");
        configure(folder.path(), |config| *config.pointer_mut(field).unwrap() = value);
        let error = refused(folder.path());
        assert!(matches!(error, Error::Vocabulary(_)) && error.to_string().contains(expected), "{error}");
    }
    let folder = copy("tied");
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("<|video_pad|>", "<|film_pad|>")).unwrap();
    assert!(refused(folder.path()).to_string().contains("no `<|video_pad|>`"));
}

#[test]
fn impossible_numbers_are_refused_by_their_field_before_memory_is_taken() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    for field in [
        "/text_config/num_hidden_layers",
        "/text_config/hidden_size",
        "/text_config/head_dim",
        "/text_config/num_attention_heads",
        "/text_config/vocab_size",
        "/vision_config/depth",
        "/vision_config/num_heads",
        "/vision_config/num_position_embeddings",
    ] {
        for value in [json!(0), json!(1_u64 << 62), json!(u64::MAX)] {
            let folder = copy("tied");
            configure(folder.path(), |config| *config.pointer_mut(field).unwrap() = value.clone());
            LARGEST.store(0, Ordering::Relaxed);
            let said = refused(folder.path()).to_string();
            let name = field.rsplit('/').next().unwrap();
            assert!(said.contains(name), "{field} = {value}: {said}");
            assert!(LARGEST.load(Ordering::Relaxed) < 16 << 20, "{field} = {value}");
        }
    }
    for (field, value) in [("rms_norm_eps", json!(-1.0)), ("rope_theta", json!(0.0)), ("rms_norm_eps", json!("NaN"))] {
        let folder = copy("tied");
        configure(folder.path(), |config| config["text_config"][field] = value);
        assert!(matches!(refused(folder.path()), Error::Unsupported(_) | Error::Json { .. }));
    }
    let folder = copy("tied");
    let path = folder.path().join("config.json");
    // What Python writes for a number that is none.
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("1e-06", "NaN")).unwrap();
    let error = refused(folder.path());
    assert!(matches!(&error, Error::Json { path, .. } if path.ends_with("config.json")), "{error}");
}

#[test]
fn a_model_larger_than_memory_is_told_before_a_weight_is_read() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let folder = copy("tied");
    configure(folder.path(), |config| {
        config["text_config"]["intermediate_size"] = json!(1 << 22);
        config["text_config"]["num_hidden_layers"] = json!(1 << 12);
    });
    LARGEST.store(0, Ordering::Relaxed);
    let error = refused(folder.path());
    assert!(matches!(&error, Error::TooLarge { needed, available, .. } if needed > available), "{error}");
    assert!(error.to_string().contains("`timepin fit` shows which fit"), "{error}");
    assert!(LARGEST.load(Ordering::Relaxed) < 16 << 20);

    // Blocks of a GGUF take what the file takes: here eight tebibytes that no disk holds.
    let folder = copy("gguf");
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("tiny-Q4_K_M.gguf")).unwrap();
    file.set_len(8 << 40).unwrap();
    let error = refused(folder.path());
    assert!(matches!(&error, Error::TooLarge { needed, .. } if *needed > 8 << 40), "{error}");
    assert!(error.to_string().contains("the files' own formats"), "{error}");
}

#[test]
fn a_prompt_longer_than_the_window_says_by_how_much() {
    let folder = copy("tied");
    configure(folder.path(), |config| config["text_config"]["max_position_embeddings"] = json!(20));
    let model = load(folder.path()).unwrap();
    let prompt = model.prompt(&[Message::text("user", &"when ".repeat(30))], Wrapper::default()).unwrap();
    let mut session = model.new_session();
    let error = model.prefill(&mut session, prompt.parts(), &|| false).unwrap_err();
    let Error::TooLong { needed, limit: 20 } = error else { panic!("{error}") };
    assert!(error.to_string().contains(&format!("{} more than the model's 20", needed - 20)), "{error}");
    assert!(session.is_empty());
}

/// Loads what a mutation left. Whether it is refused or not: no panic, and no allocation beyond a few times the files.
fn survive(folder: &Path) {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    LARGEST.store(0, Ordering::Relaxed);
    let _ = load(folder);
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < 32 << 20, "one allocation of {largest} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_byte_of_a_header_may_be_wrong(flips in proptest::collection::vec((0_usize..1 << 20, any::<u8>()), 1..4), cut: Option<u32>) {
        let folder = copy("tied");
        let path = folder.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (at, value) in flips {
            bytes[at % header] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut as usize % bytes.len());
        }
        fs::write(&path, bytes).unwrap();
        survive(folder.path());
    }

    #[test]
    fn any_byte_of_a_configuration_may_be_wrong(flips in proptest::collection::vec((0_usize..1 << 20, any::<u8>()), 1..4)) {
        let folder = copy("tied");
        let path = folder.path().join("config.json");
        let mut bytes = fs::read(&path).unwrap();
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        fs::write(&path, bytes).unwrap();
        survive(folder.path());
    }

    #[test]
    fn any_number_of_a_configuration_may_be_another(which in any::<prop::sample::Index>(), value in prop_oneof![
        Just(json!(0)), Just(json!(-1)), Just(json!(1)), Just(json!(u64::MAX)), Just(json!(1_u64 << 31)), Just(json!(1e300)),
        Just(Value::Null), (2_u64..5000).prop_map(|n| json!(n)),
    ]) {
        let folder = copy("tied");
        configure(folder.path(), |config| {
            let part = if which.index(2) == 0 { "text_config" } else { "vision_config" };
            let fields = config[part].as_object_mut().unwrap();
            let numbers: Vec<String> = fields.iter().filter(|(_, v)| v.is_number()).map(|(k, _)| k.clone()).collect();
            fields.insert(numbers[which.index(numbers.len())].clone(), value);
        });
        survive(folder.path());
    }
}

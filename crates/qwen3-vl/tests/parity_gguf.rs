//! GGUF as llama.cpp lays it out, against Hugging Face transformers 4.57.6 on the dequantised weights
//! (`training/golden_gguf.py`), and a mixture of experts written here in that layout.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use common::{Golden, golden, load_as, merged, prompt};
use qwen3_vl::{LoadOptions, Precision, Qwen3Vl, Tokenizer, Wrapper, is_model_folder};

fn load_in(precision: Precision) -> Golden {
    load_as("gguf", &golden().join("gguf"), LoadOptions { precision, ..LoadOptions::default() })
}

#[test]
fn dequantised_weights_answer_as_the_reference_however_the_prompt_is_cut() {
    let golden = load_in(Precision::F32);
    assert_eq!(golden.cases.len(), 2);
    for case in &golden.cases {
        assert_eq!(
            prompt(&golden, case, Wrapper::Replaced).input_ids(golden.model.config()),
            common::numbers(&case.json["input_ids"])
        );
        [4096, 7].into_iter().for_each(|chunk| golden.logits_agree(case, chunk));
        golden.greedy_agrees(case);
        golden.forks_agree(case);
    }
}

/// Logits of every token of a case, the vision tower's features included.
fn logits(golden: &Golden, case: usize) -> Tensor {
    let prompt = prompt(golden, &golden.cases[case], Wrapper::Replaced);
    golden.model.prefill_scored(&mut golden.model.new_session(), prompt.parts(), 4096).unwrap()
}

#[test]
fn blocks_are_computed_with_as_they_are_stored() {
    let (exact, blocks) = (load_in(Precision::F32), load_in(Precision::Auto));
    let formats: Vec<_> = blocks.model.footprint().decoder().keys().map(String::as_str).collect();
    assert_eq!(formats, ["F32", "Q2K", "Q3K", "Q4K", "Q4_0", "Q4_1", "Q5K", "Q5_0", "Q5_1", "Q6K", "Q8_0"]);
    assert!(blocks.model.footprint().bytes() * 3 < exact.model.footprint().bytes());
    for case in 0..exact.cases.len() {
        let (exact, found) = (logits(&exact, case), logits(&blocks, case));
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
        let gap = norm(&(&exact - &found).unwrap()) / norm(&exact);
        assert!(gap < 0.05, "{gap}: only activations are rounded");
    }
}

#[test]
fn the_tokenizer_in_the_metadata_is_the_tokenizer_in_the_file() {
    let built = load_in(Precision::Auto);
    let built = built.model.tokenizer();
    let read = Tokenizer::read(&golden().join("tied")).unwrap();
    for text in [
        "When does the red circle appear?",
        "<|im_start|>user\n<12.5 seconds><|vision_start|><|video_pad|><|vision_end|>红色圆形什么时候出现？<|im_end|>",
        "  It's 1234, isn't it?\r\n\n\tcafe\u{301} 😀  ",
    ] {
        let ids = built.encode(text).unwrap();
        assert_eq!(ids, read.encode(text).unwrap(), "{text}");
        assert_eq!(built.decode(&ids).unwrap(), read.decode(&ids).unwrap());
    }
    let think = built.encode("<think>").unwrap();
    assert_eq!(
        (think.len(), built.decode(&think).unwrap().as_str()),
        (1, "<think>"),
        "an added token that is not special"
    );
    assert_eq!(built.plain("<|im_end|>"), read.plain("<|im_end|>"));
}

/// Writes a model folder in the published layout as a text GGUF and an mmproj GGUF, in f32.
fn convert_mixture(source: &Path) -> tempfile::TempDir {
    let tensors = candle_core::safetensors::load(source.join("model.safetensors"), &Device::Cpu).unwrap();
    let config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(source.join("config.json")).unwrap()).unwrap();
    let tokenizer: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(source.join("tokenizer.json")).unwrap()).unwrap();
    let (text, vision) = (&config["text_config"], &config["vision_config"]);
    let number = |v: &serde_json::Value| Value::U32(v.as_u64().unwrap() as u32);
    let word = |v: &str| Value::String(v.into());
    let mut vocabulary: Vec<(u64, String)> = tokenizer["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(token, id)| (id.as_u64().unwrap(), token.clone()))
        .chain(
            tokenizer["added_tokens"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| (t["id"].as_u64().unwrap(), t["content"].as_str().unwrap().to_owned())),
        )
        .collect();
    vocabulary.sort();
    vocabulary.dedup();
    let arch = |key: &str| format!("qwen3vlmoe.{key}");
    let text_metadata = [
        ("general.architecture".to_owned(), word("qwen3vlmoe")),
        (arch("context_length"), number(&text["max_position_embeddings"])),
        (arch("embedding_length"), number(&text["hidden_size"])),
        (arch("block_count"), number(&text["num_hidden_layers"])),
        (arch("feed_forward_length"), number(&text["intermediate_size"])),
        (arch("expert_count"), number(&text["num_experts"])),
        (arch("expert_used_count"), number(&text["num_experts_per_tok"])),
        (arch("expert_feed_forward_length"), number(&text["moe_intermediate_size"])),
        (arch("attention.head_count"), number(&text["num_attention_heads"])),
        (arch("attention.head_count_kv"), number(&text["num_key_value_heads"])),
        (arch("attention.key_length"), number(&text["head_dim"])),
        (arch("rope.freq_base"), Value::F32(5e6)),
        (arch("rope.dimension_sections"), Value::Array([4, 2, 2, 0].map(Value::I32).to_vec())),
        (arch("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
        (arch("n_deepstack_layers"), Value::U32(2)),
        ("tokenizer.ggml.tokens".to_owned(), Value::Array(vocabulary.iter().map(|(_, t)| word(t)).collect())),
    ];
    let clip = |key: &str| format!("clip.vision.{key}");
    let vision_metadata = [
        ("general.architecture".to_owned(), word("clip")),
        ("clip.projector_type".to_owned(), word("qwen3vl_merger")),
        (clip("projection_dim"), number(&vision["out_hidden_size"])),
        (clip("image_size"), Value::U32(96)),
        (clip("patch_size"), Value::U32(16)),
        (clip("embedding_length"), number(&vision["hidden_size"])),
        (clip("feed_forward_length"), number(&vision["intermediate_size"])),
        (clip("block_count"), number(&vision["depth"])),
        (clip("attention.head_count"), number(&vision["num_heads"])),
        (clip("is_deepstack_layers"), Value::Array([true, false, true].map(Value::Bool).to_vec())),
    ];
    let (mut text_tensors, mut vision_tensors) = (Vec::new(), Vec::new());
    for (name, tensor) in tensors {
        for (name, tensor) in renamed(&name, &tensor) {
            let list =
                if name.starts_with("v.") || name.starts_with("mm.") { &mut vision_tensors } else { &mut text_tensors };
            list.push((name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap()));
        }
    }
    // Tokenizer and template lie beside the GGUF here.
    let folder = merged(&[source]);
    for name in ["config.json", "model.safetensors"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    write(&folder.path().join("text.gguf"), &text_metadata, &text_tensors);
    write(&folder.path().join("mmproj.gguf"), &vision_metadata, &vision_tensors);
    folder
}

fn write(path: &Path, metadata: &[(String, Value)], tensors: &[(String, QTensor)]) {
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// The tensors a published one becomes, by the words of llama.cpp.
fn renamed(name: &str, tensor: &Tensor) -> Vec<(String, Tensor)> {
    let words = [
        ("model.language_model.layers.", "blk."),
        ("model.language_model.embed_tokens", "token_embd"),
        ("model.language_model.norm", "output_norm"),
        ("lm_head", "output"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.", "attn_"),
        ("mlp.gate.", "ffn_gate_inp."),
        ("_proj.weight", ".weight"),
        ("model.visual.blocks.", "v.blk."),
        ("model.visual.patch_embed.proj", "v.patch_embd"),
        ("model.visual.pos_embed", "v.position_embd"),
        ("model.visual.merger.norm", "v.post_ln"),
        ("model.visual.merger.linear_fc1", "mm.0"),
        ("model.visual.merger.linear_fc2", "mm.2"),
        ("model.visual.deepstack_merger_list.0.", "v.deepstack.0."),
        ("model.visual.deepstack_merger_list.1.", "v.deepstack.2."),
        ("mlp.linear_fc1", "ffn_up"),
        ("mlp.linear_fc2", "ffn_down"),
        ("linear_fc", "fc"),
        (".norm1", ".ln1"),
        (".norm2", ".ln2"),
        ("attn.qkv", "attn_qkv"),
        ("attn.proj", "attn_out"),
        ("mlp.", "ffn_"),
    ];
    let new = words.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
    let of = |part: &str| new.replace("experts.gate_up_proj", part).replace("experts.down_proj", part);
    let turned = |t: &Tensor| t.transpose(1, 2).unwrap().contiguous().unwrap();
    if new.ends_with("experts.gate_up_proj") {
        let halves = turned(tensor).chunk(2, 1).unwrap();
        let part = |name: &str, t: &Tensor| (of(name), t.contiguous().unwrap());
        return vec![part("gate_exps.weight", &halves[0]), part("up_exps.weight", &halves[1])];
    }
    if new.ends_with("experts.down_proj") {
        return vec![(of("down_exps.weight"), turned(tensor))];
    }
    if new == "v.patch_embd.weight" {
        let frame = |i| tensor.narrow(2, i, 1).unwrap().squeeze(2).unwrap().contiguous().unwrap();
        return vec![(new.clone(), frame(0)), (format!("{new}.1"), frame(1))];
    }
    vec![(new, tensor.clone())]
}

#[test]
fn a_mixture_in_gguf_answers_as_the_reference() {
    let folder = convert_mixture(&golden().join("moe"));
    let golden = load_as("moe", folder.path(), LoadOptions::default());
    assert_eq!(golden.model.config().text_config.num_experts, 6);
    for case in &golden.cases {
        golden.logits_agree(case, 4096);
        golden.greedy_agrees(case);
    }
}

fn refusal(folder: &Path) -> qwen3_vl::Error {
    Qwen3Vl::load(folder, LoadOptions::default()).unwrap_err()
}

const TEXT: &str = "tiny-Q4_K_M.gguf";
const VISION: &str = "mmproj-tiny-F16.gguf";

#[test]
fn a_text_model_alone_and_other_models_are_refused_with_advice() {
    use qwen3_vl::Error;
    let source = golden().join("gguf");
    let folder = merged(&[&source]);
    let at = |name: &str| folder.path().join(name);
    assert!(is_model_folder(folder.path()));
    std::fs::copy(at(TEXT), at("another.gguf")).unwrap();
    assert!(
        matches!(refusal(folder.path()), Error::Unsupported(told) if told.contains("leave the files of one model"))
    );
    std::fs::remove_file(at("another.gguf")).unwrap();

    std::fs::remove_file(at(VISION)).unwrap();
    let alone = refusal(folder.path());
    assert!(matches!(alone, Error::TextOnly(_)) && alone.to_string().contains("mmproj"), "{alone}");

    let blind = HashMap::from([("general.architecture", "clip"), ("clip.projector_type", "resampler")]);
    let mut blind: Vec<_> = blind.into_iter().map(|(k, v)| (k.to_owned(), Value::String(v.into()))).collect();
    blind.push(("clip.vision.is_deepstack_layers".into(), Value::Array(vec![Value::Bool(false); 3])));
    write(&at(VISION), &blind, &[]);
    assert!(matches!(refusal(folder.path()), Error::TextOnly(told) if told.contains("DeepStack")));

    write(&at(TEXT), &[("general.architecture".into(), Value::String("llama".into()))], &[]);
    let llama = refusal(folder.path());
    assert!(matches!(&llama, Error::Unsupported(told) if told.contains("`llama`")), "{llama}");
}

#[test]
fn a_tokenizer_beside_a_gguf_has_to_be_that_of_its_model() {
    use qwen3_vl::Error;
    let folder = merged(&[&golden().join("gguf")]);
    let tokenizer = std::fs::read_to_string(golden().join("tied/tokenizer.json")).unwrap();
    let at = folder.path().join("tokenizer.json");
    std::fs::write(&at, &tokenizer).unwrap();
    assert!(Qwen3Vl::load(folder.path(), LoadOptions::default()).is_ok(), "the right one is taken");
    std::fs::write(&at, tokenizer.replace("<|video_pad|>", "<|film_pad|>")).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, Error::Vocabulary(told) if told.contains("no `<|video_pad|>`")), "{error}");
    // More tokens than the model has embeddings for.
    let mut longer: serde_json::Value = serde_json::from_str(&tokenizer).unwrap();
    for n in 0..20 {
        longer["model"]["vocab"][format!("more {n}")] = (400 + n).into();
    }
    std::fs::write(&at, longer.to_string()).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, Error::Vocabulary(told) if told.contains("the model embeddings for")), "{error}");
}

#[test]
fn a_type_that_is_not_read_is_told_with_those_that_are() {
    use qwen3_vl::Error;
    let folder = merged(&[&golden().join("gguf")]);
    let path = folder.path().join(TEXT);
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b"blk.0.attn_q.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // Dimensions: their number in 4 bytes, two of 8; then the type, here IQ2_XXS.
    bytes[at + 20..at + 24].copy_from_slice(&16_u32.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, Error::Unsupported(told) if told.contains("K quantisation")), "{error}");
}

#[test]
fn a_damaged_file_is_named_wherever_it_was_cut() {
    use qwen3_vl::Error;
    let source = golden().join("gguf");
    for name in [TEXT, VISION] {
        let bytes = std::fs::read(source.join(name)).unwrap();
        for keep in [0, 3, 20, 500, 5_000, bytes.len() / 2, bytes.len() - 600] {
            let folder = merged(&[&source]);
            std::fs::write(folder.path().join(name), &bytes[..keep]).unwrap();
            let error = refusal(folder.path());
            assert!(
                matches!(&error, Error::Damaged { path, .. } if path.ends_with(name)),
                "{name} cut to {keep}: {error}"
            );
        }
    }
    let folder = merged(&[&source]);
    let crooked = [("general.alignment".to_owned(), Value::U32(0))];
    write(&folder.path().join(TEXT), &crooked, &[]);
    assert!(matches!(refusal(folder.path()), Error::Damaged { .. }));
}

//! Names of tensors: those of the published checkpoints, and what llama.cpp calls them
//! (`gguf-py/gguf/tensor_mapping.py`, `Qwen3VLVisionModel` of `convert_hf_to_gguf.py`).

/// Before every name of the decoder.
pub(super) const TEXT: &str = "model.language_model.";
/// Before every name of the vision tower.
pub(super) const VISION: &str = "model.visual.";
/// The output projection where it is a tensor of its own.
pub(super) const HEAD: &str = "lm_head.weight";

/// Names without their `.weight` or `.bias`, outside blocks and layers.
const SINGLE: [(&str, &str); 8] = [
    ("lm_head", "output"),
    ("model.language_model.embed_tokens", "token_embd"),
    ("model.language_model.norm", "output_norm"),
    ("model.visual.patch_embed.proj", "v.patch_embd"),
    ("model.visual.pos_embed", "v.position_embd"),
    ("model.visual.merger.norm", "v.post_ln"),
    ("model.visual.merger.linear_fc1", "mm.0"),
    ("model.visual.merger.linear_fc2", "mm.2"),
];

/// Parts of a decoder layer. Experts are one tensor per matrix, whose name has no `.weight` in published files.
const LAYER: [(&str, &str); 16] = [
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.gate", "ffn_gate_inp"),
    ("mlp.experts.gate_up_proj", "ffn_gate_up_exps"),
    ("mlp.experts.gate_proj", "ffn_gate_exps"),
    ("mlp.experts.up_proj", "ffn_up_exps"),
    ("mlp.experts.down_proj", "ffn_down_exps"),
];

/// Parts of a block of the vision tower.
const BLOCK: [(&str, &str); 6] = [
    ("norm1", "ln1"),
    ("norm2", "ln2"),
    ("attn.qkv", "attn_qkv"),
    ("attn.proj", "attn_out"),
    ("mlp.linear_fc1", "ffn_up"),
    ("mlp.linear_fc2", "ffn_down"),
];

/// Parts of a DeepStack merger.
const TAP: [(&str, &str); 3] = [("norm", "norm"), ("linear_fc1", "fc1"), ("linear_fc2", "fc2")];

/// What llama.cpp calls a tensor. taps: the blocks the DeepStack mergers follow, by which it names them.
pub(super) fn in_gguf(name: &str, taps: &[usize]) -> Option<String> {
    let (stem, kind) = match name.rsplit_once('.') {
        Some((stem, kind @ ("weight" | "bias"))) => (stem, kind),
        _ => (name, "weight"),
    };
    let find = |table: &[(&str, &'static str)], part: &str| table.iter().find(|(own, _)| *own == part).map(|t| t.1);
    if let Some(single) = find(&SINGLE, stem) {
        return Some(format!("{single}.{kind}"));
    }
    let numbered = |prefix: &str| {
        let (number, part) = stem.strip_prefix(prefix)?.split_once('.')?;
        Some((number.parse::<usize>().ok()?, part))
    };
    if let Some((i, part)) = numbered("model.language_model.layers.") {
        return Some(format!("blk.{i}.{}.{kind}", find(&LAYER, part)?));
    }
    if let Some((i, part)) = numbered("model.visual.blocks.") {
        return Some(format!("v.blk.{i}.{}.{kind}", find(&BLOCK, part)?));
    }
    let (i, part) = numbered("model.visual.deepstack_merger_list.")?;
    Some(format!("v.deepstack.{}.{}.{kind}", taps.get(i)?, find(&TAP, part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_the_converter() {
        let name = |name| in_gguf(name, &[5, 11, 17]);
        for (published, gguf) in [
            ("lm_head.weight", "output.weight"),
            ("model.language_model.layers.12.self_attn.q_norm.weight", "blk.12.attn_q_norm.weight"),
            ("model.language_model.layers.3.mlp.gate.weight", "blk.3.ffn_gate_inp.weight"),
            ("model.language_model.layers.3.mlp.experts.down_proj", "blk.3.ffn_down_exps.weight"),
            ("model.visual.blocks.7.attn.qkv.bias", "v.blk.7.attn_qkv.bias"),
            ("model.visual.deepstack_merger_list.1.linear_fc2.bias", "v.deepstack.11.fc2.bias"),
            ("model.visual.patch_embed.proj.bias", "v.patch_embd.bias"),
            ("model.visual.merger.linear_fc2.weight", "mm.2.weight"),
        ] {
            assert_eq!(name(published).as_deref(), Some(gguf));
        }
        assert_eq!(name("model.visual.deepstack_merger_list.3.norm.weight"), None);
        assert_eq!(name("model.language_model.layers.0.mlp.experts.4.up_proj.weight"), None);
    }
}

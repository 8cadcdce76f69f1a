"""Writes the golden files that `crates/qwen3-vl/tests/parity_gguf.rs` compares the Rust model with: a small Qwen3-VL in GGUF as
llama.cpp's converter lays it out (text model and mmproj), and what transformers computes with the dequantised weights.

gguf-py dequantises every type but quantises the simple ones only, so K quantisations are made of random bytes with scales
that give the spread wanted: the weights are random anyway.

    python training/golden_gguf.py       # rewrites crates/qwen3-vl/tests/golden/gguf (about 0.7 MB)

Pinned: as golden.py, and gguf 0.19.0.
"""

import json
import math
import shutil

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q

import golden

FOLDER = golden.OUT / "gguf"
ARCH = "qwen3vl"
LAYERS = 2
TAPS = [0, 2]
VISION_DEPTH = 3
# What `Q4_K_M` and other mixtures do, at its most mixed: parts of one projection in different types.
TYPES = {
    0: {"attn_q": Q.Q4_K, "attn_k": Q.Q4_K, "attn_v": Q.Q6_K, "attn_output": Q.Q5_0,
        "ffn_gate": Q.Q5_K, "ffn_up": Q.Q5_K, "ffn_down": Q.Q6_K},
    1: {"attn_q": Q.Q8_0, "attn_k": Q.Q4_0, "attn_v": Q.Q4_1, "attn_output": Q.Q5_1,
        "ffn_gate": Q.Q4_K, "ffn_up": Q.Q2_K, "ffn_down": Q.Q3_K},
}
# Bytes of a block; where its f16 scale lies; where that of the minima lies, and how large it is beside the first so that
# weights are centred.
K_BLOCKS = {
    Q.Q2_K: (84, 80, 82, 1.5), Q.Q3_K: (110, 108, None, 0.0), Q.Q4_K: (144, 0, 2, 7.5), Q.Q5_K: (176, 0, 2, 15.5),
    Q.Q6_K: (210, 208, None, 0.0),
}


def random_blocks(rng, rows: int, columns: int, kind: Q, spread: float) -> np.ndarray:
    """A matrix in a K quantisation with values of mean 0 and standard deviation `spread`: [rows, bytes of a row]."""
    size, scale_at, minimum_at, ratio = K_BLOCKS[kind]
    blocks = rng.integers(0, 256, (rows * columns // 256, size), dtype=np.uint8)

    def scaled(scale: float) -> np.ndarray:
        blocks[:, scale_at:scale_at + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
        if minimum_at is not None:
            blocks[:, minimum_at:minimum_at + 2] = np.frombuffer(np.float16(scale * ratio).tobytes(), np.uint8)
        return blocks.reshape(rows, -1)

    return scaled(spread / gguf.quants.dequantize(scaled(1.0), kind).std())


def stored(rng, values: torch.Tensor, kind: Q, spread: float) -> np.ndarray:
    if kind in K_BLOCKS:
        return random_blocks(rng, *values.shape, kind, spread)
    return gguf.quants.quantize(values.numpy(), kind)


class File:
    """One GGUF file; what it holds is put into the model as it will be read."""

    def __init__(self, name: str, arch: str):
        self.writer = gguf.GGUFWriter(FOLDER / name, arch)
        self.rng = np.random.default_rng(21)

    def add(self, name: str, parameter: torch.Tensor, kind: Q, spread: float = 0.0) -> None:
        data = stored(self.rng, parameter.detach(), kind, spread)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(gguf.quants.dequantize(data, kind).reshape(parameter.shape).copy()))
        self.writer.add_tensor(name, data, raw_dtype=kind)

    def close(self) -> None:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def add_tokenizer(writer, proc, rows: int) -> None:
    vocabulary = proc.tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    kinds = [gguf.TokenType.CONTROL if t in golden.SPECIALS else gguf.TokenType.NORMAL for t in tokens]
    # The published tokenizers have these as added tokens that are not special.
    tokens += ["<think>", "</think>"]
    kinds += [gguf.TokenType.USER_DEFINED] * 2
    unused = rows - len(tokens)
    tokens += [f"[PAD{len(tokens) + i}]" for i in range(unused)]
    kinds += [gguf.TokenType.UNUSED] * unused
    merges = json.loads(proc.tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(m) for m in merges])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_pad_token_id(vocabulary["<|endoftext|>"])
    writer.add_chat_template(golden.TEMPLATE)


def write_text(model, proc) -> None:
    c = model.config.text_config
    file = File("tiny-Q4_K_M.gguf", ARCH)
    w = file.writer
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_key_length(c.head_dim)
    w.add_value_length(c.head_dim)
    w.add_rope_freq_base(c.rope_theta)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_rope_dimension_sections([*c.rope_scaling["mrope_section"], 0])
    w.add_num_deepstack_layers(len(TAPS))
    add_tokenizer(w, proc, c.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3VL, LAYERS)
    for name, parameter in model.model.language_model.named_parameters():
        stem = name.removesuffix(".weight")
        own = names.get_name(f"model.{stem}")
        if parameter.ndim == 1:
            kind, spread = Q.F32, 0.0
        elif stem == "embed_tokens":
            kind, spread = Q.Q6_K, 0.4
        else:
            _, layer, part = own.split(".")
            kind, spread = TYPES[int(layer)][part], 1.5 / math.sqrt(parameter.shape[1])
        file.add(f"{own}.weight", parameter, kind, spread)
    file.close()


def write_vision(model) -> None:
    c = model.config.vision_config
    file = File("mmproj-tiny-F16.gguf", "clip")
    w = file.writer
    w.add_clip_has_vision_encoder(True)
    w.add_clip_projector_type(gguf.VisionProjectorType.QWEN3VL)
    w.add_vision_projection_dim(c.out_hidden_size)
    w.add_vision_image_size(math.isqrt(c.num_position_embeddings) * c.patch_size)
    w.add_vision_patch_size(c.patch_size)
    w.add_vision_embedding_length(c.hidden_size)
    w.add_vision_feed_forward_length(c.intermediate_size)
    w.add_vision_block_count(c.depth)
    w.add_vision_head_count(c.num_heads)
    w.add_vision_image_mean([0.5] * 3)
    w.add_vision_image_std([0.5] * 3)
    w.add_vision_use_gelu(True)
    w.add_vision_spatial_merge_size(c.spatial_merge_size)
    w.add_vision_attention_layernorm_eps(1e-6)
    w.add_vision_is_deepstack_layers([i in TAPS for i in range(c.depth)])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, VISION_DEPTH)
    merger = {"norm": "v.post_ln", "linear_fc1": "mm.0", "linear_fc2": "mm.2"}
    tap = {"norm": "norm", "linear_fc1": "fc1", "linear_fc2": "fc2"}
    for name, parameter in model.model.visual.named_parameters():
        stem, kind = name.rsplit(".", 1)
        parts = stem.split(".")
        if name == "patch_embed.proj.weight":
            # Conv3D as one Conv2D per frame.
            file.add("v.patch_embd.weight", parameter.data[:, :, 0], Q.F16)
            file.add("v.patch_embd.weight.1", parameter.data[:, :, 1], Q.F16)
            continue
        if parts[0] == "merger":
            own = merger[parts[1]]
        elif parts[0] == "deepstack_merger_list":
            own = f"v.deepstack.{TAPS[int(parts[1])]}.{tap[parts[2]]}"
        else:
            own = names.get_name(f"visual.{stem}")
        small = parameter.ndim == 1 or parts[0] == "pos_embed"
        file.add(f"{own}.{kind}", parameter, Q.F32 if small else Q.Q8_0 if parameter.shape[1] == 128 else Q.F16)
    file.close()


def main() -> None:
    torch.set_num_threads(2)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    proc = golden.processor()
    text = golden.text_config(
        proc, hidden_size=256, intermediate_size=256, num_hidden_layers=LAYERS, num_attention_heads=2,
        num_key_value_heads=1, head_dim=64,
        rope_scaling={"mrope_interleaved": True, "mrope_section": [12, 10, 10], "rope_type": "default"},
    )
    vision = golden.vision_config(
        depth=VISION_DEPTH, out_hidden_size=256, num_position_embeddings=36, deepstack_visual_indexes=TAPS,
    )
    model = golden.build(proc, 14, text, vision)
    write_text(model, proc)
    write_vision(model)
    model.tie_weights()
    golden.run_cases(model, proc, FOLDER, golden.MIXED, features=False)
    print(f"{sum(f.stat().st_size for f in FOLDER.iterdir()) / 1e6:.2f} MB in {FOLDER.name}")


if __name__ == "__main__":
    main()

"""Writes the golden files that `crates/qwen3-vl/tests/parity.rs` compares the Rust model with.

Small Qwen3-VL models with seeded random weights (one tied and stored as bf16 in one file, one untied and stored as f32 in
shards, one mixture of experts, one with YaRN) run through Hugging Face transformers; what their processor and model compute is stored. Pictures are not stored:
both sides draw them with the formula in `picture`.

    python training/golden.py            # rewrites crates/qwen3-vl/tests/golden (about 3 MB)
    python training/golden.py moe yarn   # only these

`golden_gguf.py` adds the model in GGUF.

Pinned: transformers 4.57.6, torch 2.15.0, torchvision 0.29.2 (any recent pair gives the same files up to 1e-6).
"""

import copy
import json
import math
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torchvision.transforms.v2 import functional as F
from transformers import (
    Qwen2TokenizerFast,
    Qwen2VLImageProcessorFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.models.qwen3_vl.video_processing_qwen3_vl import smart_resize
from transformers.video_utils import VideoMetadata

OUT = Path(__file__).resolve().parent.parent / "crates" / "qwen3-vl" / "tests" / "golden"
SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]
# The word splitting of the published tokenizers.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "<0.2 seconds> <12.5 seconds> When does the red circle appear? The red circle appears from 12.0 to 18.5 seconds.",
    "What is shown at 00:42? A blue square is shown. How many times does the flash occur? It occurs three times.",
    "红色圆形什么时候出现？红色圆形从 12.0 秒到 18.5 秒出现。 system user assistant",
]
TEMPLATE = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'image' or 'image' in part %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif part.type == 'video' or 'video' in part %}
                {{- '<|vision_start|><|video_pad|><|vision_end|>' }}
            {%- elif 'text' in part %}
                {{- part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
NEW_TOKENS = 24


def picture(t: int, height: int, width: int) -> torch.Tensor:
    """Frame `t`, [3, height, width] uint8: stripes with a hyperbolic pattern, so that every patch differs."""
    y = torch.arange(height).view(1, -1, 1)
    x = torch.arange(width).view(1, 1, -1)
    c = torch.arange(3).view(-1, 1, 1)
    return (((x * 7 + y * 13 + t * 29 + c * 53) ^ ((x * y) >> 2)) & 255).to(torch.uint8)


def tokenizer() -> Qwen2TokenizerFast:
    t = Tokenizer(models.BPE(byte_fallback=False))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    t.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False))
    t.add_special_tokens(SPECIALS)
    return Qwen2TokenizerFast(
        tokenizer_object=t, eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None, bos_token=None,
        model_max_length=262144, clean_up_tokenization_spaces=False,
    )


def processor() -> Qwen3VLProcessor:
    size = {"shortest_edge": 4096, "longest_edge": 40960}
    mean_std = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    images = Qwen2VLImageProcessorFast(patch_size=16, merge_size=2, size=dict(size), **mean_std)
    videos = Qwen3VLVideoProcessor(size=dict(size), **mean_std)
    return Qwen3VLProcessor(images, tokenizer(), videos, chat_template=TEMPLATE)


def text_config(proc, **changes):
    return dict(
        vocab_size=len(proc.tokenizer) + 3, hidden_size=48, intermediate_size=80, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=4096,
        rms_norm_eps=1e-6, rope_theta=5e6, tie_word_embeddings=True,
        rope_scaling={"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"},
    ) | changes


def vision_config(**changes):
    return dict(
        depth=4, hidden_size=32, intermediate_size=48, num_heads=2, patch_size=16, spatial_merge_size=2,
        temporal_patch_size=2, out_hidden_size=48, num_position_embeddings=2304, deepstack_visual_indexes=[0, 1, 2],
    ) | changes


def build(proc: Qwen3VLProcessor, seed: int, text: dict, vision: dict, kind=Qwen3VLConfig) -> torch.nn.Module:
    """A model with random weights: norms near 1, the rest scaled so that activations neither vanish nor explode."""
    ids = proc.tokenizer.convert_tokens_to_ids
    config = kind(
        text_config=text, vision_config=vision,
        image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=text["tie_word_embeddings"],
    )
    config._attn_implementation = "eager"
    models = {Qwen3VLConfig: Qwen3VLForConditionalGeneration, Qwen3VLMoeConfig: Qwen3VLMoeForConditionalGeneration}
    model = models[kind](config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif p.ndim == 1:
                p.copy_(0.2 * noise)
            elif "embed_tokens" in name or "pos_embed" in name:
                p.copy_(0.7 * noise)
            elif "experts." in name:  # [experts, in, out]
                p.copy_(1.5 * noise / math.sqrt(p.shape[1]))
            else:
                p.copy_(1.5 * noise / math.sqrt(p[0].numel()))
    model.tie_weights()
    return model


def round_to_bf16(model: torch.nn.Module) -> torch.nn.Module:
    """What is stored as bf16: the reference computes in f32 with the rounded weights, as the CPU path does."""
    with torch.no_grad():  # parameters only: buffers such as the rotary frequencies stay f32
        for p in model.parameters():
            p.copy_(p.to(torch.bfloat16))
    return model


def text(value):
    return {"type": "text", "text": value}


def video(frames, height, width, fps, indices):
    return {"type": "video", "frames": frames, "height": height, "width": width, "fps": fps, "indices": indices}


def image(seed, height, width):
    return {"type": "image", "frames": [seed], "height": height, "width": width}


CASES = {
    "text only": [{"role": "system", "content": [text("Be brief.")]}, {"role": "user", "content": [text("What 出现 is it? 😀")]}],
    "odd frame count": [{"role": "user", "content": [
        video([0, 1, 2, 3, 4], 70, 100, 24.0, [0, 12, 23, 37, 48]), text("When does the red circle appear?")]}],
    "one row of tokens": [{"role": "user", "content": [
        text("Look: "), video([5, 6, 7, 8], 32, 300, 29.97, [0, 15, 30, 45]), text("红色圆形什么时候出现？")]}],
    "one column of tokens": [{"role": "user", "content": [
        video([9, 10], 300, 33, 10.0, [3, 2000]), text("How many times?")]}],
    "two videos and two pictures": [
        {"role": "user", "content": [image(20, 64, 64), text("A picture, then a clip. "),
                                     video([1, 3, 5, 7], 64, 96, 25.0, [6, 19, 31, 44]), text("And ")]},
        {"role": "assistant", "content": [text("The first is blue.")]},
        {"role": "user", "content": [video([2, 4, 6], 96, 64, 12.5, [100, 110, 121]), text(" or "), image(21, 100, 50),
                                     text("\nWhich comes first?")]},
    ],
    "two pictures": [{"role": "user", "content": [image(30, 40, 90), image(31, 128, 128), text("Compare.")]}],
}


def media(messages, kind):
    return [c for m in messages for c in m["content"] if c["type"] == kind]


def pictures(item):
    return torch.stack([picture(t, item["height"], item["width"]) for t in item["frames"]])


def kept_wrapper(text: str, videos: list[str]) -> str:
    """The form of transformers 5.12: only the placeholder inside the delimiters is replaced."""
    for v in videos:
        text = text.replace("<|video_pad|>", v.replace("<|video_pad|>", "<|placeholder|>"), 1)
    return text.replace("<|placeholder|>", "<|video_pad|>")


def run_case(model, proc, messages, tensors, shared, key):
    videos, images = media(messages, "video"), media(messages, "image")
    rendered = proc.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    kwargs = {}
    if videos:
        kwargs["videos"] = [pictures(v) for v in videos]
        kwargs["video_metadata"] = [
            VideoMetadata(total_num_frames=v["indices"][-1] + 1, fps=v["fps"], frames_indices=list(v["indices"])) for v in videos
        ]
        kwargs["do_sample_frames"] = False
    if images:
        kwargs["images"] = [pictures(i)[0] for i in images]
    inputs = proc(text=[rendered], return_tensors="pt", **kwargs)
    inputs.pop("token_type_ids", None)
    ids = inputs["input_ids"]
    case = {"messages": messages, "rendered": rendered, "input_ids": ids[0].tolist()}

    stamps = [[f"{t:.1f}" for t in proc._calculate_timestamps(list(v["indices"]), v["fps"])] for v in videos]
    case["stamps"] = stamps
    if videos:
        grids = inputs["video_grid_thw"].tolist()
        expanded = [
            "".join(f"<{s} seconds><|vision_start|>{'<|video_pad|>' * (g[1] * g[2] // 4)}<|vision_end|>" for s in own)
            for own, g in zip(stamps, grids)
        ]
        text_kept = kept_wrapper(rendered, expanded)
        for grid in inputs.get("image_grid_thw", torch.empty(0, 3, dtype=torch.long)).tolist():
            text_kept = text_kept.replace("<|image_pad|>", "<|placeholder|>" * (grid[1] * grid[2] // 4), 1)
        case["input_ids_kept"] = proc.tokenizer(text_kept.replace("<|placeholder|>", "<|image_pad|>"))["input_ids"]

    with torch.no_grad():
        positions, delta = model.model.get_rope_index(
            ids, inputs.get("image_grid_thw"), inputs.get("video_grid_thw"), inputs["attention_mask"])
        case["positions"] = positions[:, 0].T.tolist()
        case["delta"] = int(delta[0, 0])
        for kind, values in (("video", "pixel_values_videos"), ("image", "pixel_values")):
            if values not in inputs:
                continue
            grid = inputs[f"{kind}_grid_thw"]
            case[f"{kind}_grids"] = grid.tolist()
            merged, taps = model.visual(inputs[values], grid_thw=grid)
            pixels = (inputs[values] * 127.5 + 127.5).round()
            assert ((inputs[values] * 127.5 + 127.5) - pixels).abs().max() < 1e-3
            shared[f"{key}.{kind}.pixels"] = pixels.to(torch.uint8)
            tensors[f"{key}.{kind}.merged"] = merged
            for i, tap in enumerate(taps):
                tensors[f"{key}.{kind}.tap{i}"] = tap
        logits = model(**inputs).logits[0]
        length = logits.shape[0]
        rows = sorted({0, length // 4, length // 2, length - 2, length - 1})
        case["logit_rows"] = rows
        tensors[f"{key}.logits"] = logits[rows].contiguous()
        out = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0)
        case["greedy"] = out[0, length:].tolist()
    return case


def run_cases(model, proc, folder: Path, names: list[str], features: bool) -> dict:
    """Writes cases.json and cases.safetensors of a model; gives the pictures. features: with the vision tower's outputs."""
    shared, tensors, cases = {}, {}, {}
    for number, case in enumerate(CASES):
        if case in names:
            key = f"case{number}"
            cases[case] = run_case(model, proc, CASES[case], tensors, shared, key) | {"key": key}
    (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")
    kept = {k: v.contiguous() for k, v in tensors.items() if features or k.endswith(".logits")}
    save_file(kept, folder / "cases.safetensors")
    return shared


def save(model, proc, folder: Path, **how) -> None:
    model.save_pretrained(folder, **how)
    proc.save_pretrained(folder)
    for extra in ("tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json"):
        (folder / extra).unlink(missing_ok=True)


def tied(folder: Path) -> None:
    proc = processor()
    model = round_to_bf16(build(proc, 11, text_config(proc), vision_config()))
    save(copy.deepcopy(model).to(torch.bfloat16), proc, folder)
    # Pictures do not depend on the model.
    save_file(run_cases(model, proc, folder, list(CASES), features=True), OUT / "pixels.safetensors")


def untied(folder: Path) -> None:
    proc = processor()
    text = text_config(proc, num_key_value_heads=1, tie_word_embeddings=False)
    model = build(proc, 12, text, vision_config(num_position_embeddings=36, deepstack_visual_indexes=[1, 3]))
    save(model, proc, folder, max_shard_size="400KB")
    run_cases(model, proc, folder, list(CASES), features=True)


def moe(folder: Path) -> None:
    """Three mixtures and a dense layer, as Qwen's files hold them: fused experts, inputs first."""
    proc = processor()
    text = text_config(
        proc, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=32, decoder_sparse_step=1, mlp_only_layers=[2],
        norm_topk_prob=True, tie_word_embeddings=False,
    )
    small = vision_config(depth=3, num_position_embeddings=36, deepstack_visual_indexes=[0, 2])
    model = round_to_bf16(build(proc, 13, text, small, Qwen3VLMoeConfig))
    save(copy.deepcopy(model).to(torch.bfloat16), proc, folder)
    run_cases(model, proc, folder, MIXED, features=False)


def yarn(folder: Path) -> None:
    """The weights of `tied` with a native window of 64 positions stretched three times, as the README of Qwen3-VL asks."""
    rope = {"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "yarn", "factor": 3.0,
            "original_max_position_embeddings": 64}
    proc = processor()
    model = round_to_bf16(build(proc, 11, text_config(proc, max_position_embeddings=192, rope_scaling=rope), vision_config()))
    folder.mkdir(parents=True)
    model.config.save_pretrained(folder)
    run_cases(model, proc, folder, MIXED, features=False)


# Text, video and pictures in one prompt.
MIXED = ["odd frame count", "two videos and two pictures"]
MODELS = {"tied": tied, "untied": untied, "moe": moe, "yarn": yarn}


def resizes() -> None:
    rows, tensors = [], {}
    for i, (h, w, to_h, to_w) in enumerate([(50, 70, 32, 64), (33, 40, 96, 64), (200, 120, 64, 32), (64, 64, 64, 32), (97, 31, 32, 32)]):
        out = F.resize(picture(i, h, w), [to_h, to_w], interpolation=F.InterpolationMode.BICUBIC, antialias=True)
        tensors[f"resize{i}"] = out.permute(1, 2, 0).contiguous()
        rows.append([h, w, to_h, to_w])
    save_file(tensors, OUT / "resize.safetensors")
    budgets = [
        [t, h, w, lo, hi, *smart_resize(t, h, w, min_pixels=lo, max_pixels=hi)]
        for t in (2, 4, 20, 180, 768) for h, w in ((1080, 1920), (360, 640), (33, 500), (240, 135), (2160, 3840))
        for lo, hi in ((4096, 25165824), (131072, 786432))
    ]
    (OUT / "resize.json").write_text(json.dumps({"resizes": rows, "hf_rule": budgets}) + "\n")


def main(names: list[str]) -> None:
    torch.set_num_threads(2)
    for name in names or MODELS:
        shutil.rmtree(OUT / name, ignore_errors=True)
        MODELS[name](OUT / name)
    if not names:
        resizes()
    print(f"{sum(f.stat().st_size for f in OUT.rglob('*') if f.is_file()) / 1e6:.2f} MB in {OUT.name}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Write models/timepin-tiny in the layout of the published Qwen3-VL checkpoints.

`python export.py --out ../models/timepin-tiny` takes the decoder's checkpoint.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tokenizer import SPECIAL, build as build_tokenizer
from train import decoder
from train.model import TEXT, VISION
from train.packed import POINTER_HEAD, POINTER_LAYER
from train.timeline import FPS, MAX_FRAMES, MIN_FRAMES

HERE = Path(__file__).parent
MIN_PIXELS, MAX_PIXELS = 7802, 8192
REACH, SEARCHED_FRAMES = 120, 14400  # segments read at once; a longer video is searched in windows, up to so many frames


def trained_model():
    """The decoder's running mean with the eye it was trained on."""
    if not decoder.CHECKPOINT.exists():
        raise SystemExit("nothing to export: train the decoder first (step 4 of training/README.md)")
    model, saved = decoder.fresh_model(), torch.load(decoder.CHECKPOINT, weights_only=False)
    model.load_state_dict(saved["average"])
    return model


def write_json(path: Path, value: dict) -> None:
    """JSON as published models carry it."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_weights(model, out: Path) -> None:
    """float16 tensors under the published names; the tied head is not stored twice."""
    tensors = {k: v.detach().half().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    path = out / "model.safetensors"
    save_file(tensors, str(path), metadata={"format": "pt"})
    path.chmod(0o644)


def write_configs(model, tok, out: Path) -> None:
    """config.json, generation_config.json and the two preprocessor files."""
    ids = {s: tok.token_to_id(s) for s in SPECIAL}
    write_json(out / "config.json", {
        "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "dtype": "float16",
        "image_token_id": ids["<|image_pad|>"], "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"], "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": True,
        "text_config": {"model_type": "qwen3_vl_text", "attention_dropout": 0.0, "use_cache": True,
                        "bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"],
                        "vocab_size": model.config.text_config.vocab_size, **TEXT},
        "vision_config": {"model_type": "qwen3_vl", **VISION},
        "transformers_version": "4.57.6"})
    write_json(out / "generation_config.json", {
        "do_sample": False, "bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"],
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]], "max_new_tokens": 1024})
    common = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2,
              "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    write_json(out / "preprocessor_config.json", {
        "size": {"longest_edge": MAX_PIXELS, "shortest_edge": MIN_PIXELS}, **common,
        "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"})
    write_json(out / "video_preprocessor_config.json", {
        "size": {"longest_edge": MAX_PIXELS * MAX_FRAMES, "shortest_edge": 4096}, **common,
        "processor_class": "Qwen3VLProcessor", "video_processor_type": "Qwen3VLVideoProcessor"})


def write_tokenizer(tok, out: Path) -> None:
    """Tokenizer and chat template, in every place a loader may look."""
    tok.save(str(out / "tokenizer.json"))
    template = (HERE / "chat_template.jinja").read_text(encoding="utf-8")
    (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    write_json(out / "chat_template.json", {"chat_template": template})
    added = {str(tok.token_to_id(s)): {"content": s, "lstrip": False, "rstrip": False, "normalized": False,
                                       "single_word": False, "special": True} for s in SPECIAL}
    write_json(out / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": added, "additional_special_tokens": SPECIAL[1:], "bos_token": None,
        "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None,
        "clean_up_tokenization_spaces": False, "errors": "replace", "model_max_length": 32768,
        "split_special_tokens": False, "chat_template": template})


def write_timepin(out: Path) -> None:
    """What only this product needs to know: sampling, frame size and the pointer head."""
    write_json(out / "timepin.json", {
        "fps": FPS, "min_frames": MIN_FRAMES, "max_frames": SEARCHED_FRAMES, "reach": REACH, "beat": 2 / FPS,
        "captions": False,
        "resize": {"rule": "qwen_vl_utils", "min_pixels": MIN_PIXELS, "max_pixels": MAX_PIXELS,
                   "total_pixels": MAX_PIXELS * SEARCHED_FRAMES // 2},
        "pointer": {"layer": POINTER_LAYER, "head": POINTER_HEAD}})


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=HERE.parent / "models" / "timepin-tiny")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = trained_model()
    tok = build_tokenizer()
    write_weights(model, out), write_configs(model, tok, out)
    write_tokenizer(tok, out), write_timepin(out)
    print(f"{sum(f.stat().st_size for f in out.iterdir()) / 1e6:.2f} MB in {out}")


if __name__ == "__main__":
    main()

"""Writes a checkpoint of random weights with the dimensions of a published Qwen3-VL, for measuring: no weights to download.

    python benches/random_checkpoint.py FOLDER --layers 8 --blocks 8      # the 2B's widths, fewer layers; bf16, about 1.9 GB

Tokenizer and template are those of the bundled model; the vocabulary and the sizes of pictures are the published ones. Speed
does not depend on values.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

BUNDLED = Path(__file__).resolve().parent.parent / "models" / "timepin-tiny"


def config(layers, blocks):
    """`config.json` of the 2B with `layers` of its 28 decoder layers and `blocks` of its 24 vision blocks."""
    ids = {k: v for k, v in json.loads((BUNDLED / "config.json").read_text()).items() if k.endswith("_token_id")}
    taps = [blocks // 4 - 1, blocks // 2 - 1, blocks * 3 // 4 - 1]
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": layers,
            "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "rope_theta": 5_000_000.0,
            "max_position_embeddings": 262_144, "tie_word_embeddings": True,
            "rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 20], "mrope_interleaved": True},
        },
        vision_config={
            "depth": blocks, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2048,
            "deepstack_visual_indexes": [max(t, 0) for t in taps],
        },
        tie_word_embeddings=True, **ids,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--blocks", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    model = Qwen3VLForConditionalGeneration(config(args.layers, args.blocks))
    known = len(json.loads((BUNDLED / "tokenizer.json").read_text())["model"]["vocab"])
    # Tokens that the tokenizer has no text for are never the likeliest: what such a model writes can be read, if not understood.
    model.get_input_embeddings().weight.data[known:] = 0
    model.save_pretrained(args.folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(BUNDLED / name, args.folder / name)
    for name, longest, shortest in (("preprocessor_config.json", 16_777_216, 65_536),
                                    ("video_preprocessor_config.json", 25_165_824, 4_096)):
        settings = json.loads((BUNDLED / name).read_text()) | {"size": {"longest_edge": longest, "shortest_edge": shortest}}
        (args.folder / name).write_text(json.dumps(settings))
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters in {args.folder}")


if __name__ == "__main__":
    main()

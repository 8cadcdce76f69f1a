"""Golden files for `crates/qwen3-vl/src/time_pointer`: a small random time pointer and what torch makes of some videos.

    python training/golden_time_pointer.py    # rewrites crates/qwen3-vl/tests/golden/time_pointer (about 100 KB)
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from train.time_pointer import TimePointer, moment, time_features

OUT = Path(__file__).resolve().parent.parent / "crates" / "qwen3-vl" / "tests" / "golden" / "time_pointer"
WIDTH, INNER, TOKENS = 24, 16, 3
# Microseconds: one segment, a minute's start, hours in, uneven, and a dense stretch in a coarse grid.
VIDEOS = {
    "one": [3_245_000],
    "minute": [250_000 + 1_000_000 * i for i in range(12)],
    "hours": [7_200_123_456 + 4_170_000 * i for i in range(9)],
    "zoomed": [0, 8_000_000, 16_000_000, 17_031_250, 17_062_500, 17_093_750, 17_125_000, 24_000_000],
}


def main() -> None:
    """Weights, inputs and outputs."""
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(11)
    head = TimePointer(WIDTH, INNER)
    with torch.no_grad():
        for name, value in head.named_parameters():
            value.normal_(0, 0.3 if value.ndim == 1 else 1.2 / value.shape[1] ** 0.5)
            if "gate" in name:
                value.normal_(0, 0.3)
            value.copy_(value.half())
    save_file({k: v.half().contiguous() for k, v in head.state_dict().items()}, str(OUT / "time_pointer.safetensors"))
    tensors, times = {}, {}
    for name, at in VIDEOS.items():
        at = torch.tensor(at)
        hidden, features = torch.randn(TOKENS, WIDTH) * 30, torch.randn(len(at), WIDTH) * 0.15
        text_us = at[torch.randint(len(at), (TOKENS,))] + torch.randint(-3_000_000, 3_000_000, (TOKENS,))
        mask = torch.rand(len(at)) > 0.25
        mask[0] = True
        with torch.no_grad():
            output, weights = head.attention(hidden[None] / 30, features[None], text_us[None], at[None], mask[None])
            proposed, refined = head(hidden, features, at)
        mean, spread = moment(refined, at)
        times[name] = {"frames": at.tolist(), "text": text_us.tolist(), "mask": mask.tolist(),
                       "mean_s": mean.tolist(), "spread_s": spread.tolist()}
        tensors |= {f"{name}.phi": time_features(at), f"{name}.hidden": hidden, f"{name}.features": features,
                    f"{name}.output": output[0], f"{name}.weights": weights[0], f"{name}.proposed": proposed,
                    f"{name}.refined": refined}
    save_file({k: v.contiguous() for k, v in tensors.items()}, str(OUT / "expected.safetensors"))
    (OUT / "times.json").write_text(json.dumps(times) + "\n")


if __name__ == "__main__":
    main()

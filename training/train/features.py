"""Step 2: what the frozen eye says about every scene of the pool, ready to assemble clips from.

`python -m train.features` also scales the mergers so that features are as large as text
embeddings: a decoder then starts out treating both alike. `--eye ../models/timepin-tiny`
takes the eye of an exported model as it is: what a decoder warmed up from that model has to see.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from . import pool
from .eye import CHECKPOINT, fresh_visual, jitter
from .model import encode, patchify

PATH = pool.CACHE / "features.pt"
SCALE = 0.15
# Frame indices within a pool entry: 0 and 1 are backgrounds, 2 to 4 show the thing.
PAIRS = {"both": [(2, 3), (3, 4), (2, 4)], "first": [(4, 0), (4, 1)], "second": [(0, 2), (1, 2)],
         "none": [(0, 0), (0, 1), (1, 1)]}


def rescale(visual) -> None:
    """Give the merged output and every tap the same root mean square."""
    frames = torch.from_numpy(pool.load(1)[:, :2, 2:4].reshape(-1, 2, 64, 96, 3))
    with torch.no_grad():
        rms = encode(visual, patchify(frames)).pow(2).mean((0, 2, 3)).sqrt()
        for size, merger in zip(rms, [visual.merger, *visual.deepstack_merger_list]):
            merger.linear_fc2.weight *= SCALE / size
            merger.linear_fc2.bias *= SCALE / size


def load_visual():
    """The trained, rescaled tower."""
    visual = fresh_visual()
    visual.load_state_dict(torch.load(CHECKPOINT, weights_only=False)["visual"])
    rescale(visual)
    return visual.eval()


def exported_visual(folder: Path):
    """The tower of an exported model, already scaled."""
    visual, mark = fresh_visual(), "model.visual."
    tensors = load_file(str(folder / "model.safetensors"))
    visual.load_state_dict({k[len(mark):]: v.float() for k, v in tensors.items() if k.startswith(mark)})
    return visual.eval()


def shaken(pairs: np.ndarray, seed: int) -> torch.Tensor:
    """Pixels shifted and relit as the eye was trained: no two features of a sprite are alike."""
    return jitter(torch.from_numpy(pairs), np.random.default_rng(seed)).round().to(torch.uint8)


def main() -> None:
    """Encode the pool once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=240, help="looks of every thing")
    parser.add_argument("--eye", type=Path, help="an exported model whose eye to use")
    args = parser.parse_args()
    torch.set_num_threads(1)
    visual = exported_visual(args.eye) if args.eye else load_visual()
    frames = pool.load()[:, :args.entries]
    things, entries = frames.shape[:2]
    out = {}
    with torch.no_grad():
        for name, pairs in PAIRS.items():
            chosen = np.stack([frames[:, :, list(p)] for p in pairs], axis=2).reshape(-1, 2, 64, 96, 3)
            parts = [encode(visual, patchify(shaken(chosen[i:i + 256], i))).half() for i in range(0, len(chosen), 256)]
            out[name] = torch.cat(parts).reshape(things, entries, len(pairs), 4, 6, -1)
            print(name, tuple(out[name].shape), flush=True)
    torch.save({"features": out, "visual": visual.state_dict()}, PATH)


if __name__ == "__main__":
    main()

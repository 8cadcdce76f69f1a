"""Step 3b: whole rendered clips as the frozen eye sees them, H.264 and all.

The pool assembles endless clips from a limited stock of sprites, which a decoder soon knows by heart; these show it
what really comes out of a file. `python -m train.clips --count 80` resumes: clips already there are kept.
"""

import argparse
import random
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from world.encode import write_clip
from world.scenes import Plan, make_plan

from . import pool
from .eye import fresh_visual
from .features import PATH as FEATURES
from .files import read_clip
from .model import encode, patchify

FOLDER = pool.CACHE / "rendered"
FIRST_SEED = 2 * 10**9  # evaluation uses small seeds, the pool's timelines those above 10^9


def plan_of(seed: int) -> Plan:
    """The plan of a training clip: one to two minutes."""
    return make_plan(seed, random.Random(seed).uniform(1.0, 2.0))


def degraded(pixels: np.ndarray, seed: int) -> np.ndarray:
    """The same segments after a JPEG and small changes of light, as a browser may send them."""
    lossy = pool.Lossy(random.Random(seed), small=True)
    return np.stack([np.stack([lossy(Image.fromarray(frame)) for frame in pair]) for pair in pixels])


def write(seed: int, visual) -> None:
    """Render, decode, encode, keep: (2, segments, 4, 6, hidden), clean and degraded."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "clip.mp4"
        write_clip(plan_of(seed), str(path))
        _, pixels = read_clip(path)
    with torch.no_grad():
        both = [encode(visual, patchify(torch.from_numpy(p))) for p in (pixels, degraded(pixels, seed))]
    part = FOLDER / f"{seed}.part"
    torch.save(torch.stack(both).half(), part)
    part.rename(FOLDER / f"{seed}.pt")


def main() -> None:
    """Write clips until there are enough."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--start", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    visual = fresh_visual()
    visual.load_state_dict(torch.load(FEATURES, weights_only=True)["visual"])
    for seed in range(FIRST_SEED + args.start, FIRST_SEED + args.start + args.count):
        if not (FOLDER / f"{seed}.pt").exists():
            write(seed, visual.eval())
            print("clip", seed, flush=True)


if __name__ == "__main__":
    main()

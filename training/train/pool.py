"""A pool of small frames drawn by the world's own renderer, for training the eye.

Each entry is one scene of one thing: `EMPTY, EMPTY2` (two backgrounds) and three frames of
the thing half a second apart, all at the model's size (96x64). They go through the losses a
real frame goes through: chroma subsampling and JPEG, a canvas downscale, small shifts of
colour. Run as a worker: `python -m train.pool --chunks 20 --start 0`.
"""

import argparse
import io
import math
import os
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from world.render import HEIGHT, SHAPE_DRIFT, WIDTH, WORD_DRIFT, SceneArt, backdrop
from world.scenes import THINGS

CACHE = Path(os.environ.get("TIMEPIN_TRAINING_CACHE", Path.home() / ".cache/timepin/training"))
SIZE = (96, 64)
DOUBLE = (192, 128)
FILTERS = [Image.BICUBIC, Image.BILINEAR, Image.LANCZOS, Image.BOX]


class Lossy:
    """One way a clip may be degraded on its way to the model; fixed per scene."""

    def __init__(self, rng: random.Random, small: bool = False):
        self.blur = rng.choice([0, 0, 0, rng.uniform(0.3, 1.4) * (0.4 if small else 1)])
        self.subsampling = rng.choice([0, 2]) if small else 2
        self.quality = rng.randint(40, 95)
        self.canvas = rng.choice([None, (448, 252), (480, 270), (384, 216), (320, 180)]) if not small else None
        self.filter = rng.choice(FILTERS)
        self.changes = [(kind, rng.uniform(1 - width, 1 + width)) for kind, width in
                        ((ImageEnhance.Brightness, 0.08), (ImageEnhance.Color, 0.15), (ImageEnhance.Contrast, 0.08))]
        self.touch = rng.random() < (0.2 if small else 0.5)

    def __call__(self, image: Image.Image) -> np.ndarray:
        """The frame as the model's preprocessor will hand it over."""
        if self.canvas:
            image = image.resize(self.canvas, self.filter)
        if self.blur:
            image = image.filter(ImageFilter.GaussianBlur(self.blur))
        if self.touch:
            for kind, amount in self.changes:
                image = kind(image).enhance(amount)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=self.quality, subsampling=self.subsampling)
        image = Image.open(buffer).convert("RGB").resize(SIZE, Image.BICUBIC)
        return np.asarray(image, dtype=np.uint8)


def entry(thing, backs, rng: random.Random) -> np.ndarray:
    """Two backgrounds and three frames of a thing: (5, 64, 96, 3)."""
    lossy, art = Lossy(rng), SceneArt(thing, rng.getrandbits(32))
    back, other = rng.choice(backs), rng.choice(backs)
    t = rng.uniform(0, 10)
    shown = [art.draw(back, t + 0.5 * k + rng.uniform(-0.1, 0)) for k in range(3)]
    return np.stack([lossy(f) for f in (back, other, *shown)])


def small_art(thing, rng: random.Random, turns: int = 3):
    """A scene's sprite at twice the model's size in a few turns, each with its room to move.

    Drawing at full size costs a quarter of a second per entry; reusing one sprite for many
    positions and backgrounds costs a few milliseconds and teaches the eye as much.
    """
    art = SceneArt(thing, rng.getrandbits(32))
    if thing.kind == "flash":
        return [(art._flash(rng.uniform(0, 3)).resize(DOUBLE, Image.BICUBIC), 0, 0)]
    out = []
    for _ in range(turns if thing.kind == "shape" else 1):
        sprite, *_ = art.place(rng.uniform(0, 20))
        size = (round(sprite.width * DOUBLE[0] / WIDTH), round(sprite.height * DOUBLE[1] / HEIGHT))
        out.append((sprite.resize(size, Image.BICUBIC), *(SHAPE_DRIFT if thing.kind == "shape" else WORD_DRIFT)))
    return out


def small_entry(arts, backs, rng: random.Random) -> np.ndarray:
    """Like `entry`, composed at twice the model's size; `backs` holds (image, its lossy form)."""
    lossy, ((back, seen), (_, other)) = Lossy(rng, small=True), rng.choices(backs, k=2)
    frames, phase = [seen, other], [rng.uniform(0, 6.283) for _ in range(2)]
    speed = [rng.uniform(0.25, 0.8) for _ in range(2)]
    for k in range(3):
        sprite, drift_x, drift_y = rng.choice(arts)
        frame = back.copy()
        x = DOUBLE[0] * (0.5 + drift_x * math.sin(phase[0] + k * speed[0])) - sprite.width / 2
        y = DOUBLE[1] * (0.5 + drift_y * math.sin(phase[1] + k * speed[1])) - sprite.height / 2
        frame.paste(sprite, (round(x), round(y)), sprite if sprite.mode == "RGBA" else None)
        frames.append(lossy(frame))
    return np.stack(frames)


def write_chunk(index: int, sprites: int = 12, uses: int = 5) -> None:
    """One file with `sprites * uses` entries of every thing."""
    rng = random.Random(f"timepin-pool-{index}")
    backs = [backdrop(rng.getrandbits(32)).resize(DOUBLE, Image.BICUBIC) for _ in range(60)]
    backs = [(b, Lossy(rng, small=True)(b)) for b in backs]
    entries = []
    for thing in THINGS:
        scenes = [small_art(thing, rng) for _ in range(sprites)]
        entries.append([small_entry(arts, backs, rng) for arts in scenes for _ in range(uses)])
    path = CACHE / "pool" / f"{index:04d}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "wb") as f:
        np.save(f, np.array(entries))
    part.rename(path)  # readers never see half a file


def load(limit: int = 1000) -> np.ndarray:
    """All chunks so far: (things, entries, 5, 64, 96, 3) uint8."""
    paths = sorted((CACHE / "pool").glob("*.npy"))[:limit]
    return np.concatenate([np.load(p) for p in paths], axis=1)


def main() -> None:
    """Write chunks, skipping those already there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=20)
    parser.add_argument("--start", type=int, default=0)
    args = parser.parse_args()
    for index in range(args.start, args.start + args.chunks):
        if not (CACHE / "pool" / f"{index:04d}.npy").exists():
            write_chunk(index)
            print("chunk", index, flush=True)


if __name__ == "__main__":
    main()

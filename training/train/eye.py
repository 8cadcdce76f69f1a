"""Step 1: the vision tower alone, with a throw-away classifier of single segments.

A thing visible in only one of a segment's two frames still counts as visible.
`python -m train.eye --steps 3000` resumes from its checkpoint.
"""

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from world.scenes import COLORS, SHAPES, THINGS, WORDS

from . import pool
from .model import TEXT, VISION, encode, patchify
from .muon import Both

EMPTY = len(THINGS)
CHECKPOINT = pool.CACHE / "eye.pt"


def pick_pairs(frames: np.ndarray, count: int, rng: np.random.Generator, held_out: bool):
    """Random segments: frames (count, 2, 64, 96, 3) and their thing ids."""
    split = frames.shape[1] - max(2, frames.shape[1] // 20)
    lo, hi = (split, frames.shape[1]) if held_out else (0, split)
    labels, out = np.empty(count, np.int64), np.empty((count, 2, *frames.shape[3:]), np.uint8)
    for i in range(count):
        thing, e = rng.integers(len(THINGS)), rng.integers(lo, hi)
        scene = frames[thing, e]  # backdrop, another backdrop, three frames of the thing
        x, y = sorted(rng.choice(3, 2, replace=False) + 2)
        b = rng.integers(2)
        roll = rng.random()
        if roll < 0.08:
            chosen, label = (scene[b], scene[rng.integers(2)]), EMPTY
        elif roll < 0.24:
            chosen, label = (scene[b], scene[x]), thing
        elif roll < 0.40:
            chosen, label = (scene[x], scene[b]), thing
        else:
            chosen, label = (scene[x], scene[y]), thing
        out[i, 0], out[i, 1] = chosen
        labels[i] = label
    return torch.from_numpy(out), torch.from_numpy(labels)


def jitter(pairs: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Small shifts and changes of light, the same for both frames: sprites are few, these are free."""
    n, out = len(pairs), torch.empty_like(pairs)
    padded = np.pad(pairs.numpy(), ((0, 0), (0, 0), (5, 5), (6, 6), (0, 0)), mode="edge")
    for i, (dy, dx) in enumerate(zip(rng.integers(0, 11, n), rng.integers(0, 13, n))):
        out[i] = torch.from_numpy(padded[i, :, dy:dy + 64, dx:dx + 96])
    gain = torch.from_numpy(rng.uniform(0.88, 1.12, (n, 1, 1, 1, 1)) * rng.uniform(0.95, 1.05, (n, 1, 1, 1, 3)))
    lift = torch.from_numpy(rng.uniform(-10, 10, (n, 1, 1, 1, 1)))
    return (out * gain.float() + lift.float()).clamp(0, 255)


class Heads(nn.Module):
    """Linear read-outs of mean-pooled features: the thing, and its parts (a denser signal)."""

    def __init__(self, width: int):
        super().__init__()
        sizes = [len(THINGS) + 1, len(SHAPES) + 1, len(COLORS) + 1, len(WORDS) + 1]
        self.out = nn.ModuleList(nn.Linear(width, s) for s in sizes)
        self.taps = nn.ModuleList(nn.Linear(width, s) for s in sizes)

    def forward(self, features: torch.Tensor):
        """Logits from the merged output and from the sum of the taps."""
        pooled = features.mean(2)
        return [h(pooled[:, 0]) for h in self.out], [h(pooled[:, 1:].sum(1)) for h in self.taps]


def part_labels() -> torch.Tensor:
    """For every thing id: shape, colour and word class, the last class meaning none."""
    rows = [[SHAPES.index(t.shape) if t.shape else len(SHAPES), COLORS.index(t.color) if t.color else len(COLORS),
             WORDS.index(t.word) if t.word else len(WORDS)] for t in THINGS]
    return torch.tensor(rows + [[len(SHAPES), len(COLORS), len(WORDS)]])


PARTS = part_labels()


def losses(heads: Heads, features: torch.Tensor, labels: torch.Tensor):
    """Classification loss over both read-outs, and accuracy of the main one."""
    targets = [labels, *PARTS[labels].T]
    main, taps = heads(features)
    loss = sum(F.cross_entropy(m, t) for m, t in zip(main, targets))
    loss = loss + 0.3 * sum(F.cross_entropy(m, t) for m, t in zip(taps, targets))
    return loss, (main[0].argmax(-1) == labels).float()


def fresh_visual():
    """The vision tower of a fresh model."""
    from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
    from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

    config = Qwen3VLVisionConfig(**VISION)
    config._attn_implementation = "sdpa"
    return Qwen3VLVisionModel(config)


def main() -> None:
    """Train, logging accuracy on held-out scenes; save every 200 steps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--restart", action="store_true", help="keep the weights, start the schedule again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    visual, heads = fresh_visual(), Heads(TEXT["hidden_size"])
    optimizer = Both([*visual.named_parameters(), *heads.named_parameters()], 0.01, 1.5e-3, largest=300)
    step = 0
    if CHECKPOINT.exists():
        state = torch.load(CHECKPOINT, weights_only=False)
        visual.load_state_dict(state["visual"]), heads.load_state_dict(state["heads"])
        if "optimizer" in state and not args.restart:
            optimizer.load_state_dict(state["optimizer"])
            step = state["step"]
    frames, t0, hits = pool.load(), time.time(), []
    print("pool", frames.shape, "from step", step, flush=True)
    while step < args.steps:
        rng = np.random.default_rng(step)
        scale = min(1, (step + 1) / 50) * (0.03 + 0.97 * min(1, 1.6 * (1 - step / args.steps)))
        pairs, labels = pick_pairs(frames, args.batch, rng, False)
        loss, hit = losses(heads, encode(visual, patchify(jitter(pairs, rng))), labels)
        loss.backward()
        optimizer.step(scale)
        hits.append(hit.mean().item())
        step += 1
        if step % 25 == 0:
            print(f"{step} loss {loss.item():.3f} acc {np.mean(hits[-25:]):.4f} {time.time() - t0:.0f}s", flush=True)
        if step % 100 == 0 or step == args.steps:
            with torch.no_grad():
                pairs, labels = pick_pairs(frames, 256, np.random.default_rng(10**6), True)
                _, hit = losses(heads, encode(visual, patchify(pairs)), labels)
            print(f"   held out {hit.mean().item():.4f}", flush=True)
            part = CHECKPOINT.with_suffix(".part")
            torch.save({"visual": visual.state_dict(), "heads": heads.state_dict(),
                        "optimizer": optimizer.state_dict(), "step": step}, part)
            part.rename(CHECKPOINT)
            frames = pool.load()  # the worker may have added scenes


if __name__ == "__main__":
    main()

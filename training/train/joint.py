"""Step 4: eye and decoder together, on frames instead of frozen features.

Same clips and questions as the decoder's, but every segment goes through the tower, so that
the two can settle on each other. `python -m train.joint --minutes 15` starts from the
decoder's checkpoint and resumes its own.
"""

import argparse
import os
import time

import numpy as np
import torch

from . import data, pool
from .decoder import CHECKPOINT as DECODER
from .decoder import CLASSES, Readout, forward, fresh_model
from .features import PAIRS
from .model import TEXT, encode, patchify
from .muon import Both

CHECKPOINT = pool.CACHE / "joint.pt"


def pixels_of(frames: np.ndarray, chosen: list[tuple]) -> torch.Tensor:
    """The frames of every segment: (segments, 2, 64, 96, 3)."""
    picked = [frames[thing, entry][list(PAIRS[kind][variant])] for kind, thing, entry, variant in chosen]
    return torch.from_numpy(np.stack(picked))


def main() -> None:
    """Fine-tune for a given time at a falling rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--top", type=float, default=124)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, readout = fresh_model(), Readout(TEXT["hidden_size"])
    saved = torch.load(CHECKPOINT if CHECKPOINT.exists() else DECODER, weights_only=False)
    model.load_state_dict(saved["model"]), readout.load_state_dict(saved["readout"])
    optimizer = Both([*model.named_parameters(), *readout.named_parameters()], args.lr * 4, args.lr, largest=300)
    frames = pool.load()
    queue, control = data.start(frames.shape[1], int(time.time()))
    control[0], control[1], control[3] = args.top, 0.1, 0.0  # frames of rendered clips are not kept
    began, step, tally = time.time(), 0, []
    while (done := (time.time() - began) / (args.minutes * 60)) < 1:
        for _ in range(args.batch):
            ex = queue.get()
            feats = encode(model.model.visual, patchify(pixels_of(frames, ex["features"])))
            (answer, pointer, aux), hits, seen, _ = forward(model, ex, feats, readout)
            ((answer + 0.2 * pointer + 0.2 * aux) / args.batch).backward()
            tally.append([answer.item(), pointer.item(), aux.item(), *hits.tolist(), *seen.tolist()])
        optimizer.step(min(1, (step + 1) / 20) * (1.03 - done))
        step += 1
        if step % 10 == 0:
            t = np.array(tally)
            acc = t[:, 3:7].sum(0) / np.maximum(1, t[:, 7:11].sum(0))
            print(f"{step} ans {t[:, 0].mean():.4f} ptr {t[:, 1].mean():.3f} aux {t[:, 2].mean():.3f} | "
                  + " ".join(f"{c} {a:.4f}" for c, a in zip(CLASSES, acc)) + f" {time.time() - began:.0f}s", flush=True)
            tally = []
        if step % 20 == 0:
            save(model, readout)
    save(model, readout)


def save(model, readout) -> None:
    """Write the checkpoint in one step."""
    torch.save({"model": model.state_dict(), "readout": readout.state_dict()}, CHECKPOINT.with_suffix(".part"))
    os.replace(CHECKPOINT.with_suffix(".part"), CHECKPOINT)


if __name__ == "__main__":
    main()

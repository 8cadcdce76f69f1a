"""Trains a time pointer on top of a frozen checkpoint, from (token, time) pairs, and puts it into the model folder.

    python -m train.pointer --model ../models/timepin-tiny --minutes 5

One thread. It draws the clips first (`--clips`, about half a second each, kept for the checkpoint's eye), asks the decoder
about them (kept for the checkpoint), then trains. Cut at any time and started again, it goes on: clips that are there are
kept, and so is the training as of the last half minute. Another checkpoint starts anew, with the clips of its eye.
"""

import argparse
import json
import math
import os
import random
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import pointer_data as data
from .pool import CACHE
from .time_pointer import TimePointer, moment

FILE = "time_pointer.safetensors"
HELD_OUT = 40  # the last clips are for looking at only
TOKENS = 320  # of a clip in one step


def examples(watcher: data.Watcher, clips: int) -> list[dict]:
    """Every clip's example, from the cache or made now."""
    folder = CACHE / "pointer" / f"{watcher.whole}-{watcher.layer}"
    folder.mkdir(parents=True, exist_ok=True)
    out, began = [], time.time()
    for seed in range(data.FIRST_SEED, data.FIRST_SEED + clips):
        path = folder / f"{seed}.pt"
        if not path.exists():
            try:
                made = data.example(watcher, seed)
            except (StopIteration, ValueError, IndexError) as error:  # a clip with nothing to ask, two runs with one name
                print("skipped", seed, repr(error), flush=True)
                made = None
            torch.save(made, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
        kept = torch.load(path, weights_only=True)
        if kept is not None and len(kept["times"]) > 2:
            out.append(kept)
        if (seed + 1) % 100 == 0:
            print(f"{seed - data.FIRST_SEED + 1} clips, {time.time() - began:.0f} s", flush=True)
    return out


def spacing_of(times: torch.Tensor) -> float:
    """Seconds from one segment to the next, mostly."""
    return float((times[1:] - times[:-1]).double().median().clamp(min=1e4)) / 1e6


def losses(head: TimePointer, ex: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """What is wrong with the proposal, the refinement of it, the refinement of annotated times, and the pins."""
    chosen = torch.randperm(len(ex["hidden"]), generator=generator)[:TOKENS]
    hidden, features, times = ex["hidden"][chosen].float(), ex["features"].float(), ex["times"]
    target, told, edge = ex["target"][chosen].float(), ex["moment"][chosen], ex["edge"][chosen]
    weight = torch.where(edge, 2.0, 1.0)
    mean = lambda each: (each * weight).sum() / weight.sum()
    frames = head.frames(features)
    proposal = head.propose(hidden, frames).log_softmax(-1)
    found = {"propose": mean(-(target * proposal).sum(-1))}
    _, refined = head(hidden, features, times)
    found["refine"] = mean(-(target * (refined + 1e-5).log()).sum(-1))
    known = (~told.isnan()).nonzero()[:, 0]
    if len(known):
        # In use the time is a proposal, which is off by some segments: so is the annotation here.
        near = torch.empty(len(known), dtype=torch.float64).exponential_(generator=generator) * spacing_of(times) * 1e6
        near *= torch.randint(0, 2, near.shape, generator=generator) * 2 - 1
        at = (told[known] + near).round().long()[:, None]
        taught = head.refine(hidden[known], frames, at, times)[:, 0]
        found["annotated"] = -(target[known] * (taught + 1e-5).log()).sum(-1).mean()
    sharp = edge.nonzero()[:, 0]
    if len(sharp):
        at, _ = moment(refined[sharp], times)
        away = (at - told[sharp] / 1e6).abs() / spacing_of(times)
        found["pin"] = (1 - (-away / 3).exp()).mean().float() * 3
    return found


@torch.inference_mode()
def look(head: TimePointer, examples: list[dict]) -> str:
    """How far pins of written times are from the truth on clips that are not trained on, by what the stamps were."""
    rows = {}
    for ex in examples:
        if not ex["edge"].any():
            continue
        hidden, told = ex["hidden"][ex["edge"]].float(), ex["moment"][ex["edge"]] / 1e6
        proposed, refined = head(hidden, ex["features"].float(), ex["times"])
        for name, weights in (("proposed", proposed), ("refined", refined)):
            away = (moment(weights, ex["times"])[0] - told).abs() / spacing_of(ex["times"])
            rows.setdefault((ex["lie"] or "true", name), []).append(away)
    parts = []
    for (lie, name), away in sorted(rows.items()):
        away = torch.cat(away)
        parts.append(f"{lie} {name} median {away.median():.2f} within one {100 * (away <= 1).double().mean():.0f}%")
    return "segments away: " + " | ".join(parts)


def train(head: TimePointer, examples: list[dict], minutes: float, rate: float, checkpoint: Path) -> None:
    """Trains until the time is up, over all runs."""
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=0.02)
    state = {"step": 0, "seconds": 0.0}
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        head.load_state_dict(saved["head"]), optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
    held, taught = examples[-HELD_OUT:], examples[:-HELD_OUT]
    kept, tally = time.time(), {}
    while state["seconds"] < minutes * 60:
        began, done = time.time(), state["seconds"] / (minutes * 60)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (state["step"] + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        generator = torch.Generator().manual_seed(state["step"])
        for ex in random.Random(state["step"]).sample(taught, 2):
            found = losses(head, ex, generator)
            (sum(found.values()) / 2).backward()
            for name, value in found.items():
                tally.setdefault(name, []).append(value.item())
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step(), optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        state["seconds"] += time.time() - began
        if time.time() - kept > 30 or state["seconds"] >= minutes * 60:
            part = checkpoint.with_suffix(".part")
            torch.save({"head": head.state_dict(), "optimizer": optimizer.state_dict(), "state": state}, part)
            os.replace(part, checkpoint)
            print(f"step {state['step']} {state['seconds']:.0f} s " + " ".join(
                f"{name} {sum(v) / len(v):.3f}" for name, v in tally.items()), look(head, held), flush=True)
            kept, tally = time.time(), {}


def write(head: TimePointer, folder: Path, layer: int) -> None:
    """The head's file, and its name in timepin.json."""
    tensors = {name: value.detach().half().contiguous() for name, value in head.state_dict().items()}
    save_file(tensors, str(folder / FILE), metadata={"format": "pt"})
    (folder / FILE).chmod(0o644)
    path = folder / "timepin.json"
    profile = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    profile["time_pointer"] = {"file": FILE, "layer": layer}
    path.write_text(json.dumps(profile, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Clips, training, file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder; the head is written into it")
    parser.add_argument("--clips", type=int, default=640)
    parser.add_argument("--minutes", type=float, default=5, help="training time in total, over all runs")
    parser.add_argument("--inner", type=int, help="width of keys and queries; the model's own when not given")
    parser.add_argument("--layer", type=int, help="whose output the head reads, from 0; the last when not given")
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    watcher = data.Watcher(args.model, args.layer)
    shown = examples(watcher, args.clips)
    width = shown[0]["hidden"].shape[-1]
    inner = args.inner or width
    torch.manual_seed(0)
    head = TimePointer(width, inner)
    train(head, shown, args.minutes, args.rate, CACHE / "pointer" / f"{watcher.whole}-{watcher.layer}" / f"head-{inner}.state")
    write(head, args.model, watcher.layer)
    print(f"{sum(p.numel() for p in head.parameters())} weights in {args.model / FILE}")


if __name__ == "__main__":
    main()

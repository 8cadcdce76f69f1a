"""Selects the attention head that serves as time pointer, for a checkpoint without a trained head.

    python -m train.select_heads --model ../models/timepin-tiny --clips 12 [--write]

Every head is asked where it looks while a true answer's times are written. Heads look at the ends of a video whatever is
asked (a bias of position), so what a head looks at on average is subtracted before it is judged by the share of its look
that lies on the right segments. `--write` names the best in timepin.json.
"""

import argparse
import json
import random
from pathlib import Path

import torch

from . import pointer_data as data
from .asking import Asker


def shares(asker: Asker, watcher: data.Watcher, seed: int) -> torch.Tensor:
    """How much of each head's look lies on the right segments, the bias subtracted: [layers, heads, tokens]."""
    clip, rng = data.clip_of(seed, [i / 2 for i in range(90)]), random.Random(seed)
    features, stamps = watcher.see(clip.pixels), [float(t) / data.US for t in clip.times_us]
    asker.watch(data.prefix_of(asker.vocab, stamps, ""), features)
    bounds = lambda run: tuple(t * data.US // data.TICKS_PER_SECOND
                               for t in (clip.plan.scenes[run.scene].start, clip.plan.scenes[run.scene].end))
    looks, wanted = [], []
    for block in data.blocks_of(rng, asker.vocab, clip, stamps):
        _, mass = asker.read(block.ids[:-1])
        asker.forget()
        for i, owner in enumerate(block.owners):
            piece = block.pieces[owner]
            if piece.edge:
                looks.append(mass[:, :, block.answer_from + i])
                wanted.append(torch.from_numpy(data.targets.spread_over(piece, clip.times_us, bounds)[0]) > 0)
    looks, wanted = torch.stack(looks, 2), torch.stack(wanted)
    freed = (looks - looks.mean(2, keepdim=True)).clamp(min=0)
    freed = freed / freed.sum(-1, keepdim=True).clamp(min=1e-9)
    # The segment beside the right one counts: a causal head learns there that something is over.
    near = wanted | torch.roll(wanted, 1, -1) | torch.roll(wanted, -1, -1)
    return (freed * near).sum(-1)


def main() -> None:
    """Judge all heads, print the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--seed", type=int, default=60000)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    asker, watcher = Asker(args.model), data.Watcher(args.model)
    found = torch.cat([shares(asker, watcher, args.seed + i) for i in range(args.clips)], 2).mean(2)
    heads = found.shape[1]
    for place in found.flatten().argsort(descending=True)[:5].tolist():
        print(f"layer {place // heads} head {place % heads}: {found.flatten()[place]:.3f} on the right segments")
    best = int(found.argmax())
    if args.write:
        path = args.model / "timepin.json"
        profile = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        profile["pointer"] = {"layer": best // heads, "head": best % heads}
        path.write_text(json.dumps(profile, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

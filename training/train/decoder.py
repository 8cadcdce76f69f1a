"""Step 3: the decoder on frozen eye features, from short clips to two minutes.

Three losses: the answer's tokens; what every segment shows and says (read off its
<|vision_end|>, so that looking a segment up by name or number has something to find); and
where one head looks while a time or a name is written, which later serves as time pointer.
`python -m train.decoder --minutes 60` resumes from its checkpoint.
"""

import argparse
import functools
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from tokenizer import SPECIAL, build as build_tokenizer

from . import clips, data, features, pool
from .model import TEXT, build
from .muon import Both
from .packed import LAYOUT, POINTER_LAYER, packed_attention, pointer_mass  # noqa: F401 (registers)
from .text import Vocabulary

CHECKPOINT = pool.CACHE / "decoder.pt"
VOCAB = 960  # the tokenizer's 930, rounded up
AUX_LAYER = 2
SETTLING = 30  # steps that a warm start gives its fresh read-out heads
CLASSES = ["other", "stamp", "label", "absent"]
WEIGHTS = torch.tensor([1.0, 2.0, 5.0, 5.0])  # most tokens of a sentence are easy: let those that are read off the video count


def level(states: torch.Tensor) -> torch.Tensor:
    """The same size for every token: residuals of text and video differ tenfold."""
    return states * (11.5 * states.pow(2).mean(-1, keepdim=True).rsqrt())


class Readout(nn.Module):
    """Throw-away heads on <|vision_end|>: thing and digits of this segment and of the one before."""

    def __init__(self, width: int):
        super().__init__()
        self.things = nn.Linear(width, 2 * (data.EMPTY + 2))
        self.digits = nn.Linear(width, 2 * data.PLACES * 11)

    def forward(self, states: torch.Tensor, things: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy; the first segment's predecessor is a class of its own."""
        states = level(states)
        before = torch.cat((torch.tensor([data.EMPTY + 1]), things[:-1]))
        digits_before = torch.cat((torch.full((1, data.PLACES), 10), digits[:-1]))
        both = torch.stack((things, before), 1).flatten()
        loss = F.cross_entropy(self.things(states).reshape(len(both), -1), both)
        all_digits = torch.stack((digits, digits_before), 1).flatten()
        return loss + F.cross_entropy(self.digits(states).reshape(len(all_digits), -1), all_digits)


    def mind(self, states: torch.Tensor, ex: dict, place) -> torch.Tensor:
        """The same heads on answer tokens: the thing or time they are about.

        One code for "this segment shows X" and "I am looking for X" turns looking up into a
        plain dot product, which attention learns at once.
        """
        states, loss = level(states), states.new_zeros(())
        if ex["minds"]:
            target = torch.tensor(ex["minds"])
            logits = self.things(states[place(ex["minds"])]).reshape(len(target), 2, -1)
            loss = loss + F.cross_entropy(logits[torch.arange(len(target)), target[:, 4]], target[:, 3])
        if ex["clocks"]:
            target = torch.tensor(ex["clocks"])[:, 3:]
            logits = self.digits(states[place(ex["clocks"])]).reshape(len(target), 2, data.PLACES, 11)[:, 0, :-1]
            loss = loss + F.cross_entropy(logits.reshape(-1, 11), target.flatten())
        return loss


def fresh_model():
    """A new model with the trained eye in it, set up for packed sequences."""
    tok = build_tokenizer()
    model = build(VOCAB, {s: tok.token_to_id(s) for s in SPECIAL})
    model.model.language_model.config._attn_implementation = "packed"
    return model


@functools.lru_cache(maxsize=None)
def rendered(clip: int) -> torch.Tensor:
    """Features of a rendered clip: (2, segments, 4, 6, hidden)."""
    return torch.load(clips.FOLDER / f"{clip}.pt", weights_only=True)


def gather_features(bank: dict, chosen: list[tuple]) -> torch.Tensor:
    """Features of every segment: (segments, 4, 6, hidden)."""
    if chosen[0][0] == "clip":
        return torch.stack([rendered(clip)[variant, index] for _, clip, variant, index in chosen]).float()
    return torch.stack([bank[kind][thing, entry, variant] for kind, thing, entry, variant in chosen]).float()


def positions(ex: dict) -> torch.Tensor:
    """Three-axis positions of prefix and blocks: every block continues where the prefix ends."""
    parts = [torch.tensor(ex["positions"]).T]
    for ids in ex["groups"]:
        own = ex["next"] + torch.arange(ids.shape[1])
        parts.append(own.repeat(ids.shape[0]).expand(3, -1))
    return torch.cat(parts, dim=1)[:, None]


def forward(model, ex: dict, feats: torch.Tensor, readout: Readout | None, settled: bool = True):
    """Run a packed sequence; returns (losses, hits by class, counts by class).

    Until the read-out has `settled`, its loss trains the heads alone: fresh heads must not pull at a trained decoder.
    """
    text = model.model.language_model
    LAYOUT.prefix, LAYOUT.groups = len(ex["ids"]), [g.shape for g in ex["groups"]]
    ids = torch.cat([torch.tensor(ex["ids"])] + [torch.from_numpy(g).flatten() for g in ex["groups"]])
    visual = torch.tensor(ex["visual"])
    flat = feats.transpose(0, 1).reshape(4, len(visual), -1)
    h = text.embed_tokens(ids)[None].index_copy(1, visual, flat[:1])
    rope, aux = text.rotary_emb(h, positions(ex)), h.new_zeros(())
    offsets = np.cumsum([LAYOUT.prefix] + [n * l for n, l in LAYOUT.groups])
    place = lambda rows: torch.tensor([offsets[g] + b * LAYOUT.groups[g][1] + i for g, b, i, *_ in rows])
    for index, layer in enumerate(text.layers):
        h = layer(h, position_embeddings=rope, attention_mask=None)
        if index < 3:
            h = h.index_add(1, visual, flat[index + 1][None])
        if index == AUX_LAYER and readout is not None:
            read = h[0] if settled else h[0].detach()
            aux = readout(read[ex["stops"]], torch.tensor(ex["things"]), torch.tensor(ex["digits"]))
            aux = aux + readout.mind(read, ex, place)
    logits = model.lm_head(text.norm(h[0, place(ex["where"])]))
    labels, kinds = torch.tensor(ex["labels"]), torch.tensor(ex["classes"])
    weight = WEIGHTS[kinds]
    answer = (F.cross_entropy(logits, labels, reduction="none") * weight).sum() / weight.sum()
    mass = pointer_mass(ex["rows"], torch.tensor(ex["owner"]), len(ex["things"]) + 1)
    on_target = (mass * torch.from_numpy(ex["allowed"])).sum(1)
    pointer = -(on_target + 1e-5).log().mean()
    right = (logits.argmax(-1) == labels).float()
    hits = torch.zeros(4).index_add(0, kinds, right)
    return (answer, pointer, aux), hits, torch.bincount(kinds, minlength=4), on_target.mean().item()


def prefix_aux(model, ex: dict, feats: torch.Tensor, readout: Readout) -> torch.Tensor:
    """The read-out loss of a long clip alone: a few layers of the prefix, cheap and rich in stamps."""
    text = model.model.language_model
    LAYOUT.prefix, LAYOUT.groups = len(ex["ids"]), []
    visual = torch.tensor(ex["visual"])
    flat = feats.transpose(0, 1).reshape(4, len(visual), -1)
    h = text.embed_tokens(torch.tensor(ex["ids"]))[None].index_copy(1, visual, flat[:1])
    rope = text.rotary_emb(h, torch.tensor(ex["positions"]).T[:, None])
    for index, layer in enumerate(text.layers[:AUX_LAYER + 1]):
        h = layer(h, position_embeddings=rope, attention_mask=None).index_add(1, visual, flat[index + 1][None])
    return readout(h[0, ex["stops"]], torch.tensor(ex["things"]), torch.tensor(ex["digits"]))


def save(model, readout, optimizer, state: dict, average: dict) -> None:
    """Write the checkpoint in one step, so that a cut leaves the old one whole.

    `average` is the running mean of the weights: what a falling learning rate would give,
    at any moment one cares to stop.
    """
    part = CHECKPOINT.with_suffix(".part")
    torch.save({"model": model.state_dict(), "average": average, "readout": readout.state_dict(),
                "optimizer": optimizer.state_dict(), "state": state}, part)
    os.replace(part, CHECKPOINT)


def load(model, readout=None, optimizer=None) -> dict:
    """Read the checkpoint into what is given."""
    saved = torch.load(CHECKPOINT, weights_only=False)
    model.load_state_dict(saved["model"])
    if readout is not None:
        readout.load_state_dict(saved["readout"])
    if optimizer is not None:
        optimizer.load_state_dict(saved["optimizer"])
    return saved["state"]


def main() -> None:
    """Train until the time is up; clips get longer as the answers get right."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60, help="training time in total, over all runs")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--warm", type=Path, help="start from an exported model when there is no checkpoint")
    parser.add_argument("--fresh-optimizer", action="store_true", help="keep the weights only")
    parser.add_argument("--top", type=float, default=20, help="longest clip to begin with, in segments")
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    saved = torch.load(features.PATH, weights_only=True)
    bank, entries = saved["features"], saved["features"]["both"].shape[1]
    model, readout = fresh_model(), Readout(TEXT["hidden_size"])
    text = [(n, p) for n, p in model.named_parameters() if ".visual." not in n]
    optimizer = Both([*text, *readout.named_parameters()], args.lr * 5, args.lr)
    state = {"step": 0, "seconds": 0.0, "top": 10.0, "seed": 0}
    if args.warm:
        tensors = load_file(str(args.warm / "model.safetensors"))
        model.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=False)
    if CHECKPOINT.exists():
        state = load(model, readout, None if args.fresh_optimizer else optimizer)
    model.model.visual.load_state_dict(saved["visual"])  # the eye that made the features, whatever the weights came with
    state["top"] = args.top
    average, first = {k: v.clone() for k, v in model.state_dict().items()}, state["step"]
    queue, control = data.start(entries, state["seed"])
    vocab = Vocabulary(build_tokenizer())
    control[0] = state["top"]
    acc, tally, logged, aux_far = np.zeros(4), [], time.time(), 0.0
    while state["seconds"] < args.minutes * 60:
        began = time.time()
        done = state["seconds"] / (args.minutes * 60)
        scale = min(1, (state["step"] + 1) / 40) * (0.03 + 0.97 * min(1, 1.6 * (1 - done)))
        for _ in range(args.batch):
            ex = queue.get()
            (answer, pointer, aux), hits, seen, mass = forward(
                model, ex, gather_features(bank, ex["features"]), readout, not args.warm or state["step"] >= SETTLING)
            ((answer + 0.7 * pointer + 0.4 * aux) / args.batch).backward()
            tally.append([answer.item(), pointer.item(), aux.item(), mass, *hits.tolist(), *seen.tolist(), len(ex["ids"])])
        if not args.warm and state["step"] % 3 == 0 and state["top"] < 80:  # until long clips come by themselves
            ex = data.example(vocab, 10**12 + state["step"], 80, entries, 0.5, 0.0)
            far = prefix_aux(model, ex, gather_features(bank, ex["features"]), readout)
            (0.6 * far).backward()
            aux_far = far.item()
        optimizer.step(scale)
        weight = max(0.012, 1 / (state["step"] - first + 1))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, weight)
        state["step"] += 1
        state["seed"] += args.batch + 1
        state["seconds"] += time.time() - began
        if state["step"] % 10 == 0:
            t = np.array(tally)
            acc = t[:, 4:8].sum(0) / np.maximum(1, t[:, 8:12].sum(0))
            if not args.warm and acc[1] > 0.95 and acc[2] > 0.9 and acc[3] > 0.9:
                state["top"] = min(float(data.MAX_SEGMENTS - 2), state["top"] * 1.25)
                control[0] = state["top"]
            print(f"{state['step']} ans {t[:, 0].mean():.3f} ptr {t[:, 1].mean():.3f} aux {t[:, 2].mean():.3f} {aux_far:.2f} "
                  f"mass {t[:, 3].mean():.3f} | " + " ".join(f"{c} {a:.3f}" for c, a in zip(CLASSES, acc))
                  + f" | top {state['top']:.0f} tok {t[:, 12].mean():.0f} {state['seconds']:.0f}s "
                  f"{(time.time() - logged) / 10:.2f}s/step q{queue.qsize()}", flush=True)
            tally, logged = [], time.time()
        if state["step"] % 40 == 0:
            save(model, readout, optimizer, state, average)
    save(model, readout, optimizer, state, average)


if __name__ == "__main__":
    main()

"""Three ways to tell a decoder the time, trained alike: rotary positions, text stamps, stamps and a time pointer.

    python -m train.ablation --variant rope --steps 2000      (then stamps, pointer)

The same small decoder (Qwen3-VL's text model with interleaved MRoPE, from transformers; no vision tower and no DeepStack, a
linear merger takes its place), the same start, the same lectures in the same order, the same steps and optimiser. All three
get the same aids: a throw-away read-out of what begins in a segment and of its time, the same read-out of what is asked for on
the answer and of the stamp of the segment it is about, and one head that is taught to attend to the segment where the event
shows first. `pointer` has `TimePointer` besides, trained jointly. Resumes from its checkpoint; one thread.
"""

import argparse
import os
import time

import torch
import torch.nn.functional as F
from torch import nn
from transformers import Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextModel

from . import lecture as lectures
from . import lecture_text as text
from .muon import Both
from .packed import LAYOUT, POINTER_HEAD, packed_attention, pointer_mass  # noqa: F401 (registers)
from .pool import CACHE
from .time_pointer import TimePointer, level, moment

SHAPE = dict(hidden_size=128, intermediate_size=320, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
             head_dim=32, rms_norm_eps=1e-6, rope_theta=5_000_000.0, max_position_embeddings=32768, attention_bias=False,
             hidden_act="silu", initializer_range=0.06, vocab_size=len(text.TOKENS),
             rope_scaling={"rope_type": "default", "mrope_interleaved": True, "mrope_section": [6, 5, 5]})
READ_LAYER = 2  # whose output is read: what a segment holds, what an answer is about
QUESTIONS = 28  # of a lecture, at most
BATCH = 120  # segments of a step, of one lecture or of several
GROWN = 600  # steps until lectures are shown whole
US = 1_000_000
LOUD = 5.0  # the size of states that are read out; sharp read-outs are learned sooner


class Decoder(nn.Module):
    """Merger, text model, read-outs and, for `pointer`, the time pointer."""

    def __init__(self, variant: str):
        super().__init__()
        torch.manual_seed(0)  # what the variants share starts out the same
        self.text = Qwen3VLTextModel(Qwen3VLTextConfig(**SHAPE))
        self.text.config._attn_implementation = "packed"
        width = SHAPE["hidden_size"]
        self.merger = nn.Linear(2 * lectures.WIDTH, width)
        nn.init.normal_(self.merger.weight, std=0.005)
        self.begins = nn.Linear(width, len(text.KINDS) * (lectures.NOTHING + 1))
        self.clock = nn.Linear(width, 4 * 10)
        self.pointer = TimePointer(width, width) if variant == "pointer" else None

    def topics(self, states: torch.Tensor) -> torch.Tensor:
        """What a state says begins, by kind: [N, kinds, topics + 1]."""
        return self.begins(LOUD * level(states)).reshape(len(states), len(text.KINDS), -1)

    def digits(self, states: torch.Tensor) -> torch.Tensor:
        """Which time a state says: [N, 4, 10]."""
        return self.clock(LOUD * level(states)).reshape(len(states), 4, 10)

    def segments(self, found: lectures.Lecture, closing: torch.Tensor) -> torch.Tensor:
        """What the pointer sees of a segment, [n, width]: both regions and both words, each turned its own way, and what the
        decoder has in mind where the segment closes (`closing`, [n, width]), which has read the stamp.

        The words are the embeddings of the tokens, the regions what the merger makes of them.
        """
        seen = self.merger(torch.from_numpy(found.seen))
        words = self.text.embed_tokens(torch.tensor([[text.word_id(w) for w in pair] for pair in found.heard]))
        parts = level(torch.cat((seen, words), 1))
        return sum(parts[:, k].roll(k * parts.shape[-1] // 4, -1) for k in range(4)) / 2 + level(closing)

    def forward(self, prefix: dict, found: lectures.Lecture, blocks: torch.Tensor):
        """States that leave the read-out layer and the last: of the prefix and of all blocks [n, length]."""
        LAYOUT.prefix, LAYOUT.groups = len(prefix["ids"]), [tuple(blocks.shape)]
        ids = torch.cat((torch.from_numpy(prefix["ids"]), blocks.flatten()))
        visual = self.merger(torch.from_numpy(found.seen)).flatten(0, 1)
        h = self.text.embed_tokens(ids)[None].index_copy(1, torch.from_numpy(prefix["visual"]), visual[None])
        own = (prefix["next"] + torch.arange(blocks.shape[1])).repeat(len(blocks)).expand(3, -1)
        rope = self.text.rotary_emb(h, torch.cat((torch.from_numpy(prefix["positions"]), own), 1)[:, None])
        for index, layer in enumerate(self.text.layers):
            h = layer(h, position_embeddings=rope, attention_mask=None)
            if index == READ_LAYER:
                read = h[0]
        return read, h[0]

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Tied to the embeddings."""
        return self.text.norm(states) @ self.text.embed_tokens.weight.T


def padded(rows: list[list[int]]) -> torch.Tensor:
    """Rows of tokens, filled up behind."""
    longest = max(map(len, rows))
    return torch.tensor([row + [text.END] * (longest - len(row)) for row in rows])


def losses_of(net: Decoder, variant: str, found: lectures.Lecture, asked: list[lectures.Event]) -> dict[str, torch.Tensor]:
    """Everything a lecture teaches; "right" is the share of the times' tokens that are predicted."""
    prefix = text.prefix_of(found, variant)
    made = [text.block_of(event) for event in asked]
    blocks, start = padded([ids for ids, _ in made]), len(prefix["ids"])
    read, final = net(prefix, found, blocks)
    where = [(b, i) for b, (ids, at) in enumerate(made) for i in range(at - 1, len(ids) - 1)]
    flat = start + torch.tensor([b * blocks.shape[1] + i for b, i in where])
    labels = torch.tensor([made[b][0][i + 1] for b, i in where])
    logits, told = net.logits(final[flat]), torch.tensor([int(t) in text.TIME for t in labels])
    weight = 1.0 + 2.0 * told
    out = {"answer": (F.cross_entropy(logits, labels, reduction="none") * weight).sum() / weight.sum(),
           "right": (logits.argmax(-1) == labels)[told].float().mean()}
    stops = torch.from_numpy(prefix["stops"])
    begun = torch.from_numpy(text.readings(found)).flatten()
    each, some = F.cross_entropy(net.topics(read[stops]).flatten(0, 1), begun, reduction="none"), begun != lectures.NOTHING
    out["begins"] = each[some].mean() + each[~some].mean()
    out["clock"] = F.cross_entropy(net.digits(read[stops]).flatten(0, 1), torch.from_numpy(text.places(found.stamps)).flatten())
    kinds = torch.tensor([text.KINDS.index(asked[b].kind) for b, _ in where])
    minds = net.topics(read[flat])[torch.arange(len(flat)), kinds]
    out["mind"] = F.cross_entropy(minds, torch.tensor([asked[b].topic for b, _ in where]))
    timed = [(b, i) for (b, i), label in zip(where, told) if label]
    owner = torch.from_numpy(prefix["owner"])
    mass = pointer_mass([(0, b, i, POINTER_HEAD) for b, i in timed], owner, len(found.stamps) + 1)
    on_target = mass[torch.arange(len(timed)), torch.tensor([asked[b].first for b, _ in timed])]
    stamps = torch.from_numpy(text.places(found.stamps))[[asked[b].first for b, _ in timed]]
    lasts = final[start + torch.tensor([b * blocks.shape[1] + i for b, i in timed])]
    out["told"] = F.cross_entropy(net.digits(lasts).flatten(0, 1), stamps.flatten())
    out["look"] = -(on_target + 1e-5).log().mean()
    if net.pointer is not None:
        firsts = start + torch.tensor([b * blocks.shape[1] + at - 1 for b, (_, at) in enumerate(made)])
        out.update(pointing(net, read[firsts], read[stops], found, asked))
    return out


def pointing(net: Decoder, hidden, closing, found: lectures.Lecture, asked: list[lectures.Event]) -> dict[str, torch.Tensor]:
    """What is wrong with the time pointer's proposal, its refinement, and the refinement of annotated times."""
    times = torch.from_numpy(found.stamps * US).round().long()
    target = torch.stack([torch.from_numpy(lectures.spread(e.known, found.stamps)) for e in asked])
    known = torch.tensor([e.known for e in asked], dtype=torch.float64)
    features = net.segments(found, closing)
    frames = net.pointer.frames(features)
    proposal = net.pointer.propose(hidden, frames).log_softmax(-1)
    _, refined = net.pointer(hidden, features, times)
    near = known + lectures.SEGMENT * torch.randn(len(known), dtype=torch.float64)
    annotated = net.pointer.refine(hidden, frames, (near * US).round().long()[:, None], times)[:, 0]
    off = (moment(refined, times)[0] - known) / lectures.SEGMENT
    return {"propose": -(target * proposal).sum(-1).mean(), "refine": -(target * (refined + 1e-5).log()).sum(-1).mean(),
            "annotated": -(target * (annotated + 1e-5).log()).sum(-1).mean(),
            "pin": F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.25).float()}


WEIGHTS = {"answer": 1.0, "begins": 1.0, "clock": 0.4, "mind": 0.4, "look": 0.7, "told": 1.0,
           "propose": 0.4, "refine": 0.4, "annotated": 0.2, "pin": 0.2}


def lectures_for(step: int) -> list[tuple]:
    """The lectures of a training step, with what is asked about them; those without anything to ask are passed over."""
    out, seed, left = [], 10**6 + 100 * step, BATCH
    while left > 0:
        found = lectures.window_of(seed, step / GROWN)
        asked = lectures.asked_of(found, seed, QUESTIONS)
        if asked:
            out.append((found, asked))
            left -= len(found.stamps)
        seed += 1
    return out


def pace(step: int, steps: int) -> float:
    """Relative learning rate: a short warm-up, level for three quarters, then down to nothing."""
    return min(1, (step + 1) / 40) * (0.02 + 0.98 * min(1, 4.0 * (1 - step / steps)))


def checkpoint_of(variant: str):
    """Where a variant's training is kept."""
    folder = CACHE / "ablation"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{variant}.pt"


def save(variant: str, net: Decoder, optimizer: Both, state: dict) -> None:
    """In one step, so that a cut leaves the old one whole."""
    path = checkpoint_of(variant)
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "state": state}, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def train(variant: str, steps: int, stop: int) -> None:
    """Until `stop` of `steps`; goes on from the checkpoint."""
    net = Decoder(variant)
    optimizer, state = Both(list(net.named_parameters()), 1e-2, 2e-3), {"step": 0, "seconds": 0.0, "steps": steps}
    if checkpoint_of(variant).exists():
        saved = torch.load(checkpoint_of(variant), weights_only=False)
        net.load_state_dict(saved["net"]), optimizer.load_state_dict(saved["optimizer"])
        state = {**saved["state"], "steps": steps}
    tally: dict[str, list[float]] = {}
    while state["step"] < min(stop, state["steps"]):
        began, step = time.time(), state["step"]
        torch.manual_seed(step)
        shown = lectures_for(step)
        for found, asked in shown:
            parts = losses_of(net, variant, found, asked)
            share = len(asked) / sum(len(a) for _, a in shown)
            (share * sum(WEIGHTS[name] * parts[name] for name in parts if name in WEIGHTS)).backward()
            for name, value in parts.items():
                tally.setdefault(name, []).append(value.item())
        optimizer.step(pace(step, state["steps"]))
        state["step"] += 1
        state["seconds"] += time.time() - began
        if state["step"] % 25 == 0:
            print(f"{variant} {state['step']} {state['seconds']:.0f} s " + " ".join(
                f"{name} {sum(v) / len(v):.3f}" for name, v in tally.items()), flush=True)
            tally = {}
        if state["step"] % 50 == 0:
            save(variant, net, optimizer, state)
    save(variant, net, optimizer, state)


def main() -> None:
    """One variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=text.VARIANTS, required=True)
    parser.add_argument("--steps", type=int, default=2000, help="of the whole training, the same for all variants; the rate falls towards it")
    parser.add_argument("--stop", type=int, default=10**9, help="leave off at this step; the plan stays that of --steps")
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args.variant, args.steps, args.stop)


if __name__ == "__main__":
    main()

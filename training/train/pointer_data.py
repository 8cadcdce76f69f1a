"""What the time pointer learns from: clips of the world as a checkpoint's own eye sees them, and what its decoder has in
mind at every token of an answer.

Frames are drawn where they are looked at and nowhere else, so a clip is a second of work at any spacing of its grid. Grids
are as the product makes them: even, coarse with a dense stretch inside (zoom), at the start of a video or hours into it.
In two of five clips the stamps in the text lie (shifted, permuted, left out) while times and frames stay true: what follows
the frames then is right, what follows the text is not.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import Qwen3VLForConditionalGeneration

from world import questions as q
from world.encode import frames_of
from world.scenes import TICKS_PER_SECOND, Plan, make_plan

from . import pointer_targets as targets
from .data import group_blocks
from .model import FRAME_H, FRAME_W, encode, patchify
from .packed import LAYOUT, packed_attention  # noqa: F401 (registers)
from .pool import CACHE, Lossy
from .text import Prefix, Vocabulary, build_prefix
from .timeline import EMPTY_SCENE, Segment, frames_shown, pairs_of, runs_of

COUNTS = {"when": 7, "what": 3, "count": 3, "order": 3, "absent": 2}
FIRST_SEED = 3 * 10**9
US = 1_000_000
PIECE = 2.5  # minutes


@dataclass
class Clip:
    """What is looked at of a plan: stamps and their true times, which scene is where, and the pictures."""

    plan: Plan
    segments: list[Segment]  # stamps in seconds of the plan
    times_us: np.ndarray  # of segments, the offset of the video added
    offset_us: int
    pixels: np.ndarray  # [T, 2, 64, 96, 3]


def grid_of(rng: random.Random) -> list[float]:
    """Instants of frames: a spacing of segments from 0.25 to 8 s, every fifth grid with a dense stretch in it."""
    spacing = rng.choice([1.0, 1.0, 1.0, 0.25, 0.5, 2.0, 4.0, 8.0, 0.25 * 32 ** rng.random()])
    count = round(6 * 16 ** rng.random())
    at = [i * spacing / 2 for i in range(2 * count)]
    if rng.random() < 0.2 and spacing >= 1.0:
        begin, dense = rng.choice(at), spacing / rng.choice([4, 8])
        inside = [begin + i * dense / 2 for i in range(2 * rng.randint(4, 16))]
        at = sorted({*(t for t in at if not begin <= t <= inside[-1]), *inside})
    return at[:2 * 110]


def plan_of(seed: int, minutes: float) -> Plan:
    """A plan of any length: the world runs out of things after some minutes, and begins again."""
    whole = make_plan(seed, min(minutes, PIECE))
    while whole.end < minutes * 60 * TICKS_PER_SECOND:
        seed += 10**6
        more, by = make_plan(seed, PIECE), whole.end
        whole.frames += [f + by for f in more.frames]
        whole.scenes += [replace(s, start=s.start + by, end=s.end + by) for s in more.scenes]
        whole.backdrops += [(tick + by, look) for tick, look in more.backdrops]
        whole.end += more.end
    return whole


def clip_of(seed: int, at: list[float] | None = None) -> Clip:
    """A clip with its grid, drawn; with instants given, from its start and as sharp as it is."""
    rng = random.Random(f"pointer-{seed}")
    plain = at is not None
    at = at or grid_of(rng)
    plan = plan_of(seed, (max(at) + 0.5) / 60)
    pts = [f / TICKS_PER_SECOND for f in plan.frames]
    shown = frames_shown(pts, at)
    tags = []
    for index in shown:
        tick = plan.frames[index]
        tags.append((index, next((i for i, s in enumerate(plan.scenes) if s.start <= tick < s.end), EMPTY_SCENE)))
    segments = [Segment((pts[a] + pts[b]) / 2, sa, sb) for (a, sa), (b, sb) in pairs_of(tags)]
    offset = 0 if plain or rng.random() < 0.5 else rng.randrange(round(7200 * rng.random() ** 1.5) * US + 1)
    times = np.array([round(s.stamp * US) + offset for s in segments], np.int64)
    return Clip(plan, segments, times, offset, pictures(plan, shown, rng))


def pictures(plan: Plan, shown: list[int], rng: random.Random) -> np.ndarray:
    """The frames that are looked at, as a browser or FFmpeg hands them over."""
    wanted = sorted({plan.frames[i] for i in shown})
    looked = Plan(plan.seed, wanted, plan.end, plan.scenes, plan.backdrops)
    lossy = Lossy(rng, small=True) if rng.random() < 0.7 else None
    small = lambda image: image.resize((FRAME_W, FRAME_H), Image.BICUBIC)
    kept = {tick: lossy(small(image)) if lossy else np.asarray(small(image)) for tick, image in frames_of(looked)}
    return np.stack([np.stack([kept[plan.frames[a]], kept[plan.frames[b]]]) for a, b in pairs_of(shown)])


def printed(rng: random.Random, clip: Clip, lie: str) -> list[float]:
    """The stamps that the text shows."""
    stamps = [float(t) / US for t in clip.times_us]
    if lie == "shifted":
        by = rng.choice([-1, 1]) * rng.uniform(20, 400)
        by = by if stamps[0] + by >= 0 else -by
        return [t + by for t in stamps]
    return rng.sample(stamps, len(stamps)) if lie == "permuted" else stamps


def prefix_of(vocab: Vocabulary, stamps: list[float], lie: str) -> Prefix:
    """The prompt's video part; with stamps left out, the pictures and their delimiters remain."""
    if lie != "removed":
        return build_prefix(vocab, stamps)
    empty = Vocabulary(vocab.tok)
    empty.stamp = lambda _value: []
    return build_prefix(empty, stamps)


class Watcher:
    """A frozen checkpoint: what its eye makes of pictures and its decoder has in mind at tokens."""

    def __init__(self, folder: Path, layer: int | None = None):
        """`layer`: whose output is a token's hidden state; the last one when not given."""
        self.model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.model.model.language_model.config._attn_implementation = "packed"
        self.layer = len(self.model.model.language_model.layers) - 1 if layer is None else layer
        self.vocab = Vocabulary(Tokenizer.from_file(str(folder / "tokenizer.json")))
        self.eye = digest(self.model.model.visual)
        self.whole = digest(self.model)

    @torch.inference_mode()
    def see(self, pixels: np.ndarray) -> torch.Tensor:
        """[T, 2, 64, 96, 3] to [T, 4, 6, hidden]."""
        parts = [encode(self.model.model.visual, patchify(torch.from_numpy(pixels[i:i + 64])))
                 for i in range(0, len(pixels), 64)]
        return torch.cat(parts)

    @torch.inference_mode()
    def think(self, prefix: Prefix, features: torch.Tensor, groups: list[np.ndarray]) -> list[torch.Tensor]:
        """Hidden states that leave the layer, of every group of question blocks: [blocks, length, hidden] each."""
        text = self.model.model.language_model
        LAYOUT.prefix, LAYOUT.groups = len(prefix.ids), [g.shape for g in groups]
        ids = torch.cat([torch.tensor(prefix.ids)] + [torch.from_numpy(g).flatten() for g in groups])
        visual = torch.tensor(prefix.visual)
        flat = features.transpose(0, 1).reshape(features.shape[1], len(visual), -1)
        hidden = text.embed_tokens(ids)[None].index_copy(1, visual, flat[:1])
        axes = [torch.tensor(prefix.positions).T]
        axes += [(prefix.next_position + torch.arange(g.shape[1])).repeat(g.shape[0]).expand(3, -1) for g in groups]
        rope = text.rotary_emb(hidden, torch.cat(axes, 1)[:, None])
        for index, layer in enumerate(text.layers[:self.layer + 1]):
            hidden = layer(hidden, position_embeddings=rope, attention_mask=None)
            if index + 1 < len(flat):
                hidden = hidden.index_add(1, visual, flat[index + 1][None])
        out, at = [], len(prefix.ids)
        for n, length in LAYOUT.groups:
            out.append(hidden[0, at:at + n * length].reshape(n, length, -1))
            at += n * length
        return out


def digest(module: torch.nn.Module) -> str:
    """Of weights: what was computed with others is not reused."""
    hasher = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        hasher.update(name.encode() + value.contiguous().numpy().tobytes())
    return hasher.hexdigest()[:16]


@dataclass
class Block:
    """A question and its answer as ids, with the piece of the answer that each of its tokens belongs to."""

    ids: list[int]
    answer_from: int
    pieces: list[targets.Told]
    owners: list[int]


def blocks_of(rng: random.Random, vocab: Vocabulary, clip: Clip, stamps: list[float]) -> list[Block]:
    """Several questions about a clip and what their answers are about."""
    shown = [Segment(stamp, s.first, s.second) for stamp, s in zip(stamps, clip.segments)]
    runs = runs_of(clip.plan, shown)
    facts = [(r.thing, shown[r.start].stamp, shown[r.end].stamp) for r in runs]
    said = [(f"{s:.1f}", f"{e:.1f}") for _, s, e in facts]
    blocks = []
    for kind, count in dict(COUNTS, list=int(rng.random() < 0.25)).items():
        for _ in range(count):
            lang = rng.choice(["en", "zh"])
            asked = q.ASKERS[kind](rng, facts, lang, 0.3) if kind == "what" else q.ASKERS[kind](rng, facts, lang)
            if not asked:
                continue
            question, kind_, answer, _, subject = asked
            pieces = targets.told(kind_, answer, subject, runs, said)
            encoding = vocab.encode(answer)
            head = vocab.encode(question).ids + vocab.mid
            blocks.append(Block(head + encoding.ids + [vocab.end], len(head), pieces, targets.of_tokens(encoding, pieces)))
    return blocks


def features_of(watcher: Watcher, seed: int) -> tuple[Clip, torch.Tensor]:
    """A clip and what the eye says about it, from the cache if it has been drawn before."""
    path = CACHE / "pointer" / watcher.eye / f"{seed}.pt"
    if path.exists():
        kept = torch.load(path, weights_only=False)
        return kept["clip"], kept["features"].float()
    clip = clip_of(seed)
    features = watcher.see(clip.pixels)
    clip.pixels = np.zeros(0, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"clip": clip, "features": features.half()}, part)
    part.rename(path)
    return clip, features


def example(watcher: Watcher, seed: int) -> dict:
    """What a clip teaches: hidden [N, D], features [T, D], times [T], target [N, T], moment [N] us, edge [N]."""
    rng = random.Random(f"pointer-questions-{seed}")
    clip, features = features_of(watcher, seed)
    lie = rng.choices(["", "shifted", "permuted", "removed"], [0.6, 0.15, 0.15, 0.1])[0]
    stamps = printed(rng, clip, lie)
    blocks = blocks_of(rng, watcher.vocab, clip, stamps)
    groups = group_blocks(blocks, watcher.vocab.end)
    states = watcher.think(prefix_of(watcher.vocab, stamps, lie), features, [ids for ids, _ in groups])
    bounds = lambda run: tuple(t * US // TICKS_PER_SECOND + clip.offset_us
                               for t in (clip.plan.scenes[run.scene].start, clip.plan.scenes[run.scene].end))
    hidden, target, moment, edge = [], [], [], []
    for state, (_, part) in zip(states, groups):
        for row, block in enumerate(part):
            shares = [targets.spread_over(piece, clip.times_us, bounds) for piece in block.pieces]
            for i, owner in enumerate(block.owners):
                hidden.append(state[row, block.answer_from + i])
                target.append(shares[owner][0]), moment.append(shares[owner][1])
                edge.append(block.pieces[owner].edge is not None)
    return {"hidden": torch.stack(hidden).half(), "features": features[:, 0].mean(1).half(), "lie": lie,
            "times": torch.from_numpy(clip.times_us), "target": torch.from_numpy(np.stack(target)).half(),
            "moment": torch.tensor(moment, dtype=torch.float64), "edge": torch.tensor(edge)}

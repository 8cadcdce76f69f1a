"""Endless random clips with questions, assembled without rendering; runs in its own process."""

import multiprocessing as mp
import random

import numpy as np

from tokenizer import build as build_tokenizer
from world.scenes import THING_ID, THINGS, make_plan

from . import clips
from .clocks import clip as clocked_clip, counted, moved
from .packed import CLOCK_HEAD, POINTER_HEAD
from .text import NULL, Vocabulary, ask_blocks, build_prefix
from .timeline import EMPTY_SCENE, runs_of, segments_of

EMPTY = len(THINGS)
COUNTS = {"when": 9, "what": 3, "count": 2, "order": 2, "absent": 2}
MAX_SEGMENTS = 126
COUNTED_SHARE = 0.25  # of the clips with other clocks: these keep a short video's stamps
PLACES = 5  # digits of a stamp, up to 9999.9


def clip_of(seed: int, segments: int, offset_share: float):
    """A plan and its sampled segments; some clips start late so that all times are seen early."""
    rng = random.Random(f"clip-{seed}")
    offset = 0
    if rng.random() < offset_share and segments < MAX_SEGMENTS - 4:
        offset = rng.randrange(0, MAX_SEGMENTS - segments)
    plan = make_plan(seed + 10**9, (offset + segments) / 60)
    return plan, segments_of(plan, offset, segments)


def rendered_part(seed: int, length: int, clip: int, other_clocks: float):
    """A stretch of a rendered clip: its plan, its segments, and which features stand for them."""
    rng, plan = random.Random(f"part-{seed}"), clips.plan_of(clip)
    offset = rng.randrange(0, max(1, len(segments_of(plan)) - length))
    segments, variant = segments_of(plan, offset, length), rng.randrange(2)
    features = [("clip", clip, variant, offset + j) for j in range(len(segments))]
    return plan, moved(rng, segments) if rng.random() < other_clocks else segments, features


def feature_choice(rng, plan, segments, entries: int) -> list[tuple]:
    """For each segment: which pool features stand for it, (kind, thing, entry, variant)."""
    looks = [rng.randrange(entries) for _ in plan.scenes]
    chosen = []
    for seg in segments:
        if seg.scene == EMPTY_SCENE:
            chosen.append(("none", rng.randrange(EMPTY), rng.randrange(entries), rng.randrange(3)))
            continue
        kind = "both" if seg.first == seg.second else ("first" if seg.first >= 0 else "second")
        thing = THING_ID[plan.scenes[seg.scene].thing]
        chosen.append((kind, thing, looks[seg.scene], rng.randrange(3 if kind == "both" else 2)))
    return chosen


def digits_of(stamp: float) -> list[int]:
    """Thousands, hundreds, tens, ones and tenths of a printed stamp."""
    text = f"{stamp:.1f}".replace(".", "").zfill(PLACES)
    return [int(c) for c in text[-PLACES:]]


def group_blocks(blocks: list, pad: int):
    """Sort blocks by length into groups padded to their longest: (ids, blocks) per group."""
    blocks = sorted(blocks, key=lambda b: len(b.ids))
    groups, start = [], 0
    for i in range(1, len(blocks) + 1):
        if i == len(blocks) or len(blocks[i].ids) > 1.35 * len(blocks[start].ids):
            part = blocks[start:i]
            length = len(part[-1].ids)
            ids = np.full((len(part), length), pad, np.int64)
            for row, b in enumerate(part):
                ids[row, :len(b.ids)] = b.ids
            groups.append((ids, part))
            start = i
    return groups


def example(vocab: Vocabulary, seed: int, length: int, entries: int, offset_share: float, list_share: float,
            clip: int | None = None, other_clocks: float = 0.0) -> dict:
    """One packed sequence as plain arrays, of the pool or (`clip`) of a rendered clip.

    `other_clocks` is the share of clips that `clocks` makes instead of a short video's own grid.
    """
    rng = random.Random(f"example-{seed}")
    if clip is None:
        own = random.Random(f"other-{seed}")
        other = own.random() < other_clocks
        plan, segments = clocked_clip(seed, length) if other else clip_of(seed, length, offset_share)
        if other and own.random() < COUNTED_SHARE:
            segments = counted(own, segments)
        features = feature_choice(rng, plan, segments, entries)
    else:
        plan, segments, features = rendered_part(seed, length, clip, other_clocks)
    runs = runs_of(plan, segments)
    counts = dict(COUNTS, list=int(rng.random() < list_share))
    blocks = ask_blocks(rng, vocab, runs, segments, counts)
    prefix = build_prefix(vocab, [s.stamp for s in segments])
    groups = group_blocks(blocks, vocab.end)
    rows, allowed, where, labels, classes, minds, clocks = [], [], [], [], [], [], []
    n = len(segments)
    for g, (_, part) in enumerate(groups):
        for b, block in enumerate(part):
            for i in range(block.answer_from - 1, len(block.ids) - 1):
                where.append((g, b, i)), labels.append(block.ids[i + 1])
                classes.append(["other", "stamp", "label", "absent"].index(block.classes.get(i, "other")))
            minds += [(g, b, i, THING_ID[t], int(is_end)) for i, (t, is_end) in block.hints.items()]
            if block.second is not None:
                digits = digits_of(float(block.second))[:-1]
                clocks += [(g, b, i, *digits) for i, c in block.classes.items() if c == "label"]
            clocks += [(g, b, i, *digits_of(said)[:-1]) for i, said in block.just_said.items()]
            for i, targets in block.look.items():
                mask = np.zeros(n + 2, bool)  # segments, the prompt's start, the block itself
                mask[[t if t >= 0 else n + (0 if t == NULL else 1) for t in targets]] = True
                head = CLOCK_HEAD if block.classes.get(i) == "label" else POINTER_HEAD
                rows.append((g, b, i, head)), allowed.append(mask)
    things = [THING_ID[plan.scenes[s.scene].thing] if s.scene >= 0 else EMPTY for s in segments]
    return {
        "ids": prefix.ids, "positions": prefix.positions, "owner": [n if s == NULL else s for s in prefix.segment],
        "visual": prefix.visual, "stops": prefix.stops, "next": prefix.next_position,
        "features": features, "things": things,
        "digits": [digits_of(s.stamp) for s in segments], "groups": [g for g, _ in groups],
        "where": where, "labels": labels, "classes": classes, "rows": rows, "allowed": np.array(allowed),
        "minds": minds, "clocks": clocks,
    }


def worker(queue: mp.Queue, control, entries: int, start: int, stride: int) -> None:
    """Fill the queue; `control` is (longest clip, shares of late starts, lists, rendered clips, other clocks), changed by the trainer."""
    vocab, seed, rendered = Vocabulary(build_tokenizer()), start, []
    while True:
        if (seed - start) % (50 * stride) == 0:
            rendered = sorted(int(p.stem) for p in clips.FOLDER.glob("*.pt"))  # more may have been written
        seed += stride
        rng = random.Random(f"length-{seed}")
        top = int(control[0])
        longest = rng.randint(top // 2, top) if rng.random() < 0.5 else None
        length = longest or int(round(3 * (top / 3) ** rng.random()))
        clip = rng.choice(rendered) if len(rendered) > 5 and rng.random() < control[3] else None
        try:
            queue.put(example(vocab, seed, max(3, length), entries, control[1], control[2], clip, control[4]))
        except (StopIteration, ValueError, IndexError) as error:  # a clip with nothing to ask
            print("skipped", seed, repr(error), flush=True)


def start(entries: int, first_seed: int, processes: int = 1):
    """Start the worker processes; returns the queue and the shared controls."""
    context = mp.get_context("spawn")
    queue, control = context.Queue(24), context.Array("d", [12.0, 0.5, 0.12, 0.55, 0.65])
    for k in range(processes):
        context.Process(target=worker, args=(queue, control, entries, first_seed + k, processes), daemon=True).start()
    return queue, control

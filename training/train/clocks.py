"""Training clips with other clocks than the one a short video gives: what zoom and search ask about.

A long video is looked at in windows that begin anywhere in two hours, in stretches with gaps between them, and on
grids that are coarse here and dense there. Nothing is rendered: a clip is a list of scenes in seconds and the segments
that a sampler would make of them, pairs of frames under the mean of their times. Two scenes never share a pair.
"""

import math
import random

from world.scenes import TICKS_PER_SECOND, Plan, Scene, make_plan

from .timeline import EMPTY_SCENE, Segment

LONGEST_S = 7200.0
SPACINGS = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]  # seconds between segments
RATES = [15, 20, 24, 25, 30]  # frames a second of the file: stamps are those of real frames, not of the grid
KINDS = {"window": 0.3, "scaled": 0.25, "mixed": 0.28, "stretches": 0.17}


def events(rng: random.Random, start: float, seconds: float, spacing: float, short: float) -> list:
    """(thing, from, to) over a stretch: as long as the spacing allows to tell apart, a share of them cut short."""
    scale = spacing * math.exp(rng.uniform(math.log(0.75), math.log(2.2)))
    plan, out = make_plan(rng.randrange(10**9, 2 * 10**9), seconds / scale / 60), []
    for scene in plan.scenes:
        begin, length = (scale * t / TICKS_PER_SECOND for t in (scene.start, scene.end - scene.start))
        if rng.random() < short:
            least = min(0.25, length)
            length = least * math.exp(rng.uniform(0, math.log(length / least)))
        out.append((scene.thing, start + begin, start + begin + length))
    return out


def grid(start: float, end: float, spacing: float) -> list[float]:
    """Instants two to a segment, an even number of them."""
    count = max(1, int((end - start) / spacing + 1e-6))
    return [start + 0.5 * spacing * k for k in range(2 * count)]


def dense_windows(rng: random.Random, found: list, start: float, end: float, spacing: float, room: int) -> list:
    """(from, to, spacing) around one to three edges of scenes, in order and apart."""
    edges = [t for _, a, b in found for t in (a, b)]
    windows = []
    for edge in rng.sample(edges, min(len(edges), rng.randint(1, 3))):
        fine = rng.choice([s for s in SPACINGS if s < spacing and s <= max(0.5, spacing / 4)])
        half = fine * rng.randint(4, 8)
        middle = edge + rng.uniform(-0.6, 0.6) * half
        low, high = max(start, middle - half), min(end, middle + half)
        apart = all(high + spacing < a or low - spacing > b for a, b, _ in windows)
        if apart and high - low >= 2 * fine and (high - low) / fine <= room:
            windows.append((low, high, fine))
            room -= int((high - low) / fine)
    return sorted(windows)


def stretch(rng: random.Random, start: float, segments: int, spacing: float, mixed: bool):
    """Scenes of one uninterrupted stretch and the instants it is looked at, as one list of pairs of instants."""
    coarse = max(3, segments // 2 if mixed else segments)
    end = start + coarse * spacing
    found = events(rng, start, end - start, spacing, 0.5 if mixed else 0.2)
    windows = dense_windows(rng, found, start, end, spacing, segments - coarse) if mixed else []
    pairs, at = [], grid(start, end, spacing)
    for pair in zip(at[0::2], at[1::2]):
        if all(pair[1] < low or pair[0] >= high for low, high, _ in windows):
            pairs.append(pair)
    for low, high, fine in windows:
        at = grid(low, high, fine)
        pairs += zip(at[0::2], at[1::2])
    return found, sorted(pairs)


def starts(rng: random.Random, lengths: list[float]) -> list[float]:
    """Where stretches of these lengths begin within two hours, in order, with gaps between them."""
    free = max(0.0, LONGEST_S - sum(lengths))
    reach = free * rng.choice([1.0, 1.0, 0.3, 0.05])
    cuts, out, used = sorted(rng.uniform(0, reach) for _ in lengths), [], 0.0
    for cut, length in zip(cuts, lengths):
        out.append(cut + used)
        used += length
    return out


def shown_tick(t: float, rate: int) -> int:
    """The time of the last frame at or before `t` s in a file of so many frames a second, in ticks."""
    return int(t * rate + 1e-6) * TICKS_PER_SECOND // rate


def segment_at(ticks: tuple[int, int], scenes: list[Scene]) -> Segment:
    """The segment of two frames, and which scene each of them shows."""
    shown = [next((i for i, s in enumerate(scenes) if s.start <= t < s.end), EMPTY_SCENE) for t in ticks]
    return Segment(sum(ticks) / 2 / TICKS_PER_SECOND, *shown)


def clip(seed: int, length: int, kind: str | None = None) -> tuple[Plan, list[Segment]]:
    """A plan with its segments, about `length` of them, on a clock of its own; frames 2j and 2j+1 make segment j."""
    rng = random.Random(f"clock-{seed}")
    drawn = rng.choices(list(KINDS), list(KINDS.values()))[0]
    kind = kind or drawn
    parts = rng.randint(2, 4) if kind == "stretches" and length >= 12 else 1
    spacings = [{"window": 1.0, "mixed": rng.choice(SPACINGS[2:]), "scaled": rng.choice(SPACINGS),
                 "dense": 0.25}.get(
        kind, rng.choice(SPACINGS[:4])) for _ in range(parts)]
    mixed = kind == "mixed" or (kind == "stretches" and rng.random() < 0.3)
    if mixed:
        spacings = [max(1.0, s) for s in spacings]
    counts, found, pairs = [max(3, length // parts)] * parts, [], []
    for start, count, spacing in zip(starts(rng, [c * s for c, s in zip(counts, spacings)]), counts, spacings):
        scenes, at = stretch(rng, start, count, spacing, mixed)
        found += scenes
        pairs += at
    ticks = lambda t: round(t * TICKS_PER_SECOND)
    rate = rng.choice(RATES)
    scenes = [Scene(thing, ticks(a), ticks(b), rng.getrandbits(32)) for thing, a, b in found]
    frames = [shown_tick(t, rate) for pair in pairs for t in pair]
    segments = [segment_at(pair, scenes) for pair in zip(frames[0::2], frames[1::2])]
    return Plan(seed, frames, frames[-1] + 1, scenes, [(0, rng.getrandbits(32))]), segments


def moved(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    """The same segments on another clock: a rendered clip that plays slower or faster and begins elsewhere."""
    scale = rng.choice([1.0, 1.0, *SPACINGS])
    first, last = (scale * segments[i].stamp for i in (0, -1))
    shift = rng.uniform(0, max(0.0, LONGEST_S - (last - first))) * rng.choice([1.0, 1.0, 0.2]) - first
    return [Segment(scale * s.stamp + shift, s.first, s.second) for s in segments]


def counted(rng: random.Random, segments: list[Segment]) -> list[Segment]:
    """The same segments under the stamps of a short video, one a second: a server may ask like this and translate back."""
    first = rng.choice([0, 0, rng.randint(0, max(0, 126 - len(segments)))]) + 0.25
    return [Segment(first + j, s.first, s.second) for j, s in enumerate(segments)]

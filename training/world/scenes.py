"""What happens in a clip, decided before a single pixel is drawn.

A clip is a sequence of scenes. Each scene shows exactly one *thing*; between two scenes
only a background is visible for at least `MIN_GAP_S`, so that two frames sampled half a
second apart never show two things.
"""

import random
from dataclasses import dataclass, field

SHAPES = ["circle", "square", "triangle", "star", "heart", "cross"]
COLORS = ["red", "green", "blue", "yellow", "purple", "orange"]
WORDS = [
    "RIVER", "GARDEN", "WINTER", "COFFEE", "PLANET", "MUSIC",
    "HARBOR", "FOREST", "LEMON", "ROCKET", "BRIDGE", "TIGER",
]
SHAPES_ZH = dict(zip(SHAPES, ["圆形", "正方形", "三角形", "五角星", "爱心", "十字"]))
COLORS_ZH = dict(zip(COLORS, ["红色", "绿色", "蓝色", "黄色", "紫色", "橙色"]))

# Every frame interval is a whole number of ticks: 1/30, 1/20, 1/15, 1/12 and 1/10 s.
TICKS_PER_SECOND = 600
INTERVAL_TICKS = [20, 30, 40, 50, 60]
MIN_GAP_S = 0.7


@dataclass(frozen=True)
class Thing:
    """Something a scene can show; hashable so that repeats can be counted."""

    kind: str  # "shape", "word" or "flash"
    shape: str | None = None
    color: str | None = None
    word: str | None = None

    @property
    def label_en(self) -> str:
        """How an English sentence names it, without an article."""
        if self.kind == "shape":
            return f"{self.color} {self.shape}"
        return f"word {self.word}" if self.kind == "word" else "flash"

    @property
    def label_zh(self) -> str:
        """How a Chinese sentence names it."""
        if self.kind == "shape":
            return COLORS_ZH[self.color] + SHAPES_ZH[self.shape]
        return f"单词 {self.word}" if self.kind == "word" else "闪光"


THINGS = (
    [Thing("shape", shape=s, color=c) for s in SHAPES for c in COLORS]
    + [Thing("word", word=w) for w in WORDS]
    + [Thing("flash")]
)
THING_ID = {t: i for i, t in enumerate(THINGS)}


@dataclass
class Scene:
    """One thing on screen from `start` to `end`, in ticks of the frame clock."""

    thing: Thing
    start: int
    end: int
    look: int  # seed of everything about its appearance


@dataclass
class Plan:
    """A whole clip: when each frame is shown, and what it shows."""

    seed: int
    frames: list[int]  # presentation time of every frame, in ticks
    end: int  # tick at which the last frame stops being shown
    scenes: list[Scene]
    backdrops: list[tuple[int, int]] = field(default_factory=list)  # (from tick, look)

    def scene_at(self, tick: int) -> Scene | None:
        """The scene visible at a tick, if any."""
        return next((s for s in self.scenes if s.start <= tick < s.end), None)

    def backdrop_at(self, tick: int) -> int:
        """The seed of the background visible at a tick."""
        return [look for start, look in self.backdrops if start <= tick][-1]


def frame_clock(rng: random.Random, length: int) -> tuple[list[int], int]:
    """Frame times with variable spacing: mostly steady, often changing pace."""
    frames, tick, step = [], 0, rng.choice(INTERVAL_TICKS)
    while tick < length:
        frames.append(tick)
        if rng.random() < 0.15:
            step = rng.choice(INTERVAL_TICKS)
        tick += step
    if length - frames[-1] < INTERVAL_TICKS[0]:  # no frame shorter than 1/30 s at the end
        frames.pop()
    return frames, length


def scene_length(rng: random.Random, thing: Thing) -> float:
    """Seconds a scene lasts: mostly 2 to 8, sometimes 1 to 2 or up to 15."""
    if thing.kind == "flash":
        return rng.uniform(1.1, 2.2)
    roll = rng.random()
    if roll < 0.15:
        return rng.uniform(1.1, 2.0)
    return rng.uniform(2.0, 8.0) if roll < 0.88 else rng.uniform(8.0, 15.0)


def draw_thing(rng: random.Random) -> Thing:
    """A random thing; shapes are commonest, a flash is rare."""
    roll = rng.random()
    if roll < 0.68:
        return Thing("shape", shape=rng.choice(SHAPES), color=rng.choice(COLORS))
    return Thing("word", word=rng.choice(WORDS)) if roll < 0.93 else Thing("flash")


def next_thing(rng: random.Random, past: list[Thing]) -> Thing:
    """The next thing to show: usually new, sometimes a repeat, never the same twice running."""
    repeats = [t for t in set(past[:-1]) if t != past[-1] and past.count(t) < 4]
    if repeats and rng.random() < 0.22:
        return rng.choice(sorted(repeats, key=THING_ID.get))
    while True:
        thing = draw_thing(rng)
        if thing not in past:
            return thing


def make_plan(seed: int, minutes: float) -> Plan:
    """Decide frames, scenes and backgrounds of the clip with this seed."""
    rng = random.Random(f"timepin-world-{seed}")
    frames, end = frame_clock(rng, round(minutes * 60 * TICKS_PER_SECOND))
    snap = lambda s: next((f for f in frames if f >= s * TICKS_PER_SECOND), end)
    scenes, past = [], []
    backdrops = [(0, rng.getrandbits(32))]
    at = rng.uniform(0.0, 1.5) if rng.random() < 0.8 else 0.0
    while at + 1.1 < minutes * 60:
        thing = next_thing(rng, past)
        stop = at + scene_length(rng, thing)
        start, finish = snap(at), snap(stop)
        if finish - start < TICKS_PER_SECOND:  # the clip ends before a full second of it
            break
        scenes.append(Scene(thing, start, finish, rng.getrandbits(32)))
        past.append(thing)
        # 0.12 s more than the promise, because both ends snap to later frames.
        gap = MIN_GAP_S + 0.12 + rng.choice([rng.uniform(0, 0.5), rng.uniform(0, 1.5)])
        if rng.random() < 0.6 and snap(stop + gap / 2) < end:
            backdrops.append((snap(stop + gap / 2), rng.getrandbits(32)))
        at = stop + gap
    return Plan(seed, frames, end, scenes, backdrops)

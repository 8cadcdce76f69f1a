"""Clips as the model sees them: segments with stamps, sampled by the product's own rule.

`segments_of` works on any list of frame times, so training (a plan, nothing rendered) and
evaluation (a decoded file) share the rule.
"""

from dataclasses import dataclass

from world.scenes import TICKS_PER_SECOND, Plan, Thing

FPS, MIN_FRAMES, MAX_FRAMES = 2.0, 4, 768
EMPTY_SCENE = -1


def instants(duration: float) -> list[float]:
    """The moments looked at: every 1/FPS s, spread out when the clip is too long."""
    period = max(1.0 / FPS, duration / MAX_FRAMES)
    count = max(1, -int(-duration // period))
    return [i * period for i in range(count) if i * period < duration] or [0.0]


def frames_shown(pts: list[float], at: list[float]) -> list[int]:
    """For each instant the last frame with pts <= t, or the first frame if there is none."""
    chosen, k = [], 0
    for t in at:
        while k + 1 < len(pts) and pts[k + 1] <= t:
            k += 1
        chosen.append(k)
    return chosen


def pairs_of(chosen: list[int]) -> list[tuple[int, int]]:
    """Consecutive pairs; an odd last frame is repeated."""
    padded = chosen + chosen[-1:] if len(chosen) % 2 else chosen
    return list(zip(padded[0::2], padded[1::2]))


@dataclass
class Segment:
    """Two frames under one stamp, and which scene each of them shows (-1: none)."""

    stamp: float
    first: int
    second: int

    @property
    def scene(self) -> int:
        """The scene visible in either frame."""
        return max(self.first, self.second)


@dataclass
class Run:
    """One uninterrupted appearance, by segment index and by stamp."""

    thing: Thing
    start: int
    end: int
    scene: int


def segments_of(plan: Plan, offset: int = 0, limit: int | None = None) -> list[Segment]:
    """Segments of a plan from whole second `offset` on, at most `limit` of them."""
    pts = [f / TICKS_PER_SECOND for f in plan.frames]
    at = [t for t in instants(plan.end / TICKS_PER_SECOND) if t >= offset]
    at = at[: 2 * limit] if limit else at
    tags = []
    for index in frames_shown(pts, at):
        tick = plan.frames[index]
        tags.append((index, next((i for i, s in enumerate(plan.scenes) if s.start <= tick < s.end), EMPTY_SCENE)))
    return [Segment((pts[a] + pts[b]) / 2, sa, sb) for (a, sa), (b, sb) in pairs_of(tags)]


def runs_of(plan: Plan, segments: list[Segment]) -> list[Run]:
    """Appearances in order; a scene is uninterrupted, and so are two of one thing with no segment between them."""
    runs: list[Run] = []
    for j, seg in enumerate(segments):
        if seg.scene == EMPTY_SCENE:
            continue
        thing = plan.scenes[seg.scene].thing
        if runs and (runs[-1].scene == seg.scene or (runs[-1].thing == thing and runs[-1].end == j - 1)):
            runs[-1].end = j
        else:
            runs.append(Run(thing, j, j, seg.scene))
    return runs

"""What happens in a film of the benchmark, and what is asked about it, decided before a pixel is drawn.

Every tenth of a film (its *depth*) shows things for 0.25 to 30 s; where an event begins within a segment of the model's
own grid (its *phase*) is chosen too. The things are those of `training/world`, which the bundled model knows; any model
can be asked about them. The same seed and minutes give the same film.
"""

import random
from dataclasses import dataclass, field
from itertools import cycle

from train.timeline import FPS
from world import questions as q
from world.scenes import THINGS, Thing

LENGTHS_S = [0.25, 0.5, 1.0, 2.0, 8.0, 30.0]
PHASES = [0.0, 0.25, 0.5, 0.75]
DEPTHS = 10
MAX_FRAMES = 7200  # of which phases are shares; another number would be other films
GRID_S = 0.05  # every change lies on a frame of 20 frames a second
TOPICS = ["entropy", "photosynthesis", "gravity", "inflation", "democracy", "electricity", "evolution", "algebra",
          "glaciers", "penicillin"]


@dataclass
class Event:
    """A thing on screen; `start` and `end` in seconds, both times of frames."""

    thing: Thing
    start: float
    end: float
    depth: int
    length: float
    phase: float


@dataclass
class Mention:
    """A sentence of the subtitles."""

    topic: str | None
    start: float
    end: float
    text: str


@dataclass
class Question:
    """One question with its truth. `length` and `depth` are those of the event it is about, where there is one."""

    task: str
    lang: str
    text: str
    answer: str
    spans: list[tuple[float, float]] = field(default_factory=list)
    length: float | None = None
    depth: int | None = None


@dataclass
class Film:
    """A whole film."""

    seed: int
    minutes: float
    events: list[Event]
    mentions: list[Mention]
    questions: list[Question]


def segment_s(minutes: float) -> float:
    """Seconds from one segment of the uniform pass to the next: two frames each."""
    return 2 * max(1 / FPS, minutes * 60 / MAX_FRAMES)


def on_grid(t: float) -> float:
    """The nearest moment at which the picture may change."""
    return round(round(t / GRID_S) * GRID_S, 3)


def lengths_of(rng: random.Random, room: float, depth: int, seed: int) -> list[float]:
    """Lengths for one tenth of a film: turned from tenth to tenth and seed to seed, as many as half the room takes."""
    chosen, used = [], 0.0
    for k in range(len(LENGTHS_S)):
        length = LENGTHS_S[(depth + seed + 2 * k + k // 3) % len(LENGTHS_S)]
        if len(chosen) < 3 and used + length + 1.5 <= room * 0.75:
            chosen.append(length)
            used += length + 1.5
    rng.shuffle(chosen)
    return chosen


def place(rng: random.Random, seed: int, minutes: float) -> list[tuple[float, float, int, float, float]]:
    """(start, end, depth, length, phase) of every event, in order, at least a second apart."""
    room, cell, out = minutes * 60 / DEPTHS, segment_s(minutes), []
    for depth in range(DEPTHS):
        lengths = lengths_of(rng, room, depth, seed)
        free = room - sum(lengths) - 1.5 * (len(lengths) + 1)
        cuts, used = sorted(rng.uniform(0, max(0.0, free)) for _ in lengths), 0.0
        for k, (cut, length) in enumerate(zip(cuts, lengths)):
            phase = PHASES[(depth + k + seed) % len(PHASES)]
            wish = depth * room + cut + used + 1.0
            start = on_grid((round(wish / cell) + phase) * cell) if cell <= 1.5 else on_grid(wish)
            start = max(start, on_grid((out[-1][1] if out else 0.0) + 1.0))
            used += length + 1.5
            if start + length < minutes * 60 - 0.5:
                out.append((start, on_grid(start + length), depth, length, round(start / cell % 1, 2)))
    return out


def cast(rng: random.Random, spots: list) -> list[Thing]:
    """A thing for every event: most of them once, two or three several times; a flash where one is short enough."""
    flash, others = THINGS[-1], list(THINGS[:-1])
    rng.shuffle(others)
    repeated, once = others[:3], others[3:]
    repeats = [t for t, n in zip(repeated, (2, 3, 4)) for _ in range(n)][: len(spots) // 3]
    parts = [t for t in repeats if repeats.count(t) > 1] + once
    parts = parts[: len(spots)]
    rng.shuffle(parts)
    for i in range(1, len(parts)):  # never the same twice running
        if parts[i] == parts[i - 1]:
            j = next((j for j in range(len(parts)) if parts[j] not in (parts[i], parts[i - 2]) and all(
                parts[n] != parts[i] for n in (j - 1, j + 1) if 0 <= n < len(parts))), i)
            parts[i], parts[j] = parts[j], parts[i]
    brief = [i for i, spot in enumerate(spots) if spot[3] <= 0.5 and parts.count(parts[i]) == 1]
    if brief:
        parts[rng.choice(brief)] = flash
    return parts


def spoken(rng: random.Random, minutes: float) -> list[Mention]:
    """Subtitles: one sentence about every third of a depth, some of which name a topic, each topic once."""
    seconds, topics, out = minutes * 60, TOPICS[:], []
    rng.shuffle(topics)
    count = min(200, max(8, int(seconds / 12)))
    named = dict(zip(sorted(rng.sample(range(count), min(6, count))), topics))
    for k in range(count):
        start = round((k + rng.uniform(0.1, 0.4)) * seconds / count, 3)
        topic = named.get(k)
        text = f"A few words about {topic} before we go on." if topic else rng.choice(
            ["Let us look at this more closely.", "That is how it works.", "We come back to it later.", "Now to the next step."])
        out.append(Mention(topic, start, round(start + min(3.0, 0.5 * seconds / count), 3), text))
    return out


def ask(rng: random.Random, events: list[Event], mentions: list[Mention]) -> list[Question]:
    """All questions about a film, in both languages."""
    runs, groups = [(e.thing, e.start, e.end) for e in events], {}
    for event in events:
        groups.setdefault(event.thing, []).append(event)
    langs, out = cycle(("en", "zh")), []

    def phrase(templates: dict, lang: str, *things: Thing, t: str = "") -> str:
        return q.fill(rng, rng.choice(templates[lang]), lang, *things, t=t)

    for thing, shown in groups.items():
        lang, spans = next(langs), [(e.start, e.end) for e in shown]
        answer = q.answer_when(thing, [(thing, *s) for s in spans], lang)
        task = "multi" if len(shown) > 1 else ("flash" if thing.kind == "flash" else "when")
        about = (shown[0].length, shown[0].depth) if len(shown) == 1 else (None, None)
        out.append(Question(task, lang, phrase({"en": q.WHEN_EN, "zh": q.WHEN_ZH}, lang, thing), answer, spans, *about))
        if len(shown) > 1:
            counted = q.answer_count(thing, [(thing, *s) for s in spans], lang)
            out.append(Question("count", lang, phrase({"en": q.COUNT_EN, "zh": q.COUNT_ZH}, lang, thing), counted, spans))
    for event in events:
        inside = [t for t in range(int(event.start) + 1, int(event.end) + 1) if event.start + 0.3 <= t <= event.end - 0.3]
        if inside and event.length >= 2:
            lang = next(langs)
            text = phrase({"en": q.WHAT_EN, "zh": q.WHAT_ZH}, lang, t=q.clock(rng, rng.choice(inside), lang))
            out.append(Question("what", lang, text, q.answer_what((event.thing, event.start, event.end), lang),
                                [(event.start, event.end)], event.length, event.depth))
    for task, count in (("order", 4), ("absent", 6)):
        for _ in range(count):
            lang = next(langs)
            asked = q.ASKERS[task](rng, runs, lang)
            if asked and asked[0] not in [o.text for o in out]:
                out.append(Question(task, lang, asked[0], asked[2]))
    for mention in (m for m in mentions if m.topic):
        lang = next(langs)
        text = f"When is {mention.topic} mentioned?" if lang == "en" else f"什么时候提到 {mention.topic}？"
        out.append(Question("mention", lang, text, mention.text, [(mention.start, mention.end)]))
    return out


def make_film(seed: int, minutes: float) -> Film:
    """The film of this seed and length."""
    rng = random.Random(f"timepin-moments-{seed}-{minutes:g}")
    spots = place(rng, seed, minutes)
    events = [Event(thing, *spot) for thing, spot in zip(cast(rng, spots), spots)]
    mentions = spoken(rng, minutes)
    return Film(seed, minutes, events, mentions, ask(rng, events, mentions))

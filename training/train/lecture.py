"""Ten-minute lectures as a model would be shown them: what the ablation of time encodings is trained and judged on.

A lecture has slides (cut in and out), writing on a board (it builds up over four seconds), a speaker who is in the picture
or not, and subtitles of two words a segment, most of them fillers. Frames are two seconds apart and go in pairs: 150 segments,
a stamp every four seconds. Nothing is rendered: a topic on a slide or on the board is a fixed random vector, with a style of
its own every time it is shown and noise in every frame. What is compared is how time gets into a decoder, not how well it sees.

Every event has a true `moment` and a `known` one, the middle of what the frames leave open. A cut between two frames is known to
a second and so is a word; writing tells by its progress when it began. Answers are taught as `known` and judged by `moment`.
"""

from dataclasses import dataclass

import numpy as np

TOPICS = ("vector matrix tensor gradient entropy kernel thread socket packet compiler parser grammar lattice field module limit "
          "measure sample prior neuron axon protein enzyme genome membrane isotope polymer photon quark plasma orbit comet "
          "glacier magma fossil treaty senate empire sonnet fugue").split()
FILLERS = "so now well then here this that we you and but if".split()
KINDS = ("slide", "gone", "board", "said")
DURATION, FRAME, SEGMENT = 600.0, 2.0, 4.0
SEGMENTS = int(DURATION / SEGMENT)
SAID = 25  # topics that are mentioned
BUILD = 4.0  # seconds until something written is complete
WIDTH = 64  # of what is seen of one region in one frame
STYLE, NOISE = 0.3, 0.15
NOTHING = len(TOPICS)


def table(name: int) -> np.ndarray:
    """Looks of all topics, and of none; always the same."""
    return np.random.default_rng([2026, name]).standard_normal((len(TOPICS) + 1, WIDTH)).astype(np.float32)


SLIDES, BOARDS, SPEAKER = table(1), table(2), table(3)[0]


@dataclass
class Shown:
    """A topic on a slide or on the board, in seconds."""

    topic: int
    start: float
    end: float
    style: np.ndarray


@dataclass
class Event:
    """What can be asked: its kind and topic, when it was, when the frames say it was, the first segment that shows it."""

    kind: str
    topic: int
    moment: float
    known: float
    first: int


@dataclass
class Lecture:
    """A stretch of a lecture: segments with stamps, what is seen [n, 2 regions, 2 frames * WIDTH] and heard [n, 2], events."""

    stamps: np.ndarray
    seen: np.ndarray
    heard: np.ndarray  # topics, or NOTHING + 1 + index of a filler
    events: list[Event]


def slides_of(rng) -> list[Shown]:
    """Slides one after the other, sometimes with a look into the room in between."""
    out, at = [], 0.0
    for topic in rng.permutation(len(TOPICS)):
        end = at + rng.uniform(10, 40)
        if at > DURATION:
            break
        out.append(Shown(int(topic), at, end, STYLE * rng.standard_normal(WIDTH).astype(np.float32)))
        at = end + (rng.uniform(5, 12) if rng.random() < 0.3 else 0)
    return out


def writings_of(rng) -> list[Shown]:
    """What is written on the board, and wiped away."""
    out, at = [], rng.uniform(5, 30)
    for topic in rng.permutation(len(TOPICS)):
        if at > DURATION:
            break
        end = at + rng.uniform(10, 30)
        out.append(Shown(int(topic), at, end, STYLE * rng.standard_normal(WIDTH).astype(np.float32)))
        at = end + rng.uniform(6, 25)
    return out


def heard_of(rng) -> np.ndarray:
    """A word for every frame; one in twelve is a topic, each of which is said once."""
    words = NOTHING + 1 + rng.integers(0, len(FILLERS), 2 * SEGMENTS)
    said = rng.permutation(2 * SEGMENTS)[:SAID]
    words[said] = rng.permutation(len(TOPICS))[:SAID]
    return words


def events_of(slides, writings, words, times: np.ndarray, rng) -> list[Event]:
    """Everything that can be asked about; frame `times` of the whole lecture."""
    out = []
    cuts = [("slide", s.topic, s.start) for s in slides] + [("gone", s.topic, s.end) for s in slides]
    for kind, topic, moment in cuts + [("board", w.topic, w.start) for w in writings]:
        frame = int(np.searchsorted(times, moment))
        if 0 < frame < len(times):
            known = moment if kind == "board" else float(times[frame - 1] + times[frame]) / 2
            out.append(Event(kind, topic, float(moment), known, frame // 2))
    for frame, word in enumerate(words):
        if word < len(TOPICS):
            out.append(Event("said", int(word), float(times[frame] + rng.uniform(-1, 1)), float(times[frame]), frame // 2))
    return out


def look(shown: list[Shown], looks: np.ndarray, times: np.ndarray, build: float, blank) -> np.ndarray:
    """What a region shows at every frame: [frames, WIDTH]."""
    out = np.broadcast_to(blank, (len(times), WIDTH)).astype(np.float32)
    for s in shown:
        inside = (times >= s.start) & (times < s.end)
        done = np.clip((times[inside] - s.start) / build, 0, 1) if build else np.ones(inside.sum())
        out[inside] = done[:, None] * (looks[s.topic] + s.style)
    return out


def lecture(seed: int, first: int = 0, count: int = SEGMENTS) -> Lecture:
    """Segments `first` to `first + count` of the lecture of a seed, with the events that lie well inside."""
    rng = np.random.default_rng([seed, 5])
    times = rng.integers(0, 20) / 10 + FRAME * np.arange(2 * SEGMENTS)
    slides, writings, words = slides_of(rng), writings_of(rng), heard_of(rng)
    events = events_of(slides, writings, words, times, rng)
    here = times[2 * first:2 * (first + count)]
    present = (np.sin(here / rng.uniform(8, 20) + rng.uniform(0, 6)) > -0.3)[:, None] * SPEAKER
    regions = np.stack((look(slides, SLIDES, here, 0, SLIDES[NOTHING]),
                        look(writings, BOARDS, here, BUILD, np.zeros(WIDTH)) + 0.7 * present), 1)
    regions = regions + NOISE * rng.standard_normal(regions.shape)
    n = len(here) // 2
    seen = regions.reshape(n, 2, 2, WIDTH).transpose(0, 2, 1, 3).reshape(n, 2, 2 * WIDTH).astype(np.float32)
    inside = [Event(e.kind, e.topic, e.moment, e.known, e.first - first) for e in events if 0 < e.first - first < n - 1]
    return Lecture(here.reshape(n, 2).mean(1), seen, words[2 * first:2 * (first + n)].reshape(n, 2), inside)


def spread(known: float, stamps: np.ndarray) -> np.ndarray:
    """A distribution over segments whose mean is `known`, on the two segments around it."""
    right = min(max(int(np.searchsorted(stamps, known)), 1), len(stamps) - 1)
    part = min(max((known - stamps[right - 1]) / (stamps[right] - stamps[right - 1]), 0.0), 1.0)
    share = np.zeros(len(stamps), np.float32)
    share[right - 1], share[right] = 1 - part, part
    return share


def window_of(seed: int, grown: float) -> Lecture:
    """What a training step sees: short stretches from anywhere, longer ones as `grown` goes to 1, then whole lectures too."""
    rng = np.random.default_rng([seed, 6])
    top = 20 + (SEGMENTS - 20) * min(1.0, grown) ** 2
    count = rng.uniform(top / 2, top) if rng.random() < 0.4 else 8 * (top / 8) ** rng.random()
    count = SEGMENTS if grown > 1 and rng.random() < 0.12 else int(round(count))
    return lecture(seed, int(rng.integers(0, SEGMENTS - count + 1)), count)


def asked_of(found: Lecture, seed: int, most: int) -> list[Event]:
    """Up to `most` events to ask about, as many of each kind as there are."""
    rng = np.random.default_rng([seed, 7])
    piles = [[found.events[i] for i in rng.permutation(len(found.events)) if found.events[i].kind == kind] for kind in KINDS]
    out: list[Event] = []
    while len(out) < most and any(piles):
        out += [pile.pop() for pile in piles if pile]
    return out[:most]

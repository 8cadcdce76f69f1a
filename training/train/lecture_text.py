"""Lectures as token ids and three-axis positions, with the time in rotary positions or in stamps.

`rope`: as Qwen2.5-VL. A segment's temporal position is its time, two positions a second, counted from the end of the prompt's
head; rows and columns stay where the video begins. The words of a segment stand at its time too. No stamp anywhere.
`stamps`, `pointer`: as Qwen3-VL. `<12.4 seconds>` before every segment, positions are counted, not timed.
"""

import numpy as np

from .lecture import FILLERS, KINDS, NOTHING, TOPICS, Event, Lecture

VARIANTS = ("rope", "stamps", "pointer")
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|video_pad|>"]
WORDS = "\n user assistant When does the is slide appear disappear written on board speaker say ? appears disappears stands said at seconds".split(" ")
ASKED = {"slide": "When does the slide {} appear ?", "gone": "When does the slide {} disappear ?",
         "board": "When is {} written on the board ?", "said": "When does the speaker say {} ?"}
BEGUN = {"slide": "appears", "gone": "disappears", "board": "stands", "said": "said"}  # after the topic, before "at"
TOKENS = [*SPECIAL, *WORDS, *"0123456789.<>", *TOPICS, *FILLERS]
ID = {token: i for i, token in enumerate(TOKENS)}
FIRST_TOPIC, FIRST_FILLER = ID[TOPICS[0]], ID[FILLERS[0]]
HEAD = [ID[t] for t in ("<|im_start|>", "user", "\n")]
MID = [ID[t] for t in ("<|im_end|>", "\n", "<|im_start|>", "assistant", "\n")]
END = ID["<|im_end|>"]
TIME = set(range(ID["0"], ID["."] + 1))
PER_SECOND = 2  # temporal positions, `rope`
LONGEST = 7  # tokens of an answer, a time of ten minutes at most


def word_id(word: int) -> int:
    """The token of something heard."""
    return FIRST_TOPIC + word if word < NOTHING else FIRST_FILLER + word - NOTHING - 1


def numerals(seconds: float) -> list[int]:
    """One token a digit, as Qwen's tokenizer has it."""
    return [ID[c] for c in f"{seconds:.1f}"]


def prefix_of(found: Lecture, variant: str) -> dict:
    """ids, positions [3, S], visual and stops (indices), owner, next position.

    `owner` is the segment that a <|vision_end|> closes, n for other tokens: where one is to look is where a segment is summed up.
    """
    ids, pos, visual, stops = list(HEAD), [(i,) * 3 for i in range(len(HEAD))], [], []
    start = p = len(HEAD)

    def put(tokens) -> None:
        nonlocal p
        for token in tokens:
            ids.append(token), pos.append((p,) * 3)
            p += 1

    for stamp, heard in zip(found.stamps, found.heard):
        if variant == "rope":
            p = max(p, start + int(PER_SECOND * stamp))
        else:
            put([ID["<"], *numerals(stamp), ID["seconds"], ID[">"]])
        put([*map(word_id, heard), ID["<|vision_start|>"]])
        visual += [len(ids), len(ids) + 1]
        ids += [ID["<|video_pad|>"]] * 2
        corner = start if variant == "rope" else p
        pos += [(p, corner, corner), (p, corner, corner + 1)]
        p += 1 if variant == "rope" else 2
        stops.append(len(ids))
        put([ID["<|vision_end|>"]])
    owner = np.full(len(ids), len(stops))
    owner[stops] = np.arange(len(stops))
    return {"ids": np.array(ids), "positions": np.array(pos).T, "visual": np.array(visual), "stops": np.array(stops),
            "owner": owner, "next": p}


def question_of(event: Event) -> list[int]:
    """A question and its answer's beginning, which is given: "fugue appears at"."""
    text = ASKED[event.kind].format(TOPICS[event.topic])
    return [ID[t] for t in text.split(" ")] + MID + [FIRST_TOPIC + event.topic, ID[BEGUN[event.kind]], ID["at"]]


def block_of(event: Event) -> tuple[list[int], int]:
    """A question with its answer, and how much of it is the question."""
    asked = question_of(event)
    return asked + numerals(event.known) + [ID["seconds"], END], len(asked)


def read(answer: list[int]) -> float | None:
    """The time that an answer (the tokens after "at") gives; None when it does not parse."""
    words = [TOKENS[t] for t in answer]
    if "seconds" not in words:
        return None
    said = "".join(words[:words.index("seconds")])
    whole, dot, part = said.partition(".")
    return float(said) if dot and whole.isdigit() and part.isdigit() else None


def readings(found: Lecture) -> np.ndarray:
    """What begins, by kind, in every segment: topics [n, kinds], NOTHING where nothing does."""
    out = np.full((len(found.stamps), len(KINDS)), NOTHING)
    for event in found.events:
        out[event.first, KINDS.index(event.kind)] = event.topic
    return out


def places(stamps: np.ndarray) -> np.ndarray:
    """Hundreds, tens, ones and tenths: [n, 4]."""
    tenths = np.round(10 * stamps).astype(int)
    return np.stack([tenths // 10**k % 10 for k in (3, 2, 1, 0)], 1)

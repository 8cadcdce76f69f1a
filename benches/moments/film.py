"""Writes a film: an H.264 file, its subtitles and its truth.

Pictures are small, and stretches in which nothing happens have one frame a second, so that two hours take seconds to write.
The file's own times are exact: a thing is first seen on the frame at `start` and no longer on the frame at `end`.
"""

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from world.render import SceneArt, backdrop

from .script import Film

SIZE = (320, 180)
TICKS = 1000
STILL_S, MOVING_S, SLOW_S = 1.0, 0.1, 0.5  # from frame to frame: nothing shown, a thing shown, a thing shown for long
LIVELY_S = 4.0  # a thing moves at full pace for so long


def frame_times(film: Film) -> list[tuple[float, int]]:
    """(seconds, index of the event shown or -1) of every frame, in order."""
    times, at = [], 0.0
    for index, event in enumerate(film.events):
        while at < event.start - 1e-6:
            times.append((round(at, 3), -1))
            at += STILL_S
        at = event.start
        while at < event.end - 1e-6:
            times.append((round(at, 3), index))
            at += MOVING_S if at - event.start < LIVELY_S else SLOW_S
        at = event.end
    while at < film.minutes * 60 - 0.05:
        times.append((round(at, 3), -1))
        at += STILL_S
    return times


def pictures(film: Film):
    """Yield (seconds, image); the background changes from tenth to tenth."""
    backs, arts, last = {}, {}, None
    for at, index in frame_times(film):
        depth = int(at / (film.minutes * 6))
        if depth not in backs:
            backs = {depth: backdrop(film.seed * 100 + depth)}
        if index < 0:
            if last is None or last[0] != depth:
                last = (depth, backs[depth].resize(SIZE, Image.BILINEAR))
            yield at, last[1]
            continue
        event = film.events[index]
        if index not in arts:
            arts = {index: SceneArt(event.thing, film.seed * 1000 + index)}
        yield at, arts[index].draw(backs[depth], at - event.start).resize(SIZE, Image.BILINEAR)


def write_video(film: Film, path: Path) -> None:
    """Encode a film with its own frame times; no B-frames, a keyframe at least every 30 frames."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        stream.options = {"crf": "26", "preset": "ultrafast", "g": "30", "bf": "0", "threads": "1",
                          "x264-params": "threads=1", "flags": "+bitexact"}
        ticks = [round(at * TICKS) for at, _ in frame_times(film)] + [round(film.minutes * 60 * TICKS)]
        lasts = {a: b - a for a, b in zip(ticks, ticks[1:])}

        def write(packets) -> None:
            for packet in packets:  # the encoder forgets how long a frame lasts
                tick = round(packet.pts * packet.time_base * TICKS)
                packet.duration = round(Fraction(lasts[tick], TICKS) / packet.time_base)
                container.mux(packet)

        for at, image in pictures(film):
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = round(at * TICKS), Fraction(1, TICKS)
            write(stream.encode(frame))
        write(stream.encode())


def clock(t: float) -> str:
    """A time as SRT writes it."""
    ms = round(t * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def subtitles(film: Film) -> str:
    """The film's sentences as SRT."""
    return "\n".join(f"{k}\n{clock(m.start)} --> {clock(m.end)}\n{m.text}\n" for k, m in enumerate(film.mentions, 1))


def truth(film: Film) -> dict:
    """Everything there is to know about a film."""
    events = [{"label_en": e.thing.label_en, "label_zh": e.thing.label_zh, "start": e.start, "end": e.end,
               "depth": e.depth, "length": e.length, "phase": e.phase} for e in film.events]
    return {"seed": film.seed, "minutes": film.minutes, "events": events,
            "mentions": [asdict(m) for m in film.mentions], "questions": [asdict(question) for question in film.questions]}


def write_film(film: Film, folder: Path, name: str) -> Path:
    """Video, subtitles and truth under one name; the video last, so that a cut run leaves no half film."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.srt").write_text(subtitles(film), encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(truth(film), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part = folder / f"{name}.part"
    write_video(film, part)
    return part.rename(folder / f"{name}.mp4")

"""Turns a plan into an H.264 file with the plan's own, unevenly spaced timestamps."""

from fractions import Fraction

import av

from .render import HEIGHT, WIDTH, SceneArt, backdrop
from .scenes import TICKS_PER_SECOND, Plan


def frames_of(plan: Plan):
    """Yield (tick, image) for every frame; art is drawn once per scene and kept."""
    backs, arts = {}, {}
    for tick in plan.frames:
        look = plan.backdrop_at(tick)
        if look not in backs:
            backs = {look: backdrop(look)}
        scene = plan.scene_at(tick)
        if scene is None:
            yield tick, backs[look]
            continue
        if scene.look not in arts:
            arts = {scene.look: SceneArt(scene.thing, scene.look)}
        yield tick, arts[scene.look].draw(backs[look], (tick - scene.start) / TICKS_PER_SECOND)


def write_clip(plan: Plan, path: str) -> None:
    """Encode the plan. One thread and bit-exact flags make the file reproducible."""
    ends = plan.frames[1:] + [plan.end]
    container = av.open(path, "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"})
    stream = container.add_stream("libx264", rate=Fraction(TICKS_PER_SECOND, 40))
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_SECOND)
    # A keyframe every ~2 s keeps seeking quick in a browser; no B-frames keeps pts equal to dts.
    stream.options = {"crf": "27", "preset": "medium", "g": "30", "bf": "0", "threads": "1",
                      "x264-params": "scenecut=40:threads=1", "flags": "+bitexact"}
    lasts = dict(zip(plan.frames, (end - tick for tick, end in zip(plan.frames, ends))))

    def write(packets) -> None:
        # The encoder forgets how long a frame lasts; without this the last one lasts wrongly.
        for packet in packets:
            ticks = round(packet.pts * packet.time_base * TICKS_PER_SECOND)
            packet.duration = round(Fraction(lasts[ticks], TICKS_PER_SECOND) / packet.time_base)
            container.mux(packet)

    for tick, image in frames_of(plan):
        frame = av.VideoFrame.from_image(image)
        frame.pts, frame.time_base = tick, Fraction(1, TICKS_PER_SECOND)
        write(stream.encode(frame))
    write(stream.encode())
    container.close()

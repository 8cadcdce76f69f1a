"""A video file as the model sees it: for training on rendered clips, and for evaluation."""

from pathlib import Path

import av
import numpy as np
from PIL import Image

from .model import FRAME_H, FRAME_W
from .timeline import frames_shown, instants, pairs_of


def read_clip(path: Path) -> tuple[list[float], np.ndarray]:
    """Stamps and (segments, 2, 64, 96, 3) pixels of a file, by the product's sampling rule."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        duration = float(stream.duration * stream.time_base)
        pts = sorted(float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None)
    shown = frames_shown(pts, instants(duration))
    wanted, kept = set(shown), {}
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                kept[index] = np.asarray(image.resize((FRAME_W, FRAME_H), Image.BICUBIC))
    pairs = pairs_of(shown)
    return [(pts[a] + pts[b]) / 2 for a, b in pairs], np.stack([np.stack([kept[a], kept[b]]) for a, b in pairs])

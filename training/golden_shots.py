"""Golden files for `crates/shots`: a small random TransNetV2, and what the reference implementation makes of a film of noise.

    pip install transnetv2-pytorch==1.0.5
    python training/golden_shots.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from transnetv2_pytorch import TransNetV2

GOLDEN = Path(__file__).parent.parent / "crates" / "shots" / "tests" / "golden"
FRAMES = 130


def film() -> np.ndarray:
    """Shots of a colour each that flickers, with noise: what `film` in the test draws, byte for byte."""
    state, frames = 1, np.zeros((FRAMES, 27 * 48 * 3), np.uint8)
    for t in range(FRAMES):
        shot = (t >= 30) + (t >= 77)
        for i in range(frames.shape[1]):
            state = (state * 1664525 + 1013904223) % 2**32
            frames[t, i] = (shot * 60 + t * t % 97 + i // 40 + i % 3 * 50 + (state >> 26)) % 256
    return frames.reshape(FRAMES, 27, 48, 3)


class Small(TransNetV2):
    """Without the published weights, which have other sizes."""

    def _load_pretrained_weights(self) -> None:
        pass


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    model = Small(F=2, D=16, device="cpu")
    torch.manual_seed(7)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean") or name.endswith("bias"):
            tensor.normal_(0, 0.2)
        elif name.endswith("running_var") or name.endswith("bn.weight"):
            tensor.uniform_(0.5, 1.5)
        elif tensor.dtype == torch.float32:
            tensor.normal_(0, 1.6 / tensor[0].numel() ** 0.5)
    frames = torch.from_numpy(film())
    # Random weights are sure of themselves: the last layer is scaled so that probabilities are spread. They are stored in 16 bits,
    # for the sake of the repository, and computed in 32; what rounding moved is put right in a second and third round.
    logits = []
    model.cls_layer1.register_forward_hook(lambda _module, _given, made: logits.append(made[0, 25:75, 0]))
    with torch.no_grad():
        for _ in range(3):
            logits.clear()
            model.predict_frames(frames, quiet=True)
            deviation, mean = torch.std_mean(torch.cat(logits))
            model.cls_layer1.weight.mul_(2 / deviation)
            model.cls_layer1.bias.copy_((model.cls_layer1.bias - mean) * 2 / deviation)
            weights = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()}
            model.load_state_dict(weights)
    torch.save(weights, GOLDEN / "weights.pth")
    with torch.no_grad():
        single, _ = model.predict_frames(frames, quiet=True)
    single = single.numpy()
    print(f"from {single.min():.3f} to {single.max():.3f}, standard deviation {single.std():.3f}")
    scenes = model.predictions_to_scenes(single)
    begins = [int(start) for start, _ in scenes[1:]]
    (GOLDEN / "film.json").write_text(json.dumps({"probabilities": [round(float(p), 7) for p in single], "begins": begins}) + "\n")


if __name__ == "__main__":
    main()

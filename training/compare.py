"""Runs a request of `timepin inspect` through Hugging Face transformers and compares every tensor.

    timepin inspect --model DIR --request request.json --out found.safetensors
    python training/compare.py --model DIR --request request.json --found found.safetensors

Prints the largest absolute and relative error of each tensor and fails when a relative error exceeds `--tolerance` or ids,
positions or stamps differ at all. `--save FILE` keeps the reference's tensors under the same names. `docs/inspect.md`
describes both files.

Pixels are resized here with torchvision to the size that was found, so that both sides see the same grid; the vision tower
and the decoder then run on Timepin's own pixels (`--own-pixels` uses the reference's), so that one level of rounding in one
pixel is told once and not again in every tensor behind it.

Pinned: transformers 4.57.6, torch 2.15.0, torchvision 0.29.2.
"""

import argparse
import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torchvision.transforms.v2 import functional as F
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    Qwen2TokenizerFast,
    Qwen2VLImageProcessorFast,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.video_utils import VideoMetadata


def picture(item: dict, folder: Path) -> torch.Tensor:
    """A picture of a request: [3, height, width] uint8."""
    if "rgb" in item:
        pixels = np.frombuffer(base64.b64decode(item["rgb"]), np.uint8).reshape(item["height"], item["width"], 3)
    else:
        data = base64.b64decode(item["base64"]) if "base64" in item else (folder / item["path"]).read_bytes()
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


def resized(frames: list[torch.Tensor], grid: torch.Tensor, patch: int) -> torch.Tensor:
    size = [int(grid[1]) * patch, int(grid[2]) * patch]
    return F.resize(torch.stack(frames), size, interpolation=F.InterpolationMode.BICUBIC, antialias=True)


def processor(model: Path) -> Qwen3VLProcessor:
    """Made of its parts: the class that the processor insists on is not always the one a folder names."""
    tokenizer = Qwen2TokenizerFast.from_pretrained(model)
    template = (model / "chat_template.jinja").read_text() if (model / "chat_template.jinja").exists() else None
    images, videos = Qwen2VLImageProcessorFast.from_pretrained(model), Qwen3VLVideoProcessor.from_pretrained(model)
    return Qwen3VLProcessor(images, tokenizer, videos, chat_template=template or tokenizer.chat_template)


def inputs_of(proc: Qwen3VLProcessor, request: dict, folder: Path, found: dict, patch: int) -> tuple[dict, list[str]]:
    """What the reference's processor makes of the request, and its stamps. Times are exact: index = µs at 10⁶ fps."""
    parts = [part for message in request["messages"] for part in message["content"]]
    videos = [part for part in parts if part["type"] == "video"]
    images = [part for part in parts if part["type"] == "image"]
    rendered = proc.apply_chat_template(request["messages"], tokenize=False, add_generation_prompt=True)
    kwargs, stamps = {}, []
    if videos:
        kwargs["videos"] = [
            resized([picture(f, folder) for f in v["frames"]], grid, patch)
            for v, grid in zip(videos, found["video_grid_thw"])
        ]
        times = [[f["pts_us"] for f in v["frames"]] for v in videos]
        kwargs["video_metadata"] = [VideoMetadata(total_num_frames=t[-1] + 1, fps=1e6, frames_indices=list(t)) for t in times]
        stamps = [f"{s:.1f}" for t in times for s in proc._calculate_timestamps(list(t), 1e6)]
        kwargs["do_sample_frames"] = False
    if images:
        kwargs["images"] = [resized([picture(i, folder)], grid, patch)[0] for i, grid in zip(images, found["image_grid_thw"])]
    inputs = proc(text=[rendered], return_tensors="pt", do_resize=False, **kwargs)
    inputs.pop("token_type_ids", None)
    return dict(inputs), stamps


def reference(model, inputs: dict, found: dict, own_pixels: bool, last: bool) -> dict[str, torch.Tensor]:
    """The reference's tensors under the names of `timepin inspect`."""
    out = {"input_ids": inputs["input_ids"][0]}
    positions, _ = model.model.get_rope_index(
        inputs["input_ids"], inputs.get("image_grid_thw"), inputs.get("video_grid_thw"), inputs["attention_mask"])
    out["position_ids"] = positions[:, 0]
    for kind, pixels in (("video", "pixel_values_videos"), ("image", "pixel_values")):
        if pixels not in inputs:
            continue
        grid = inputs[f"{kind}_grid_thw"]
        out[f"{kind}_grid_thw"], out[pixels] = grid, inputs[pixels]
        if not own_pixels:
            inputs[pixels] = found[pixels]
        merged, taps = model.visual(inputs[pixels].to(model.visual.dtype), grid_thw=grid)
        out[f"{kind}_embeds"] = merged
        out |= {f"{kind}_deepstack.{i}": tap for i, tap in enumerate(taps)}
    result = model(**inputs, output_hidden_states=True, logits_to_keep=1 if last else 0)
    out |= {f"hidden_states.{i}": state[0] for i, state in enumerate(result.hidden_states)}
    out["logits"] = result.logits[0]
    return {name: tensor.detach().contiguous().to(torch.float32 if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in out.items()}


def compare(found: dict, expected: dict, tolerance: float) -> bool:
    """Prints a line per tensor; relative is against the largest magnitude of the reference's tensor."""
    def order(name: str) -> tuple[bool, bool, str, int]:
        stem, _, number = name.partition(".")
        return stem == "logits", stem == "hidden_states", stem, int(number or 0)

    good = True
    print(f"{'tensor':<22} {'shape':<18} {'max abs':>10} {'max rel':>10}")
    for name in sorted(set(found) | set(expected), key=order):
        a, b = found.get(name), expected.get(name)
        if a is None or b is None or a.shape != b.shape:
            print(f"{name:<22} {'missing' if a is None or b is None else f'{tuple(a.shape)} is not {tuple(b.shape)}'}")
            good = False
            continue
        gap = (a.double() - b.double()).abs().max().item()
        relative = gap / max(b.double().abs().max().item(), 1e-30)
        exact = not b.is_floating_point()
        fine = gap == 0 if exact else relative <= (1.0 / 127 if name.startswith("pixel_values") else tolerance)
        good &= fine
        print(f"{name:<22} {'×'.join(map(str, a.shape)):<18} {gap:>10.2e} {relative:>10.2e}{'' if fine else '  DIFFERS'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--request", type=Path, required=True)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--own-pixels", action="store_true")
    arguments = parser.parse_args()

    with safe_open(arguments.found, "pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
    request = json.loads(arguments.request.read_text())
    if request.get("wrapper", "replaced") != "replaced":
        parser.error("transformers 4.57 knows the wrapper `replaced` only")
    found_stamps = bytes(found.pop("stamps", torch.empty(0, dtype=torch.uint8)).tolist()).decode().split()
    found_pts = found.pop("segment_pts_us", None)

    torch.set_grad_enabled(False)
    config = AutoConfig.from_pretrained(arguments.model)
    model = AutoModelForImageTextToText.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="eager").eval()
    inputs, stamps = inputs_of(processor(arguments.model), request, arguments.request.parent, found, config.vision_config.patch_size)
    last = found["logits"].shape[0] == 1
    expected = reference(model, inputs, found, arguments.own_pixels, last)
    good = compare(found, expected, arguments.tolerance)
    if stamps != found_stamps:
        print(f"stamps are {found_stamps}, the reference's {stamps}")
        good = False
    if arguments.save:
        extra = {"stamps": torch.tensor(list("\n".join(stamps).encode()), dtype=torch.uint8)} if stamps else {}
        if found_pts is not None:
            extra["segment_pts_us"] = found_pts
        save_file(expected | extra, arguments.save)
    print("the same" if good else "not the same")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

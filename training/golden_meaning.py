"""Golden files for `crates/meaning`: a tiny random BERT with a trained WordPiece tokenizer, and what transformers makes of sentences.

    python training/golden_meaning.py
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

GOLDEN = Path(__file__).parent.parent / "crates" / "meaning" / "tests" / "golden"
SENTENCES = [
    "When is the budget discussed?", "We have spent more money than we planned.", "The cat sat on the mat.", "Café, naïve, Straße!",
    "第几分钟提到预算？", "", "a", "word " * 90, "Numbers: 12.5 and 1,000.", "HELLO hello HeLLo",
]


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=180, special_tokens=special))
    ids = [(name, words.token_to_id(name)) for name in ["[SEP]", "[CLS]"]]
    words.post_processor = processors.BertProcessing(*ids)
    return words


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save(str(GOLDEN / "tokenizer.json"))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=words.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.4,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    model.save_pretrained(GOLDEN, safe_serialization=True)
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]")
    given = fast(SENTENCES, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.no_grad():
        hidden = model(given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state
    mask = given["attention_mask"].unsqueeze(-1).float()
    mean = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
    cases = [{"text": text, "direction": [round(x, 7) for x in row.tolist()]} for text, row in zip(SENTENCES, mean)]
    (GOLDEN / "sentences.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()

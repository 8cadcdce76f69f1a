"""A byte-level BPE tokenizer with Qwen's pre-tokeniser and special tokens, and a tiny vocabulary.

Every word of the world's questions and answers is one token; anything else falls back to
bytes, so any text can be encoded. `python tokenizer.py OUT_DIR` writes tokenizer.json.
"""

import random
import re
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from world import questions as q
from world.scenes import COLORS_ZH, SHAPES_ZH, THINGS

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
]
# Chinese has no spaces, so its words are listed; longer ones are tried first.
WORDS_ZH = list(COLORS_ZH.values()) + list(SHAPES_ZH.values()) + [
    "单词", "闪光", "什么", "时候", "出现", "在", "是", "的", "何时", "哪个", "时间段", "能", "看到",
    "找到", "显示", "了", "有", "画面", "上", "几", "多少", "次", "一共", "总共", "和", "先", "还是",
    "列出", "所有", "事件", "视频", "中", "里", "发生", "描述", "这个", "秒", "到", "第", "分", "没有",
    "所以", "任何", "东西", "哪", "它", "吗", "请", "问", "时间", "一个", "颜色", "形状",
]
COMMON_EN = ("please tell me about show video clip frame second minute time first last before after between "
             "during start end what which where who why how many color colour shape word text there it this that "
             "happen happens happened long any is are was does do did can you I see the The of in on at to and or "
             "not no yes Yes No hello Hello describe summarize answer question only background Only").split()
CHAT = ["user", "assistant", "system", "\n", "You", " are", " a", " helpful"]


def corpus(count: int = 20000):
    """Random questions and answers over random timelines."""
    rng = random.Random("timepin-corpus")
    for _ in range(count):
        things = rng.sample(THINGS, 5)
        runs = [(t, 9.0 * k + 1, 9.0 * k + 8.2) for k, t in enumerate(things + things[:2])]
        for ask in q.ASKERS.values():
            for lang in ("en", "zh"):
                text, _, answer, *_ = ask(rng, runs, lang)
                yield text
                yield answer


def byte_char_map() -> dict[int, str]:
    """GPT-2's byte to printable character table, read off the pre-tokeniser itself."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


def latin_merges(units: set[str]) -> list[tuple[str, str]]:
    """BPE merges that make every unit one token."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=100000, min_frequency=1, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tok.train_from_iterator(sorted(units), trainer)
    import json
    return [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in json.loads(tok.to_str())["model"]["merges"]]


def chinese_merges(words: list[str]) -> list[tuple[str, str]]:
    """Bytes to characters first, then characters to words, left to right.

    Doing characters first means no merge can ever cross a character boundary half way.
    """
    table = byte_char_map()
    enc = lambda text: "".join(table[b] for b in text.encode())
    merges: dict[tuple[str, str], None] = {}
    for char in sorted({c for w in words for c in w} | set("？，。：")):
        b = enc(char)
        for k in range(1, len(b)):
            merges.setdefault((b[:k], b[k]))
    for word in sorted(set(words), key=lambda w: (-len(w), w)):
        for k in range(1, len(word)):
            merges.setdefault((enc(word[:k]), enc(word[k])))
    return list(merges)


def build() -> Tokenizer:
    """The tokenizer, deterministic."""
    pieces = {p for text in corpus(1500) for p in re.findall(r"[ \"'(]?[A-Za-z]+| ?[^\sA-Za-z0-9\u4e00-\u9fff？，。：]+\n?", text)}
    pieces = {p for p in pieces if p.isascii()}
    pieces |= {w for w in COMMON_EN} | {" " + w for w in COMMON_EN} | set(CHAT) - {"\n"} | {" seconds", "seconds", "<", ">", ".\n"}
    merges = latin_merges(pieces)
    seen = set(merges)
    merges += [m for m in chinese_merges(WORDS_ZH) if m not in seen]
    vocab = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for a, b in merges:
        vocab.setdefault(a + b, len(vocab))
    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges, byte_fallback=False))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    return tok


def main() -> None:
    """Write tokenizer.json to a folder."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    build().save(str(out / "tokenizer.json"))


if __name__ == "__main__":
    main()

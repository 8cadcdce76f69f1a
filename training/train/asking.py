"""A checkpoint asked about a clip token by token, with all that its heads look at: for judging and selecting pointers."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import Qwen3VLForConditionalGeneration

from .model import read_video
from .text import Prefix, Vocabulary


class Asker:
    """One clip at a time: the video is read once, then every question goes on from it."""

    def __init__(self, folder: Path):
        self.model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32,
                                                                     attn_implementation="eager").eval()
        self.text = self.model.model.language_model
        self.vocab = Vocabulary(Tokenizer.from_file(str(folder / "tokenizer.json")))
        self.states: dict[int, torch.Tensor] = {}
        for index, layer in enumerate(self.text.layers):
            layer.register_forward_hook(lambda _layer, _given, made, index=index: self.states.__setitem__(index, made[0]))

    @torch.inference_mode()
    def watch(self, prefix: Prefix, features: torch.Tensor) -> None:
        """Reads the video part of the prompt; features [T, 4, 6, hidden]."""
        self.cache = read_video(self.model, prefix, features)
        self.length, self.next, self.owner = len(prefix.ids), prefix.next_position, torch.tensor(prefix.segment)

    @torch.inference_mode()
    def read(self, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Goes on by these tokens: the logits after the last, and where all heads look, [layers, heads, tokens, T]."""
        start = self.next + self.cache.get_seq_length() - self.length
        at = torch.arange(start, start + len(ids)).expand(3, 1, -1)
        out = self.text(input_ids=torch.tensor([ids]), position_ids=at, past_key_values=self.cache, use_cache=True,
                        output_attentions=True)
        mass = torch.stack(out.attentions)[:, 0, :, :, :self.length]
        count = int(self.owner.max()) + 1
        by_segment = torch.zeros(*mass.shape[:3], count + 1).index_add_(3, self.owner.where(self.owner >= 0, count), mass)
        by_segment = by_segment[..., :count]
        return self.model.lm_head(out.last_hidden_state[0, -1]), by_segment / by_segment.sum(-1, keepdim=True).clamp(min=1e-9)

    def forget(self) -> None:
        """Back to the video alone."""
        self.cache.crop(self.length)

    def answer(self, question: str, layer: int, head: tuple[int, int] | None, limit: int = 120):
        """Greedy: the text, its tokens' texts, and of each token the hidden state [D] and where the head looked [T]."""
        ids, written, states, looks = self.vocab.encode(question).ids + self.vocab.mid, [], [], []
        logits, _ = self.read(ids)
        while len(written) < limit:
            token = int(logits.argmax())
            if token == self.vocab.end:
                break
            logits, mass = self.read([token])
            written.append(token), states.append(self.states[layer].reshape(-1, self.states[layer].shape[-1])[-1])
            looks.append(mass[head[0], head[1], -1] if head else None)
        self.forget()
        text, at, parts = self.vocab.tok.decode(written), 0, []
        for k in range(len(written)):
            whole = self.vocab.tok.decode(written[:k + 1])
            parts.append((at, len(whole)))
            at = len(whole)
        return text, parts, states, looks

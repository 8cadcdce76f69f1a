"""One sequence, many questions: attention in which every block sees the prefix and itself.

The layout is [prefix | group of equally long blocks | another group ...]. This equals asking
each question on its own, but the video is paid for once. Registered with transformers, so
the model's own layers run unchanged.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

# One head finds things by name, one of another key group finds segments by their time.
POINTER_LAYER, POINTER_HEAD, CLOCK_HEAD = 3, 0, 2


@dataclass
class Layout:
    """The layout in force, and the pointer layer's queries and keys of the last forward pass."""

    prefix: int = 0
    groups: list[tuple[int, int]] = field(default_factory=list)  # (blocks, length of each)
    query: torch.Tensor | None = None
    key: torch.Tensor | None = None


LAYOUT = Layout()


def own_mask(prefix: int, length: int, device) -> torch.Tensor:
    """True where a block's token may look: all of the prefix, its own past."""
    own = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return torch.cat((torch.ones(length, prefix, dtype=torch.bool, device=device), own), dim=1)


def packed_attention(module, query, key, value, attention_mask, dropout=0.0, scaling=None, **kwargs):
    """Attention over the current layout; batch size one."""
    if module.layer_idx == POINTER_LAYER:
        LAYOUT.query, LAYOUT.key = query, key
    repeat = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
    heads, width, s = query.shape[1], query.shape[3], LAYOUT.prefix
    parts = [F.scaled_dot_product_attention(query[:, :, :s], key[:, :, :s], value[:, :, :s],
                                            is_causal=True, scale=scaling).transpose(1, 2)]
    at = s
    for n, length in LAYOUT.groups:
        cut = slice(at, at + n * length)
        block = lambda t: t[0, :, cut].reshape(heads, n, length, width).transpose(0, 1)
        seen = lambda t: torch.cat((t[:, :, :s].expand(n, -1, -1, -1), block(t)), dim=2)
        out = F.scaled_dot_product_attention(block(query), seen(key), seen(value),
                                             attn_mask=own_mask(s, length, query.device), scale=scaling)
        parts.append(out.transpose(1, 2).reshape(1, n * length, heads, width))
        at += n * length
    return torch.cat(parts, dim=1), None


ALL_ATTENTION_FUNCTIONS.register("packed", packed_attention)


def pointer_mass(rows: list[tuple[int, int, int, int]], owner: torch.Tensor, targets: int) -> torch.Tensor:
    """Attention by target for chosen (group, block, position, head) rows, in that order.

    `owner` gives each prefix token's target column; the last column is the block itself.
    """
    repeat = LAYOUT.query.shape[1] // LAYOUT.key.shape[1]
    s, index = LAYOUT.prefix, torch.tensor(rows)
    columns = F.one_hot(owner, targets).float()
    result = torch.zeros(len(index), targets + 1)
    for head in (POINTER_HEAD, CLOCK_HEAD):
        q, k, at = LAYOUT.query[0, head], LAYOUT.key[0, head // repeat], s
        for g, (n, length) in enumerate(LAYOUT.groups):
            chosen = ((index[:, 0] == g) & (index[:, 3] == head)).nonzero()[:, 0]
            mine = index[chosen]
            if len(mine):
                flat = at + mine[:, 1] * length + mine[:, 2]
                own = k[at: at + n * length].reshape(n, length, -1)[mine[:, 1]]
                logits = torch.cat((q[flat] @ k[:s].T, torch.einsum("rd,rld->rl", q[flat], own)), 1)
                logits = logits * q.shape[-1] ** -0.5
                hidden = torch.arange(length) > mine[:, 2:3]
                logits = torch.cat((logits[:, :s], logits[:, s:].masked_fill(hidden, -torch.inf)), 1)
                mass = logits.softmax(-1)
                mass = torch.cat((mass[:, :s] @ columns, mass[:, s:].sum(1, keepdim=True)), 1)
                result = result.index_put((chosen,), mass)
            at += n * length
    return result

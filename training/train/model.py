"""The small model: transformers' own Qwen3-VL classes at a size that two cores can train."""

import torch
import torch.nn.functional as F
from transformers import DynamicCache, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import apply_rotary_pos_emb_vision

# Frame geometry after the resize rule: 96x64 pixels, 4x6 patches, 2x3 merged tokens.
FRAME_H, FRAME_W, PATCH, MERGE = 64, 96, 16, 2
GRID = (1, FRAME_H // PATCH, FRAME_W // PATCH)
MERGED_H, MERGED_W = FRAME_H // (PATCH * MERGE), FRAME_W // (PATCH * MERGE)
VISUAL_TOKENS = MERGED_H * MERGED_W

TEXT = dict(
    hidden_size=160, intermediate_size=384, num_hidden_layers=5, num_attention_heads=4,
    num_key_value_heads=2, head_dim=64, rms_norm_eps=1e-6, rope_theta=5_000_000.0,
    rope_scaling={"rope_type": "default", "mrope_interleaved": True, "mrope_section": [12, 10, 10]},
    max_position_embeddings=32768, attention_bias=False, hidden_act="silu", tie_word_embeddings=True,
    initializer_range=0.06,
)
VISION = dict(
    depth=4, hidden_size=96, intermediate_size=384, num_heads=3, in_channels=3, patch_size=PATCH,
    temporal_patch_size=2, spatial_merge_size=MERGE, out_hidden_size=TEXT["hidden_size"],
    num_position_embeddings=2304, deepstack_visual_indexes=[0, 1, 2], hidden_act="gelu_pytorch_tanh",
    initializer_range=0.05,
)


def build(vocab_size: int, ids: dict[str, int]) -> Qwen3VLForConditionalGeneration:
    """A fresh model; `ids` maps special-token strings to their ids."""
    config = Qwen3VLConfig(
        text_config={**TEXT, "vocab_size": vocab_size, "bos_token_id": ids["<|endoftext|>"],
                     "eos_token_id": ids["<|im_end|>"]},
        vision_config=VISION, tie_word_embeddings=True,
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )
    config._attn_implementation = "sdpa"
    return Qwen3VLForConditionalGeneration(config)


def patchify(frames: torch.Tensor) -> torch.Tensor:
    """(n, 2, 64, 96, 3) uint8 to (n, 24, 1536) in merge-block order, scaled to [-1, 1]."""
    n = frames.shape[0]
    x = frames.reshape(n, 2, MERGED_H, MERGE, PATCH, MERGED_W, MERGE, PATCH, 3)
    x = x.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(n, GRID[1] * GRID[2], -1)
    return x.float() / 127.5 - 1.0


def encode(visual, patches: torch.Tensor) -> torch.Tensor:
    """The vision tower on equal-sized segments at once: (n, 24, 1536) to (n, 4, 6, hidden).

    transformers runs its attention segment by segment; a batch is the same sum, much faster.
    Slot 0 is the merged output, slots 1 to 3 are the DeepStack taps.
    """
    n, p = patches.shape[:2]
    grid = torch.tensor([GRID])
    x = visual.patch_embed(patches.reshape(n * p, -1)).reshape(n, p, -1)
    x = x + visual.fast_pos_embed_interpolate(grid)
    angles = visual.rot_pos_emb(grid).reshape(p, -1)
    angles = torch.cat((angles, angles), dim=-1)
    cos, sin = angles.cos().repeat(n, 1), angles.sin().repeat(n, 1)
    taps = []
    for index, block in enumerate(visual.blocks):
        attn = block.attn
        qkv = attn.qkv(block.norm1(x)).reshape(n * p, 3, attn.num_heads, -1)
        q, k = apply_rotary_pos_emb_vision(qkv[:, 0], qkv[:, 1], cos, sin)
        q, k, v = (t.reshape(n, p, attn.num_heads, -1).transpose(1, 2) for t in (q, k, qkv[:, 2]))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, p, -1)
        x = x + attn.proj(mixed)
        x = x + block.mlp(block.norm2(x))
        if index in visual.deepstack_visual_indexes:
            merger = visual.deepstack_merger_list[visual.deepstack_visual_indexes.index(index)]
            taps.append(merger(x.reshape(n * p, -1)).reshape(n, VISUAL_TOKENS, -1))
    out = visual.merger(x.reshape(n * p, -1)).reshape(n, VISUAL_TOKENS, -1)
    return torch.stack([out, *taps], dim=1)


@torch.inference_mode()
def read_video(model, prefix, features: torch.Tensor) -> DynamicCache:
    """What the decoder remembers of a video part of a prompt (`text.Prefix`); features: (segments, 4, tokens, hidden)."""
    text = model.model.language_model
    flat = features.transpose(0, 1).reshape(features.shape[1], len(prefix.visual), -1)
    embeds = text.embed_tokens(torch.tensor([prefix.ids]))
    embeds[0, prefix.visual] = flat[0]
    mask = torch.zeros(1, len(prefix.ids), dtype=torch.bool)
    mask[0, prefix.visual] = True
    cache = DynamicCache(config=model.config.text_config)
    text(inputs_embeds=embeds, position_ids=torch.tensor(prefix.positions).T[:, None], use_cache=True,
         past_key_values=cache, visual_pos_masks=mask, deepstack_visual_embeds=list(flat[1:]))
    return cache

"""Packed training sequences must equal what transformers computes for one question."""

import unittest

import torch

from tokenizer import build as build_tokenizer
from train import data, decoder, model
from train.text import Vocabulary


class Packed(unittest.TestCase):
    """Logits of a packed block against the stock model on that block alone."""

    def test_same_logits(self):
        torch.manual_seed(1)
        vocab = Vocabulary(build_tokenizer())
        ex = data.example(vocab, 5, 9, 4, 0.0, 1.0)
        net = decoder.fresh_model().eval()
        pixels = torch.randint(0, 255, (len(ex["things"]), 2, 64, 96, 3), dtype=torch.uint8)
        patches = model.patchify(pixels)
        with torch.no_grad():
            feats = model.encode(net.model.visual, patches)
            seen = {}
            hook = net.lm_head.register_forward_hook(lambda m, i, o: seen.update(logits=o))
            decoder.forward(net, ex, feats, None)
            hook.remove()
            net.model.language_model.config._attn_implementation = "sdpa"
            group, row = len(ex["groups"]) - 1, 0
            mine = [k for k, (g, b, _) in enumerate(ex["where"]) if (g, b) == (group, row)]
            ids = torch.tensor([ex["ids"] + ex["groups"][group][row].tolist()])
            grid = torch.tensor([[len(pixels), *model.GRID[1:]]])
            out = net(input_ids=ids, pixel_values_videos=patches.reshape(-1, patches.shape[-1]), video_grid_thw=grid)
            at = [len(ex["ids"]) + ex["where"][k][2] for k in mine]
            self.assertLess((out.logits[0, at] - seen["logits"][mine]).abs().max().item(), 1e-4)


if __name__ == "__main__":
    unittest.main()

"""The lectures of the ablation, how they are told, and how answers are scored."""

import unittest

import numpy as np
import torch

from train import lecture as lectures
from train import lecture_text as text
from train.ablation import Decoder, losses_of
from train.ablation_judge import FIRST_SEED, combined, questions_of, score, wilson


class Lectures(unittest.TestCase):
    """What is generated."""

    def test_same_seed_same_lecture(self):
        one, two = lectures.lecture(8), lectures.lecture(8)
        self.assertTrue(np.array_equal(one.seen, two.seen) and np.array_equal(one.heard, two.heard))
        self.assertEqual(one.events, two.events)

    def test_events_are_where_the_segments_show_them(self):
        found = lectures.lecture(8)
        self.assertEqual(len(found.stamps), lectures.SEGMENTS)
        self.assertEqual({e.kind for e in found.events}, set(lectures.KINDS))
        for event in found.events:
            self.assertLessEqual(abs(event.moment - event.known), 1.0)
            self.assertLessEqual(-3.0 - 1e-6, event.known - found.stamps[event.first])
            self.assertLessEqual(event.known - found.stamps[event.first], 1.0 + 1e-6)
            if event.kind == "said":
                self.assertIn(event.topic, found.heard[event.first])

    def test_a_new_slide_is_seen(self):
        found = lectures.lecture(9)
        for event in (e for e in found.events if e.kind == "slide"):
            sight = found.seen[:, 0].reshape(-1, 2, lectures.WIDTH) @ lectures.SLIDES[event.topic] / lectures.WIDTH
            self.assertGreater(sight[event.first, 1], 0.6)
            self.assertLess(sight[event.first - 1, 0], 0.6)

    def test_spread_has_the_moment_as_its_mean(self):
        stamps = 1.3 + 4.0 * np.arange(9)
        for known in (1.3, 6.4, 20.0, 33.3):
            share = lectures.spread(known, stamps)
            self.assertAlmostEqual(float(share @ stamps), known, places=4)
            self.assertLessEqual((share > 0).sum(), 2)


    def test_as_many_questions_of_every_kind(self):
        kinds = [e.kind for k in range(4) for e in questions_of(lectures.lecture(FIRST_SEED + k), FIRST_SEED + k)]
        self.assertEqual([kinds.count(kind) for kind in lectures.KINDS], [10] * 4)


class Telling(unittest.TestCase):
    """Prompts and answers."""

    def test_time_is_told_in_one_way_only(self):
        found = lectures.lecture(8, 100, 12)
        rope, stamps = text.prefix_of(found, "rope"), text.prefix_of(found, "stamps")
        self.assertFalse(set(rope["ids"]) & text.TIME)
        seconds = (rope["positions"][0][rope["stops"]] - len(text.HEAD)) / text.PER_SECOND
        self.assertLess(np.abs(seconds - found.stamps).max(), 3.0)
        told = "".join(text.TOKENS[i] for i in stamps["ids"][len(text.HEAD):stamps["stops"][0]])
        self.assertEqual(list(stamps["owner"][stamps["stops"]]), list(range(12)))
        self.assertTrue(told.startswith(f"<{found.stamps[0]:.1f}seconds>"))
        self.assertEqual(list(stamps["positions"][0][:8]), list(range(8)))

    def test_answers_are_read_back(self):
        event = lectures.Event("slide", 3, 123.37, 123.4, 30)
        ids, at = text.block_of(event)
        self.assertEqual(text.read(ids[at:]), 123.4)
        self.assertIsNone(text.read([text.ID["1"], text.ID["seconds"]]))
        self.assertIsNone(text.read(text.numerals(3.0)))

    def test_every_variant_can_learn(self):
        found = lectures.lecture(8, 20, 10)
        asked = lectures.asked_of(found, 8, 4)
        for variant in text.VARIANTS:
            net = Decoder(variant)
            parts = losses_of(net, variant, found, asked)
            sum(parts.values()).backward()
            self.assertTrue(all(torch.isfinite(v) for v in parts.values()))
            self.assertEqual("pin" in parts, variant == "pointer")


class Scoring(unittest.TestCase):
    """The metric."""

    def test_hits_and_parse_failures(self):
        got = score([10.0, None, 15.0, 20.6], [10.5, 3.0, 10.0, 20.0])
        self.assertEqual([got[f"within_{k}s"]["hits"] for k in ("5", "1", "0.5")], [3, 2, 1])
        self.assertEqual((got["of"], got["unparsed"]), (4, 1))

    def test_wilson(self):
        low, high = wilson(186, 200)
        self.assertAlmostEqual(low, 0.886, places=3)
        self.assertAlmostEqual(high, 0.958, places=3)
        self.assertEqual(wilson(0, 200)[0], 0.0)

    def test_the_pin_replaces_what_it_contradicts(self):
        self.assertEqual(combined(12.0, 14.0), 12.0)
        self.assertEqual(combined(12.0, 44.0), 44.0)
        self.assertEqual(combined(None, 44.0), 44.0)


if __name__ == "__main__":
    unittest.main()

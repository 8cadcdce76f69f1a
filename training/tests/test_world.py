"""The world keeps its promises: same seed same clip, gaps, exact spans, right answers."""

import unittest

from scoring import is_right, spans, what_label
from train.timeline import frames_shown, instants, pairs_of, runs_of, segments_of
from world.__main__ import truth_of
from world.render import SceneArt, backdrop
from world.scenes import MIN_GAP_S, THINGS, TICKS_PER_SECOND, make_plan

SEEDS = range(30)


class World(unittest.TestCase):
    """Plans and truth files."""

    def test_same_seed_same_clip(self):
        self.assertEqual(make_plan(3, 1.0), make_plan(3, 1.0))
        self.assertNotEqual(make_plan(3, 1.0), make_plan(4, 1.0))
        self.assertEqual(truth_of(make_plan(3, 0.5)), truth_of(make_plan(3, 0.5)))

    def test_same_look_same_pixels(self):
        for thing in (THINGS[0], THINGS[40], THINGS[48]):
            draw = lambda: SceneArt(thing, 7).draw(backdrop(9), 1.5).tobytes()
            self.assertEqual(draw(), draw())

    def test_gaps_and_lengths(self):
        for seed in SEEDS:
            plan = make_plan(seed, 1.5)
            for scene in plan.scenes:
                self.assertGreaterEqual(scene.end - scene.start, TICKS_PER_SECOND)
            for a, b in zip(plan.scenes, plan.scenes[1:]):
                self.assertGreaterEqual(b.start - a.end, MIN_GAP_S * TICKS_PER_SECOND - 1)

    def test_frame_spacing_varies(self):
        frames = make_plan(1, 1.0).frames
        self.assertGreater(len({b - a for a, b in zip(frames, frames[1:])}), 3)

    def test_questions_match_events(self):
        for seed in SEEDS:
            truth = truth_of(make_plan(seed, 1.2))
            shown = {e["label_en"] for e in truth["events"]} | {e["label_zh"] for e in truth["events"]}
            for q in truth["questions"]:
                self.assertTrue(is_right(q["kind"], q["answer"], q["answer"], q["span"]), q)
                if q["kind"] == "what":
                    self.assertIn(what_label(q["answer"]), shown)
                if q["kind"] == "when":
                    self.assertIn(q["span"], [[round(e["start_s"], 3), round(e["end_s"], 3)] for e in truth["events"]])

    def test_wrong_answers_are_wrong(self):
        truth = "The red circle appears from 12.0 to 18.5 seconds."
        self.assertFalse(is_right("when", truth.replace("18.5", "19.6"), truth, [12.0, 18.5]))
        self.assertFalse(is_right("when", "The red circle does not appear in the video.", truth, [12.0, 18.5]))
        self.assertFalse(is_right("absent", truth, "The red circle does not appear in the video.", None))
        self.assertEqual(spans("红色圆形在 3.0 秒到 5.2 秒出现。"), [(3.0, 5.2)])


class Sampling(unittest.TestCase):
    """The product's sampling rule."""

    def test_rule(self):
        self.assertEqual(instants(2.0), [0.0, 0.5, 1.0, 1.5])
        self.assertEqual(len(instants(3600.0)), 768)
        self.assertEqual(frames_shown([0.1, 0.4, 0.9], [0.0, 0.5, 1.0]), [0, 1, 2])
        self.assertEqual(pairs_of([0, 1, 2]), [(0, 1), (2, 2)])

    def test_copying_the_right_stamp_is_always_right(self):
        for seed in SEEDS:
            plan = make_plan(seed, 1.5)
            segments = segments_of(plan)
            self.assertTrue(all(a.first in (-1, a.scene) and a.second in (-1, a.scene) for a in segments))
            runs = runs_of(plan, segments)
            self.assertEqual([r.scene for r in runs], list(range(len(plan.scenes))))
            for run in runs:
                scene = plan.scenes[run.scene]
                self.assertLess(abs(segments[run.start].stamp - scene.start / TICKS_PER_SECOND), 1.0)
                self.assertLess(abs(segments[run.end].stamp - scene.end / TICKS_PER_SECOND), 1.0)


if __name__ == "__main__":
    unittest.main()

"""Clips on other clocks keep what a prompt and its questions rely on."""

import random
import unittest

from evaluate_clocks import judge
from train import clocks
from train.data import digits_of
from train.timeline import EMPTY_SCENE, Segment, runs_of
from world.scenes import THINGS, TICKS_PER_SECOND, Plan, Scene

CLIPS = [(kind, *clocks.clip(seed, 20 + seed, kind)) for kind in (*clocks.KINDS, "dense") for seed in range(25)]


class Clocks(unittest.TestCase):
    """What `clocks.clip` makes."""

    def test_stamps_rise_and_print_differently(self):
        for kind, _, segments in CLIPS:
            printed = [f"{s.stamp:.1f}" for s in segments]
            self.assertEqual(len(set(printed)), len(printed), kind)
            self.assertEqual(sorted(s.stamp for s in segments), [s.stamp for s in segments])
            self.assertLess(segments[-1].stamp, 9999.9)

    def test_a_clip_is_never_longer_than_asked_for(self):
        for seed in range(40):
            self.assertLessEqual(len(clocks.clip(seed, 124)[1]), 126)

    def test_the_stamp_is_the_mean_of_two_frames_that_show_what_the_segment_says(self):
        for _, plan, segments in CLIPS:
            for j, segment in enumerate(segments):
                pair = plan.frames[2 * j: 2 * j + 2]
                self.assertAlmostEqual(segment.stamp, sum(pair) / 2 / TICKS_PER_SECOND)
                shown = [plan.scene_at(tick) for tick in pair]
                said = [None if i == EMPTY_SCENE else plan.scenes[i] for i in (segment.first, segment.second)]
                self.assertEqual(shown, said)

    def test_two_scenes_never_share_a_segment(self):
        for kind, _, segments in CLIPS:
            self.assertTrue(all(EMPTY_SCENE in (s.first, s.second) or s.first == s.second for s in segments), kind)

    def test_dense_grids_are_a_quarter_of_a_second_apart_and_mixed_ones_are_not_uniform(self):
        gaps = lambda segments: [b.stamp - a.stamp for a, b in zip(segments, segments[1:])]
        for kind, _, segments in CLIPS:
            if kind == "dense":
                self.assertTrue(all(0.15 < g < 0.35 for g in gaps(segments)))
        mixed = [gaps(segments) for kind, _, segments in CLIPS if kind == "mixed"]
        self.assertGreater(sum(max(g) > 2.5 * min(g) for g in mixed), 15)

    def test_some_events_show_in_one_frame_only(self):
        alone = [s for _, _, segments in CLIPS for s in segments if EMPTY_SCENE in (s.first, s.second) and s.scene >= 0]
        self.assertGreater(len(alone), 100)

    def test_moving_and_counting_change_nothing_but_the_stamps(self):
        segments = CLIPS[0][2]
        for change in (clocks.moved, clocks.counted):
            changed = change(random.Random(3), segments)
            self.assertEqual([(s.first, s.second) for s in changed], [(s.first, s.second) for s in segments])
        self.assertAlmostEqual(changed[1].stamp - changed[0].stamp, 1.0)

    def test_one_thing_with_no_segment_between_is_one_run(self):
        scenes = [Scene(THINGS[0], 0, 600, 1), Scene(THINGS[0], 700, 900, 2), Scene(THINGS[1], 950, 990, 3)]
        segments = [Segment(j, s, s) for j, s in enumerate([0, 0, 1, 2, -1, 1])]
        runs = [(r.thing, r.start, r.end) for r in runs_of(Plan(0, [], 0, scenes), segments)]
        self.assertEqual(runs, [(THINGS[0], 0, 2), (THINGS[1], 3, 3), (THINGS[0], 5, 5)])

    def test_five_places(self):
        self.assertEqual(digits_of(7199.5), [7, 1, 9, 9, 5])
        self.assertEqual(digits_of(0.25), [0, 0, 0, 0, 2])


class Judging(unittest.TestCase):
    """Right within one segment, whatever a segment is worth there."""

    def test_ends_are_counted_in_segments(self):
        stamps = [100.0, 108.0, 108.2, 108.5, 108.8, 116.0]
        truth = "The flash appears from 108.2 to 108.5 seconds."
        verdict = lambda said: judge("when", f"The flash appears from {said} seconds.", truth, stamps, stamps)
        self.assertEqual([verdict("108.2 to 108.5")[k] for k in ("ok", "exact")], [True, True])
        self.assertEqual([verdict("108.0 to 108.8")[k] for k in ("ok", "exact")], [True, False])
        self.assertFalse(verdict("100.0 to 108.5")["ok"])
        self.assertFalse(judge("absent", truth, "The flash does not appear in the video.", stamps, stamps)["ok"])

    def test_answers_on_a_counted_clock_are_read_back(self):
        stamps, shown = [500.0, 508.0, 516.0], [0.25, 1.25, 2.25]
        row = judge("when", "The flash appears from 1.2 to 2.2 seconds.", "The flash appears from 508.0 to 516.0 seconds.",
                    shown, stamps)
        self.assertTrue(row["exact"])


if __name__ == "__main__":
    unittest.main()

"""The films keep their promises, and the scorer gives the figures worked out by hand."""

import tempfile
import unittest
from pathlib import Path
from xml.dom import minidom

import av

from moments import plots
from moments.film import frame_times, subtitles, write_film
from moments.score import calibration, f1, grounding, hit, matched, overlap, score, table
from moments.script import DEPTHS, LENGTHS_S, make_film
from scoring import denies, spans

FILMS = [make_film(seed, minutes) for minutes in (1, 10, 60, 120) for seed in range(4)]


def row(task, said, spans_, found=(), answer="", **more):
    """A prediction."""
    return {"task": task, "said": said, "spans": spans_, "found": list(found), "answer": answer, **more}


class Films(unittest.TestCase):
    """Scripts and files."""

    def test_the_same_seed_gives_the_same_film_and_another_seed_another(self):
        self.assertEqual(make_film(3, 10), make_film(3, 10))
        self.assertNotEqual(make_film(3, 10).events, make_film(4, 10).events)

    def test_events_are_apart_and_inside_their_tenth_of_the_film(self):
        for film in FILMS:
            room = film.minutes * 60 / DEPTHS
            for a, b in zip(film.events, film.events[1:]):
                self.assertGreaterEqual(b.start - a.end, 0.99)
                self.assertNotEqual(a.thing, b.thing)
            for e in film.events:
                self.assertAlmostEqual(e.end - e.start, e.length, places=3)
                self.assertLess(e.end, film.minutes * 60)
                self.assertLess(abs(e.start / room - e.depth - 0.5), 1.0)

    def test_long_films_cross_every_length_with_every_depth(self):
        seen = {(e.length, e.depth) for seed in range(6) for e in make_film(seed, 60).events}
        self.assertEqual(seen, {(length, depth) for length in LENGTHS_S for depth in range(DEPTHS)})

    def test_every_task_is_asked_in_a_long_film(self):
        for film in FILMS[4:]:
            tasks = {question.task for question in film.questions}
            self.assertEqual(tasks, {"when", "what", "multi", "count", "order", "absent", "mention", "flash"})

    def test_true_answers_hold_the_true_spans(self):
        for film in FILMS:
            for question in film.questions:
                self.assertEqual(denies(question.answer), question.task == "absent")
                if question.task in ("when", "flash", "multi", "what"):
                    self.assertEqual(len(spans(question.answer)), len(question.spans))

    def test_a_thing_is_first_seen_at_its_start_and_last_before_its_end(self):
        for film in FILMS[:8]:
            times = frame_times(film)
            self.assertEqual(times, sorted(times))
            for index, event in enumerate(film.events):
                shown = [at for at, i in times if i == index]
                self.assertEqual(shown[0], event.start)
                after = next(at for at, _ in times if at > shown[-1])
                self.assertEqual(after, event.end)

    def test_a_file_has_the_times_it_was_written_with(self):
        film = make_film(2, 0.5)
        with tempfile.TemporaryDirectory() as folder:
            path = write_film(film, Path(folder), "film")
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                times = sorted(float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None)
                self.assertAlmostEqual(float(stream.duration * stream.time_base), 30.0, places=2)
        self.assertEqual([round(t, 3) for t in times], [at for at, _ in frame_times(film)])
        self.assertIn(" --> ", subtitles(film))


class Scores(unittest.TestCase):
    """Figures worked out by hand."""

    def test_overlap(self):
        self.assertAlmostEqual(overlap((0, 2), (1, 3)), 1 / 3)
        self.assertEqual(overlap((0, 1), (1, 2)), 0.0)
        self.assertEqual(overlap((4, 5), (4, 5)), 1.0)

    def test_a_span_is_hit_only_with_both_ends(self):
        self.assertTrue(hit([(10.25, 12.0)], [(10.0, 12.25)], 0.25))
        self.assertFalse(hit([(10.25, 12.6)], [(10.0, 12.25)], 0.25))
        self.assertFalse(hit([], [(10.0, 12.25)], 5))

    def test_spans_pair_off_one_to_one(self):
        self.assertEqual(matched([(0, 2), (0, 2)], [(0, 2)], 0.5), 1)
        self.assertAlmostEqual(f1([(0, 2), (9, 10)], [(0, 2), (4, 6), (20, 21)]), 2 * 1 / 5)

    def test_no_answer_counts_as_a_miss(self):
        g = grounding([row("when", "x", [(0, 2)], [(0, 2)]), row("when", "It does not appear.", [(5, 7)])])
        self.assertEqual((g["mIoU"], g["hit@0.25s"], g["R1@0.5"], g["denied"]), (0.5, 0.5, 0.5, 0.5))
        self.assertEqual(g["median|dstart|"], 0)

    def test_false_alarms_counts_orders_and_unreadable_answers(self):
        rows = [row("absent", "The red circle does not appear in the video.", []),
                row("absent", "The red circle appears from 1.0 to 2.0 seconds.", [], [(1, 2)]),
                row("count", "The flash appears from 1.0 to 2.0 seconds: 1 time.", [(1, 2)]),
                row("count", "The flash appears from 1.0 to 2.0 seconds: 3 times.", [(1, 2)]),
                row("order", "…, so the flash comes first.", [], answer="…, so the flash comes first."),
                row("when", "I cannot tell", [(1, 2)], length=2.0, depth=3)]
        report = score(rows)
        self.assertEqual(report["absent"]["false alarms"], 0.5)
        self.assertEqual(report["count"]["right"], 0.5)
        self.assertEqual(report["order"]["right"], 1.0)
        self.assertAlmostEqual(report["parse failures"], 1 / 6, places=3)
        self.assertEqual(list(report["by length"]), ["2"])
        self.assertIn("false alarms", table(report))

    def test_calibration_and_plots(self):
        rows = [row("when", "", [(0, 2)], [(0, 2 if k % 2 else 9)], confidence=0.5, length=2.0, depth=k % 3) for k in range(10)]
        self.assertEqual(calibration(rows), [{"stated": 0.5, "asked": 10, "right": 0.5}])
        with tempfile.TemporaryDirectory() as folder:
            written = plots.write(score(rows), Path(folder))
            self.assertEqual({p.stem for p in written}, {"length", "depth", "errors", "calibration"})
            for path in written:
                self.assertEqual(minidom.parse(str(path)).documentElement.tagName, "svg")


if __name__ == "__main__":
    unittest.main()

// Are the moments right? Within a second at both ends, for every "when" question of an unseen clip.
import { ask, expect, fixture, indexed, open, pick, span, test, truth } from "./timepin";

test("every 'when' is answered within a second at both ends", async ({ page }) => {
  // The bundled checkpoint is still in training: see training/README.md for what it reaches today.
  test.fixme(true, "the bundled checkpoint does not reach this yet");
  await open(page);
  await pick(page, fixture("world-a.mp4"));
  await indexed(page);
  for (const wanted of truth("world-a").questions.filter((q) => q.kind === "when")) {
    const [start, end] = await span(await ask(page, wanted.question));
    expect(Math.abs(start - wanted.span![0]), `start for: ${wanted.question}`).toBeLessThanOrEqual(1);
    expect(Math.abs(end - wanted.span![1]), `end for: ${wanted.question}`).toBeLessThanOrEqual(1);
  }
});

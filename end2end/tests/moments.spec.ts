// Are the moments right? Within a second at both ends, for every "when" question of an unseen clip.
import { ask, expect, fixture, indexed, open, pick, span, test, truth } from "./timepin";

test("every 'when' is answered within a second at both ends", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-a.mp4"));
  await indexed(page);
  for (const wanted of truth("world-a").questions.filter((q) => q.kind === "when")) {
    const [start, end] = await span(await ask(page, wanted.question));
    expect(Math.abs(start - wanted.span![0]), `start for: ${wanted.question}`).toBeLessThanOrEqual(1);
    expect(Math.abs(end - wanted.span![1]), `end for: ${wanted.question}`).toBeLessThanOrEqual(1);
  }
});

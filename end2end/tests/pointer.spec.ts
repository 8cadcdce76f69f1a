// Where did the model look? A word shows it on the timeline, by mouse, keyboard and finger.
import { ask, expect, fixture, indexed, open, pick, test, truth } from "./timepin";

test("hover a word, and a heat strip under the timeline shows where the model looked", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const wanted = truth("world-b").questions.find((q) => q.kind === "when" && q.lang === "en")!;
  const answer = await ask(page, wanted.question);
  const words = answer.getByTestId("pinned");
  const gazes = page.getByTestId("gaze");
  await expect(gazes).toHaveCount(0);
  await words.first().hover();
  await expect(gazes).not.toHaveCount(0);
  const shares = await gazes.evaluateAll((all) => all.map((one) => Number((one as HTMLElement).dataset.share)));
  expect(shares.every((share) => share >= 10 && share <= 1000)).toBe(true);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(1004);
  // Under the timeline, not across it.
  const [heat, cell] = [await page.getByTestId("heat").boundingBox(), await gazes.first().boundingBox()];
  expect(cell!.y).toBeGreaterThanOrEqual(heat!.y - 1);
  expect(cell!.y + cell!.height).toBeLessThanOrEqual(heat!.y + heat!.height + 1);
  await page.mouse.move(0, 0);
  await expect(gazes).toHaveCount(0);

  // One word is a stop of Tab, the arrow keys go on from it, and Enter goes there.
  await expect(answer.locator(".pinned[tabindex='0']")).toHaveCount(1);
  await words.first().focus();
  await expect(gazes).not.toHaveCount(0);
  await page.keyboard.press("ArrowRight");
  const focused = page.locator(".pinned:focus");
  const at = Number(await focused.getAttribute("data-at-us"));
  await page.keyboard.press("Enter");
  const now = async () => Number(await page.getByRole("slider").first().getAttribute("aria-valuenow"));
  await expect.poll(now).toBeCloseTo(at / 1e6, 0);
  expect(["sure", "unsure", "lost"]).toContain(await focused.getAttribute("data-sure"));
});

// A long file is seen as a whole long before it is read: the overview, what it can answer, and that it leaves no trace.
import { ask, everyHalfSecond, expect, ffprobe, film, indexed, open, pick, snapshot, span, test, truth } from "./timepin";
import type { Page } from "@playwright/test";

/** A minute of the demo world as large as films are, a key frame every two seconds. */
const large = () => film("world-a.mp4", "large.mp4", "-r", "12", "-vf", "scale=1920:1080", "-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-an");

/** Frames of the plan reach the server only when the story says so. */
async function hold(page: Page): Promise<() => void> {
  let release = () => {};
  const gate = new Promise<void>((open) => (release = open));
  await page.route("**/api/append_frames", async (route) => {
    await gate;
    // The page may have gone meanwhile.
    await route.continue().catch(() => {});
  });
  return release;
}

test("the whole timeline is there at once, can be asked about, and is honest about how coarse that is", async ({ page }) => {
  const file = large();
  const release = await hold(page);
  await open(page);
  await pick(page, file);
  await expect(page).toHaveURL(/\/v\//);
  await expect(page.getByTestId("glimpse")).toHaveCount(30);
  const last = page.getByTestId("thumb").last();
  await expect.poll(async () => Number(await last.getAttribute("data-pts-us"))).toBeGreaterThan(50e6);
  await expect.poll(() => last.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
  await expect(page.getByTestId("asking-note")).toContainText("glance every 2.0 s");
  await expect(page.getByTestId("segment")).toHaveCount(0);

  const wanted = truth("world-a").questions.filter((q) => q.kind === "when" && q.lang === "en")[0];
  const early = await ask(page, wanted.question);
  await expect(early.getByTestId("coarse-note")).toContainText("looked at closely up to 0:00");
  await expect(early.getByTestId("span-chip").first()).toHaveClass(/is-coarse/);
  await expect(early.getByTestId("span-chip").first()).toContainText("± 2.0 s");

  release();
  await indexed(page);
  // Two frames each, and what came and went between two of them.
  await expect.poll(() => page.getByTestId("segment").count()).toBeGreaterThanOrEqual(60);
  await expect(page.getByTestId("glimpse")).toHaveCount(0);
  const { frames, overview } = await snapshot(page);
  expect(frames).toEqual(everyHalfSecond(ffprobe(file)));
  expect(overview).toEqual([]);

  await early.getByTestId("ask-again").click();
  const sharp = page.getByTestId("question-item").last();
  await expect(page.getByTestId("question-item")).toHaveCount(2);
  await expect(sharp).toHaveAttribute("data-complete", "true", { timeout: 60_000 });
  const [start, end] = await span(sharp);
  expect(Math.abs(start - wanted.span![0])).toBeLessThanOrEqual(1);
  expect(Math.abs(end - wanted.span![1])).toBeLessThanOrEqual(1);
  await expect(sharp.getByTestId("coarse-note")).toHaveCount(0);
  await expect(sharp.getByTestId("span-chip").first()).not.toHaveClass(/is-coarse/);

  // How coarsely the first answer saw is remembered with it.
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("coarse-note")).toHaveCount(1);
});

test("cancelled and reloaded in the middle, the overview stays and is not sent again", async ({ page }) => {
  const file = large();
  const release = await hold(page);
  let sent = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/api/append_overview")) sent += 1;
  });
  await open(page);
  await pick(page, file);
  await expect(page.getByTestId("glimpse")).toHaveCount(30);
  expect(sent).toBeGreaterThan(0);
  await page.getByTestId("cancel").click();
  await expect(page.getByTestId("resume")).toBeVisible();
  await expect(page.getByTestId("glimpse")).toHaveCount(30);

  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("glimpse")).toHaveCount(30);
  release();
  sent = 0;
  await pick(page, file);
  await indexed(page);
  expect(sent).toBe(0);
  expect((await snapshot(page)).frames).toEqual(everyHalfSecond(ffprobe(file)));
});

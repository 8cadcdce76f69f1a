// What happens in a video: the model looks through it, scenes and chapters appear, each leads to its moment, and the library's
// search finds them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, fixture, indexed, open, pick, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;
type Event = { label_en: string; start_s: number };

test("chapters are found, lead to their moments, survive a reload and are found by the search", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-a.mp4"));
  await indexed(page);
  await expect(page.getByText("No chapters yet.")).toBeVisible();
  await page.getByTestId("outline-begin").click();
  await expect(page.getByTestId("outline-again")).toBeVisible({ timeout: 120_000 });

  // The rules of chapters: the first at zero, three or more, ten seconds or more each.
  const starts = await page.getByTestId("chapter").evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.startUs)));
  expect(starts.length).toBeGreaterThanOrEqual(3);
  expect(starts[0]).toBe(0);
  for (let i = 1; i < starts.length; i++) expect(starts[i] - starts[i - 1]).toBeGreaterThanOrEqual(10_000_000);

  // Most of what the truth file says is there, at its time.
  await page.getByTestId("scenes").locator("summary").click();
  const scenes = await page.getByTestId("scene").evaluateAll((rows) =>
    rows.map((row) => ({ at: Number((row as HTMLElement).dataset.startUs) / 1e6, title: row.querySelector(".chapter-title")?.textContent ?? "" })),
  );
  const truth = JSON.parse(readFileSync(fixture("world-a.json"), "utf8")) as { events: Event[] };
  const known = truth.events.filter((event) => scenes.some((scene) => Math.abs(scene.at - event.start_s) <= 1.5 && scene.title.toLowerCase().includes(event.label_en.toLowerCase())));
  expect(known.length / truth.events.length).toBeGreaterThanOrEqual(0.8);
  if (shots) await page.screenshot({ path: join(shots, "outline.png"), fullPage: true });

  const chapter = page.getByTestId("chapter").nth(1);
  await chapter.click();
  await expect(chapter).toHaveAttribute("aria-current", "true");
  await page.reload();
  await expect(page.getByTestId("chapter")).toHaveCount(starts.length);

  await open(page);
  await page.getByTestId("find").fill(scenes[0].title);
  await expect(page.getByTestId("found").first()).toContainText(scenes[0].title);
});

test("looking through a video can be stopped and gone on with", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-a.mp4"));
  await indexed(page);
  await page.getByTestId("outline-begin").click();
  await page.getByTestId("outline-cancel").click();
  await expect(page.getByTestId("outline-progress")).toHaveCount(0);
  await page.getByTestId("outline-begin").click();
  await expect(page.getByTestId("outline-again")).toBeVisible({ timeout: 120_000 });
  await expect(page.getByTestId("scene").first()).toBeAttached();
});

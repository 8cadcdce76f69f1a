// Long films: windows are searched, and what an answer names is looked at closer, with frames that the page decodes for it.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, fixture, indexed, made, open, pick, span, test } from "./timepin";
import type { Locator, Page } from "@playwright/test";

/** A film made once, of the first fixture's empty background, as often as it takes, and whatever `filters` put on it. */
function made_of(name: string, size: string, fps: number, seconds: number, filters: string, ...inputs: string[]): string {
  const path = join(made, name);
  const frames = Math.floor(0.8 * fps);
  const calm = `[0]trim=8:8.8,setpts=PTS-STARTPTS,fps=${fps},scale=${size},loop=-1:${frames}:0,setpts=N/${fps}/TB,trim=duration=${seconds}`;
  if (!existsSync(path)) {
    execFileSync("ffmpeg", [
      ...["-nostdin", "-loglevel", "error", "-y", "-i", fixture("world-b.mp4"), ...inputs],
      ...["-filter_complex", `${calm}${filters},format=yuv420p[v]`, "-map", "[v]", "-an", "-r", String(fps)],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-crf", "28", "-g", String(fps * 10), "-movflags", "+faststart", path],
    ]);
  }
  return path;
}

/** Asks, and gives what the status line said on the way; the answer has ended when this returns. */
async function watch(page: Page, question: string): Promise<{ item: Locator; said: string[] }> {
  await page.getByTestId("question-input").fill(question);
  await page.getByTestId("ask").click();
  const item = page.getByTestId("question-item").last();
  const said = new Set<string>();
  await expect(async () => {
    const status = item.getByTestId("entry-status");
    if (await status.count()) said.add((await status.first().textContent({ timeout: 200 })) ?? "");
    expect(await item.getAttribute("data-complete")).toBe("true");
  }).toPass({ timeout: 240_000, intervals: [20] });
  return { item, said: [...said] };
}

test("a flash of a quarter of a second, between two looks of the plan, is looked at closer", async ({ page }) => {
  test.setTimeout(600_000);
  // Five frames of twenty a second: the plan looks at 371.0 and at 371.5.
  const flash = ",drawbox=c=0xfffaf0:t=fill:enable='between(n,7422,7426)'";
  const film = made_of("flash.mp4", "320:180", 20, 600, flash);
  await open(page);
  await pick(page, film);
  await expect(page.getByTestId("timeline")).toHaveAttribute("data-state", "ready", { timeout: 300_000 });
  const { item, said } = await watch(page, "When does the flash appear?");
  expect(said.join("\n")).toContain("Searching");
  expect(said.join("\n")).toContain("Looking closer at 6:");
  await expect(item.getByTestId("search-note")).toBeVisible();
  const round = item.getByTestId("round-note").first();
  await expect(round).toContainText(/looked closer at 6:10–6:12 · \d+ frames fetched/);
  const [start, end] = await span(item);
  expect(Math.abs(start - 371.1)).toBeLessThanOrEqual(0.25);
  expect(Math.abs(end - 371.35)).toBeLessThanOrEqual(0.25);
  // What it took is stored with the question.
  await page.reload();
  await expect(page.getByTestId("round-note").first()).toContainText("looked closer at");
  // The frames are there now: the same question asks for none that came before.
  const again = await watch(page, "When does the flash appear?");
  await expect(again.item.getByTestId("round-note").first()).toContainText(" · 0 frames fetched");
});

test("what is there twice is told twice, the quarter of a second between two looks too", async ({ page }) => {
  test.setTimeout(600_000);
  // The red heart of the other fixture: eight seconds from 1:40 on, and in a part of the picture for five frames of twenty a second, which
  // the plan passes over: it looks at 371.0 and at 371.5.
  const heart = (trim: string, at: number, more: string) => `trim=${trim},setpts=PTS-STARTPTS+${at}/TB,fps=20,${more}`;
  const lasting = `[1]${heart("38.6:46.2", 100, "scale=320:180")}[long]`;
  const brief = `[2]${heart("41:41.25", 371.1, "scale=320:180,crop=192:144")}[brief]`;
  const both = "[calm][long]overlay=eof_action=pass[one];[one][brief]overlay=x=64:y=18:eof_action=pass";
  const second = ["-i", fixture("world-a.mp4"), "-i", fixture("world-a.mp4")];
  const film = made_of("twice.mp4", "320:180", 20, 600, `[calm];${lasting};${brief};${both}`, ...second);
  await open(page);
  await pick(page, film);
  await expect(page.getByTestId("timeline")).toHaveAttribute("data-state", "ready", { timeout: 300_000 });
  const { item } = await watch(page, "When does the red heart appear?");
  await expect(item.getByTestId("span-chip")).toHaveCount(2);
  const times = await item.getByTestId("span-chip").evaluateAll((chips) => chips.map((chip) => [chip.dataset.startUs, chip.dataset.endUs].map((us) => Number(us) / 1e6)));
  for (const [i, [start, end]] of [[100, 107.6], [371.1, 371.35]].entries()) {
    expect(Math.abs(times[i][0] - start)).toBeLessThanOrEqual(0.3);
    expect(Math.abs(times[i][1] - end)).toBeLessThanOrEqual(0.3);
  }
  // A line each, and the same after a reload.
  const answer = item.getByTestId("answer");
  const text = await answer.innerText();
  await page.reload();
  await expect(page.getByTestId("answer").first()).toHaveText(text, { useInnerText: true });
});

test("the moments of an answer are looked at closer, with frames that are kept", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const { item, said } = await watch(page, "When does the orange square appear?");
  expect(said.join("\n")).toContain("Looking closer at 0:");
  const round = item.getByTestId("round-note").first();
  await expect(round).toContainText(/looked closer at 0:\d\d–0:\d\d.* · [1-9]\d* frames fetched/);
  // What it took is stored with the question.
  await page.reload();
  await expect(page.getByTestId("round-note").first()).toContainText("looked closer at");
  // The frames are there now: the same question asks for none that came before.
  const again = await watch(page, "When does the orange square appear?");
  await expect(again.item.getByTestId("round-note").first()).toContainText(" · 0 frames fetched");
});

test("in a film of two hours the right minute is found, and then the right second", async ({ page }) => {
  test.setTimeout(900_000);
  // The red heart of the other fixture, eight seconds, at 1:13:07.
  const heart = "[calm];[1]trim=38.6:46.2,setpts=PTS-STARTPTS+4387/TB,fps=4,scale=192:108[heart];[calm][heart]overlay=eof_action=pass";
  const film = made_of("two-hours.mp4", "192:108", 4, 7200, heart, "-i", fixture("world-a.mp4"));
  await open(page);
  await pick(page, film);
  await expect(page.getByTestId("timeline")).toHaveAttribute("data-state", "ready", { timeout: 600_000 });
  // Thousands of segments are drawn as some hundred blocks: as elements each they cost a third of a gigabyte.
  expect(await page.getByTestId("segment").count()).toBeLessThan(400);
  const { item, said } = await watch(page, "When does the red heart appear?");
  expect(said.filter((line) => /^Searching .* of 7\d$/.test(line)).length).toBeGreaterThan(0);
  expect(said.join("\n")).toContain("Looking closer at 1:1");
  const [start, end] = await span(item);
  expect(Math.floor(start / 60)).toBe(73);
  expect(Math.abs(start - 4387)).toBeLessThanOrEqual(0.5);
  expect(Math.abs(end - 4394.6)).toBeLessThanOrEqual(0.5);
  await expect(item.getByTestId("span-chip").first()).toHaveText(/^1:13:0\d\.\d–1:13:1\d\.\d/);
});

test("without its file a video is not looked at closer, and the page says what for", async ({ page, browser }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const other = await browser.newPage();
  await open(other, new URL(page.url()).pathname);
  const { item } = await watch(other, "When does the orange square appear?");
  await expect(item.getByTestId("span-chip").first()).toBeVisible();
  await expect(item.getByTestId("round-note")).toContainText("The video file is needed to look closer");
  await other.close();
});

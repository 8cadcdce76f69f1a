// What the browser cannot decode, the server decodes: asked first, sent in pieces, and afterwards a video like any other.
// TIMEPIN_SHOTS=folder keeps the pictures.
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { ask, converted, difference, everyHalfSecond, expect, ffprobe, fixture, indexed, open, pick, snapshot, span, test, truth, videoId } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;
const accept = (page: Page) => page.getByTestId("offer-accept").click();
const row = (page: Page, name: string): Locator => page.getByTestId("ingest").filter({ hasText: name });

/** Nine megabytes, three pieces: pictures that are compressed one by one and without loss. */
const large = (name: string) => converted(name, "-an", "-c:v", "ffvhuff", "-t", "8");

const films: [string, string[], RegExp][] = [
  ["film.asp.avi", ["-an", "-c:v", "mpeg4", "-vtag", "XVID", "-bf", "2", "-q:v", "2"], /MPEG-4 Visual.*AVI/],
  ["film.hevc.mp4", ["-an", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "18", "-x265-params", "log-level=none", "-tag:v", "hvc1"], /HEVC.*MP4/],
];

for (const [name, how, why] of films) {
  test(`${name} is decoded by the server once the user agrees, and answers questions`, async ({ page }) => {
    const path = converted(name, ...how);
    await open(page);
    await pick(page, path);
    await expect(page.getByTestId("offer")).toContainText(why);
    await expect(page.getByTestId("offer-accept")).toContainText(/[\d.]+ [kM]B will be sent/);
    await expect(page.getByTestId("offer")).toContainText("deletes it afterwards");
    await accept(page);
    await expect(page).toHaveURL(/\/v\/[0-9a-f-]{36}$/);
    await indexed(page);
    // The frames that `demux` finds, whichever way they came.
    const times = name.endsWith("avi") ? await probed(path) : ffprobe(path);
    expect((await snapshot(page)).frames).toEqual(everyHalfSecond(times));
    await expect(page.getByTestId("still")).toBeVisible();
    await expect(page.getByTestId("stage-note")).toContainText("cannot play");

    const wanted = truth("world-b").questions.find((q) => q.kind === "when" && q.lang === "en")!;
    const item = await ask(page, wanted.question);
    const [start, end] = await span(item);
    expect(Math.abs(start - wanted.span![0])).toBeLessThanOrEqual(1);
    expect(Math.abs(end - wanted.span![1])).toBeLessThanOrEqual(1);
    // A chip moves the playhead, and the frame of that moment is shown.
    const before = await page.getByTestId("still").getAttribute("src");
    await item.getByTestId("span-chip").first().click();
    await expect(page.getByTestId("still")).not.toHaveAttribute("src", before!);
    await expect.poll(() => page.getByTestId("still").evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    await expect(page.getByTestId("thumb").first()).toBeVisible();

    // After a reload nothing is asked for: there is no file that would help.
    await page.reload();
    await page.locator("html[data-hydrated]").waitFor();
    await expect(page.getByTestId("question-item")).toHaveCount(1);
    await expect(page.getByTestId("repick")).toHaveCount(0);
    await expect(page.getByTestId("stage-note")).toContainText("cannot play");
  });
}

/** Times of a file as `timepin probe` lists them, which the browser's demuxer finds too. */
async function probed(path: string): Promise<number[]> {
  const { execFileSync } = await import("node:child_process");
  const report = JSON.parse(execFileSync(process.env.TIMEPIN_BINARY!, ["probe", "--frames", "--json", path], { encoding: "utf8", maxBuffer: 64 << 20 }));
  return report.frames.map((frame: { pts_us: number }) => frame.pts_us);
}

test("an upload that is cut goes on after a reload where it stopped", async ({ page }) => {
  const path = large("cut.avi");
  let pieces = 0;
  // The second piece never arrives: the line is dead until the page is loaded again.
  await page.route("**/api/append_upload", async (route) => {
    pieces += 1;
    if (pieces !== 2) await route.continue();
  });
  await open(page);
  await pick(page, path);
  await accept(page);
  await expect(row(page, "cut.avi").getByTestId("ingest-facts")).toContainText(/4\.2 MB of/);
  await expect(row(page, "cut.avi").getByTestId("upload-pause")).toBeVisible();
  if (shots) await page.screenshot({ path: join(shots, "fallback-sending.png") });
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(row(page, "cut.avi")).toContainText("Interrupted");
  await expect(row(page, "cut.avi")).toContainText(/4\.2 MB of/);
  if (shots) await page.screenshot({ path: join(shots, "fallback-interrupted.png") });
  // Another file is not taken for it; the right one needs no second consent.
  await row(page, "cut.avi").getByTestId("upload-input").setInputFiles(fixture("world-b.mp4"));
  await expect(page.getByTestId("error")).toContainText("not the file");
  await row(page, "cut.avi").getByTestId("upload-input").setInputFiles(path);
  await expect(page).toHaveURL(/\/v\//);
  await indexed(page);
  // Three pieces, one of them sent in vain: the first was not sent again.
  expect(pieces).toBe(4);
});

test("an upload can be paused, resumed and cancelled, and leaves nothing", async ({ page }) => {
  await page.route("**/api/append_upload", async (route) => {
    await new Promise((go) => setTimeout(go, 1_500));
    await route.continue().catch(() => {});
  });
  await open(page);
  await pick(page, large("unwanted.avi"));
  await accept(page);
  const upload = row(page, "unwanted.avi");
  await upload.getByTestId("upload-pause").click();
  await expect(upload).toContainText("Paused");
  await upload.getByTestId("upload-resume").click();
  await expect(upload).toContainText("Sending");
  await upload.getByTestId("ingest-cancel").click();
  await expect(upload).toHaveCount(0);
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("dropzone")).toBeVisible();
  await expect(upload).toHaveCount(0);
});

test("the offer can be refused, and what FFmpeg cannot read either is told", async ({ page }) => {
  await open(page);
  await pick(page, { name: "tape.mxf", mimeType: "application/mxf", buffer: Buffer.from("no tape, only words\n".repeat(99)) });
  await page.getByTestId("offer-refuse").click();
  await expect(page.getByTestId("offer")).toHaveCount(0);
  await pick(page, { name: "tape.mxf", mimeType: "application/mxf", buffer: Buffer.from("no tape, only words\n".repeat(99)) });
  await accept(page);
  const tape = row(page, "tape.mxf");
  await expect(tape).toHaveAttribute("data-state", "failed");
  await expect(tape.getByTestId("error")).toContainText("FFmpeg cannot read this file either");
  await page.getByTestId("lang-switch").click();
  await expect(tape.getByTestId("error")).toContainText("FFmpeg 也无法读取该文件");
  await tape.getByTestId("ingest-cancel").click();
  await expect(tape).toHaveCount(0);
});

test.describe("the server's own", () => {
  // The refusal is an HTTP status, which the browser logs by itself.
  test.use({ allowed: [/Failed to load resource: the server responded with a status of 403/] });

  test("a video of the server's folder is one click away, and a private address is refused", async ({ page }) => {
    await open(page);
    await pick(page, fixture("world-b.mp4"));
    await indexed(page);
    const here = videoId(page);
    await open(page);
    await page.getByTestId("server-source").locator("summary").click();
    await page.getByTestId("url-input").fill("http://10.0.0.8/film.mp4");
    await page.getByTestId("url-open").click();
    await expect(page.getByTestId("error")).toContainText("private network");
    await page.getByTestId("server-file").filter({ hasText: "world-b.mp4" }).click();
    await expect(page).toHaveURL(new RegExp(`/v/(?!${here})`));
    await indexed(page);
    await expect(page.getByTestId("stage-note")).toContainText("on the server");
    const times = everyHalfSecond(ffprobe(fixture("world-b.mp4")));
    expect((await snapshot(page)).frames).toEqual(times);
    // Another decoder, scaler and encoder: 1.7 levels of 255 at most, where half a second later is mostly over four.
    expect(await difference(page, here, videoId(page), times)).toBeLessThan(2);
  });
});

for (const [name, width, height] of [["desktop", 1280, 800], ["phone", 390, 844]] as const) {
  for (const scheme of ["light", "dark"] as const) {
    for (const lang of ["en", "zh"] as const) {
      test(`fallback, ${name}, ${scheme}, ${lang}: nothing spills over the edge`, async ({ browser, baseURL }) => {
        const locale = lang === "zh" ? "zh-CN" : "en-GB";
        const context = await browser.newContext({ baseURL, viewport: { width, height }, colorScheme: scheme, locale });
        const page = await context.newPage();
        const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
        const shoot = async (what: string) => shots && page.screenshot({ path: join(shots, `fallback-${what}-${name}-${scheme}-${lang}.png`) });
        await page.route("**/api/append_upload", async (route) => {
          await new Promise((go) => setTimeout(go, 1_500));
          await route.continue().catch(() => {});
        });
        await open(page);
        await pick(page, large(`holiday-${name}-${scheme}-${lang}.avi`));
        await expect(page.getByTestId("offer")).toBeVisible();
        await page.getByTestId("server-source").locator("summary").click();
        await expect(page.getByTestId("server-file").first()).toBeVisible();
        await page.getByTestId("offer").scrollIntoViewIfNeeded();
        expect(await fits()).toBe(true);
        await shoot("offer");
        await accept(page);
        await expect(page.getByTestId("ingest-facts")).toContainText(/\/(s|秒)/);
        expect(await fits()).toBe(true);
        await page.getByTestId("ingest").scrollIntoViewIfNeeded();
        await shoot("sending");
        await page.getByTestId("ingest-cancel").click();
        await expect(page.getByTestId("ingest")).toHaveCount(0);
        await pick(page, converted(`small-${name}-${scheme}-${lang}.avi`, "-an", "-c:v", "mpeg4", "-q:v", "2"));
        await accept(page);
        await expect(page).toHaveURL(/\/v\//);
        await indexed(page);
        expect(await fits()).toBe(true);
        await shoot("workbench");
        await context.close();
      });
    }
  }
}

// A browser without WebCodecs: frames come from a <video> element, with the times and the pictures of the usual way.
import type { Page } from "@playwright/test";
import { converted, difference, everyHalfSecond, expect, ffprobe, indexed, open, pick, snapshot, test, videoId } from "./timepin";

const without = 'delete self.VideoDecoder; if ("VideoDecoder" in self) throw new Error("there is a decoder still");';

/** Takes the decoder away from every Worker of the page, as in a browser that has none; counts those Workers. */
async function withoutDecoder(page: Page) {
  const workers = { count: 0 };
  await page.route("**/worker.js", async (route) => {
    workers.count += 1;
    const response = await route.fetch();
    await route.fulfill({ response, body: `${without}\n${await response.text()}` });
  });
  return workers;
}

const films: [string, string[]][] = [
  ["element.b-frames.mp4", ["-an", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "48", "-t", "10"]],
  ["element.cut.mp4", ["-ss", "1.3", "-c", "copy", "-t", "8"]],
  ["element.vp9.webm", ["-an", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-r", "24000/1001", "-t", "8"]],
];

for (const [name, how] of films) {
  test(`${name} gives the same frames without WebCodecs`, async ({ page }) => {
    const path = converted(name, ...how);
    await open(page);
    await pick(page, path);
    await indexed(page);
    const [usual, times] = [videoId(page), (await snapshot(page)).frames];

    const workers = await withoutDecoder(page);
    await open(page);
    await pick(page, path);
    await expect(page).toHaveURL(new RegExp(`/v/(?!${usual})`));
    await indexed(page);
    expect(workers.count).toBeGreaterThan(0);
    expect((await snapshot(page)).frames).toEqual(times);
    expect(await difference(page, usual, videoId(page), times)).toBeLessThan(2);
  });
}

test("a run from an element is stopped and resumed like any other", async ({ page }) => {
  const path = converted("element.stopped.mp4", "-an", "-c:v", "libx264", "-preset", "ultrafast");
  await withoutDecoder(page);
  let held = true;
  await page.route("**/api/append_frames", async (route) => {
    while (held) await new Promise((go) => setTimeout(go, 50));
    await route.continue().catch(() => {});
  });
  await open(page);
  await pick(page, path);
  await page.getByTestId("cancel").click();
  held = false;
  await page.getByTestId("resume").click();
  await indexed(page);
  expect((await snapshot(page)).frames).toEqual(everyHalfSecond(ffprobe(path)));
});

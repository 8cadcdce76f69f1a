// A browser without WebCodecs: frames come from a <video> element, with the times and the pictures of the usual way.
import type { Page } from "@playwright/test";
import { converted, everyHalfSecond, expect, ffprobe, indexed, open, pick, snapshot, test } from "./timepin";

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

/** The largest mean difference of two frames of one time, in levels of 255. */
function difference(page: Page, one: string, two: string, times: number[]): Promise<number> {
  return page.evaluate(
    async ({ one, two, times }) => {
      const pixels = async (address: string) => {
        const image = await createImageBitmap(await (await fetch(address)).blob());
        const context = new OffscreenCanvas(image.width, image.height).getContext("2d")!;
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height).data;
      };
      let worst = 0;
      for (const time of times) {
        const [a, b] = await Promise.all([pixels(`/frames/${one}/${time}`), pixels(`/frames/${two}/${time}`)]);
        if (a.length !== b.length) return 255;
        worst = Math.max(worst, a.reduce((sum, level, i) => sum + Math.abs(level - b[i]), 0) / a.length);
      }
      return worst;
    },
    { one, two, times },
  );
}

const id = (page: Page) => new URL(page.url()).pathname.split("/").pop()!;

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
    const [usual, times] = [id(page), (await snapshot(page)).frames];

    const workers = await withoutDecoder(page);
    await open(page);
    await pick(page, path);
    await expect(page).toHaveURL(new RegExp(`/v/(?!${usual})`));
    await indexed(page);
    expect(workers.count).toBeGreaterThan(0);
    expect((await snapshot(page)).frames).toEqual(times);
    expect(await difference(page, usual, id(page), times)).toBeLessThan(2);
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

// Where shots begin stands on the timeline, at the first frame of each, and stays after a reload.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { expect, indexed, open, pick, test } from "./timepin";

/** Four shots of 25 frames a second: 51, 77, 30 and 60 frames; the third moves fast, a flash of four frames is in the last. */
function film(path: string): void {
  const source = (lavfi: string) => ["-f", "lavfi", "-i", lavfi];
  const flash = "drawbox=c=white:t=fill:enable='between(n,30,33)'";
  execFileSync("ffmpeg", [
    ...["-hide_banner", "-loglevel", "error", "-y"],
    ...source("testsrc2=s=640x360:r=25:d=2.04"),
    ...source("smptebars=s=640x360:r=25:d=3.08"),
    ...source("mandelbrot=s=640x360:r=25:start_scale=2:end_scale=0.01"),
    ...source("color=0x204060:s=640x360:r=25:d=2.4"),
    ...["-filter_complex", `[2]trim=end_frame=30[c];[3]${flash}[d];[0][1][c][d]concat=n=4,format=yuv420p`],
    ...["-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-movflags", "+faststart", path],
  ]);
}

test("shots begin on the timeline where they begin in the film", async ({ page }, info) => {
  const path = info.outputPath("shots.mp4");
  mkdirSync(dirname(path), { recursive: true });
  film(path);
  await open(page);
  await pick(page, path);
  await indexed(page);
  const cuts = () => page.getByTestId("cut").evaluateAll((all) => all.map((cut) => Number((cut as HTMLElement).dataset.ptsUs)));
  await expect.poll(cuts).toEqual([2_040_000, 5_120_000, 6_320_000]);
  await page.reload();
  await expect.poll(cuts).toEqual([2_040_000, 5_120_000, 6_320_000]);
});

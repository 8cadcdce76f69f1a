// One clip in the containers people have: each is read in the browser, with the times ffprobe prints.
import { converted, everyHalfSecond, expect, ffprobe, indexed, open, pick, snapshot, test } from "./timepin";

const files: [string, string[]][] = [
  ["clip.mkv", ["-c", "copy"]],
  ["clip.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]],
  ["clip.avi", ["-c:v", "libx264", "-bf", "0"]],
  ["clip.ts", ["-c", "copy"]],
  ["clip.m2ts", ["-c", "copy", "-mpegts_m2ts_mode", "1"]],
];

for (const [name, how] of files) {
  test(`${name} is read with the times of its container`, async ({ page }) => {
    const path = converted(name, ...how);
    const times = ffprobe(path);
    // The clock of a transport stream begins anywhere; here it begins at zero, as in players.
    const origin = name.endsWith("ts") ? times[0] : 0;
    await open(page);
    await pick(page, path);
    await indexed(page);
    expect((await snapshot(page)).frames).toEqual(everyHalfSecond(times.map((pts) => pts - origin)));
  });
}

test("a codec that no browser decodes is named with its container", async ({ page }) => {
  await open(page);
  await pick(page, converted("clip.mpeg2.ts", "-c:v", "mpeg2video", "-t", "2"));
  await expect(page.getByTestId("error").first()).toContainText(/MPEG-2.*MPEG-TS/);
});

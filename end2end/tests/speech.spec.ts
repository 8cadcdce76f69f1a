// Speech: the sound of a file in the browser goes to the server in pieces and comes back as lines with times. The model is the golden
// one of `crates/speech`: real in everything but what it learned, so words are nonsense and times are not.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { converted, expect, indexed, open, pick, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

/** A warble of three seconds every ten, beside the short clip's pictures. */
const warble = "aevalsrc=0.4*sin(880*t)*sin(9*t)*lt(mod(t\\,10)\\,3):d=24:s=44100:c=stereo";
const spoken = (name: string, ...how: string[]) => converted(name, "-f", "lavfi", "-i", warble, "-map", "0:v", "-map", "1:a", ...how);
const film = () => spoken("spoken.mp4", "-c:v", "copy", "-c:a", "aac");

const cue = (page: Page) => page.getByTestId("cue");

/** When the lines begin, in seconds. */
const starts = (page: Page) =>
  cue(page).evaluateAll((lines) => lines.map((line) => Number(line.getAttribute("data-start-us")) / 1e6));

/** Whether every line begins while somebody speaks. */
const placed = (times: number[]) => times.filter((time) => time % 10 > 3.3 && time % 10 < 9.7);

/** Lets so many pieces through and holds the others; gives the way to let them go. */
async function hold(page: Page, most: number) {
  let [passed, open] = [0, false];
  const waiting: (() => void)[] = [];
  await page.route("**/api/hear", async (route) => {
    // A question where to go on has no sound with it.
    const asks = (route.request().postDataBuffer()?.length ?? 0) < 200;
    if (!asks && !open && ++passed > most) await new Promise<void>((go) => waiting.push(go));
    await route.continue().catch(() => undefined);
  });
  return () => {
    open = true;
    waiting.splice(0).forEach((go) => go());
  };
}

/** Waits until two pieces are heard and their lines are there; when those begin. */
async function halfway(page: Page): Promise<number[]> {
  const facts = page.getByTestId("hearing-facts");
  await expect(facts).toContainText(/0:20 of 0:2[34]/);
  const [, lines] = (await facts.textContent())!.match(/(\d+) subtitles/)!;
  await expect(cue(page)).toHaveCount(Number(lines));
  const times = await starts(page);
  expect(times.length).toBeGreaterThan(0);
  expect(Math.max(...times)).toBeLessThan(14);
  return times;
}

/** When all lines begin: the last are fetched once hearing is over, so they may come a moment after that is shown. */
async function heardOut(page: Page): Promise<number[]> {
  await expect.poll(async () => Math.max(...(await starts(page)))).toBeGreaterThan(19);
  return starts(page);
}

test("what is said becomes lines with times while it is heard, goes on after a reload, and is there for good", async ({ page }) => {
  const release = await hold(page, 2);
  await open(page);
  await pick(page, film());
  await indexed(page);
  await page.getByTestId("hear").click();
  await expect(page.getByTestId("hearing")).toHaveAttribute("data-state", "listening");
  const before = await halfway(page);
  if (shots) await page.screenshot({ path: join(shots, "hearing.png") });

  // The tab is gone and comes back: lines and progress are there, the sound is not until the file is.
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(cue(page)).toHaveCount(before.length);
  await expect(page.getByTestId("hearing-needs-file")).toBeVisible();
  release();
  await pick(page, film());
  await expect(page.getByTestId("hearing")).toHaveCount(0, { timeout: 60_000 });
  await expect(page.getByTestId("hear")).toHaveCount(0);
  const all = await heardOut(page);
  expect(all.slice(0, before.length)).toEqual(before);
  expect(placed(all)).toEqual([]);

  // A click on a line is there; after another reload nothing is missing and nothing is offered.
  await cue(page).last().getByRole("button").first().click();
  const time = () => page.getByTestId("player").evaluate((video) => (video as HTMLVideoElement).currentTime);
  await expect.poll(time).toBeCloseTo(all[all.length - 1], 1);
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(cue(page)).toHaveCount(all.length);
  await expect(page.getByTestId("hear")).toHaveCount(0);
});

test("it can be stopped, keeps what was heard, and goes on from there", async ({ page, allowed }) => {
  // The piece that was on its way when it was stopped has nowhere to go, which Chromium writes to the console.
  allowed.push(/404/);
  const release = await hold(page, 2);
  await open(page);
  await pick(page, spoken("spoken.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"));
  await indexed(page);
  await page.getByTestId("hear").click();
  const before = await halfway(page);
  await page.getByTestId("hearing-cancel").click();
  await expect(page.getByTestId("hearing-end")).toContainText("What was heard stays");
  await expect(page.getByTestId("hear")).toHaveText("Go on transcribing");
  expect(await starts(page)).toEqual(before);
  release();
  await page.getByTestId("hear").click();
  await expect(page.getByTestId("hearing")).toBeVisible();
  await expect(page.getByTestId("hearing")).toHaveCount(0, { timeout: 60_000 });
  const all = await heardOut(page);
  expect(all.slice(0, before.length)).toEqual(before);
  expect(placed(all)).toEqual([]);
});

test("a file without sound, and sound that no browser decodes, are told", async ({ page }) => {
  await open(page);
  await pick(page, converted("mute.mp4", "-an", "-c:v", "copy"));
  await indexed(page);
  await page.getByTestId("hear").click();
  await expect(page.getByTestId("transcript").getByTestId("error")).toContainText("no sound in this file");
  await expect(page.getByTestId("hearing")).toHaveCount(0);
  await page.goto("/");
  await page.locator("html[data-hydrated]").waitFor();
  await pick(page, spoken("spoken.dts.mkv", "-c:v", "copy", "-c:a", "dca", "-strict", "-2", "-ac", "2", "-ar", "48000"));
  await indexed(page);
  await page.getByTestId("hear").click();
  await expect(page.getByTestId("transcript").getByTestId("error")).toContainText(/DTS.*Matroska/);
});

/** Kinds of sound, and how near the browser's numbers come to FFmpeg's: decoders that round differently are not the same to the bit. */
const kinds: [string, number, string[]][] = [
  ["chirp.aac.mp4", 60, ["-c:a", "aac"]],
  ["chirp.fragmented.mp4", 60, ["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"]],
  ["chirp.late.mp4", 60, ["-c:a", "aac", "-af", "atrim=start=1.5"]],
  ["chirp.opus.mp4", 40, ["-c:a", "libopus"]],
  ["chirp.flac.mp4", 70, ["-c:a", "flac", "-strict", "-2"]],
  ["chirp.mp3.mp4", 40, ["-c:a", "libmp3lame"]],
  ["chirp.pcm.mov", 70, ["-c:a", "pcm_s16le"]],
  ["chirp.aac.mkv", 60, ["-c:a", "aac"]],
  ["chirp.mp3.mkv", 40, ["-c:a", "libmp3lame"]],
  ["chirp.flac.mkv", 70, ["-c:a", "flac"]],
  ["chirp.opus.webm", 40, ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]],
  ["chirp.vorbis.webm", 40, ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"]],
];

/** Sound that is nowhere like itself: a rising tone that swells, another in the other ear. */
const chirp = "aevalsrc=0.3*sin(200*t*(10+t))*(1.2+sin(3*t))/2|0.2*sin(1500*t)*sin(2*t):d=6:s=44100";

/** The sound of a file as the page reads it, from a sample on. */
async function heard(page: Page, path: string, from = 0): Promise<Int16Array> {
  const file = readFileSync(path).toString("base64");
  const text = await page.evaluate(
    async ({ file, from }) => {
      const address = performance.getEntriesByType("resource").map((e) => e.name).find((name) => /\/pkg\/timepin.*\.js$/.test(name))!;
      const glue = await import(address);
      const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
      const sound: Uint8Array = await glue.read_sound(new File([bytes], "film"), from);
      let text = "";
      for (let at = 0; at < sound.length; at += 8192) text += String.fromCharCode(...sound.subarray(at, at + 8192));
      return btoa(text);
    },
    { file, from },
  );
  const bytes = Buffer.from(text, "base64");
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** The sound of a file as the server has FFmpeg decode it. */
function decoded(path: string): Int16Array {
  const how = ["-copyts", "-i", path, "-map", "0:a:0", "-af", "aresample=16000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-"];
  const bytes = execFileSync("ffmpeg", ["-nostdin", "-v", "error", ...how], { maxBuffer: 64 << 20 });
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** How much stronger the sound is than the difference of two readings when one is moved by so many samples, in decibels. */
function likeness(ours: Int16Array, theirs: Int16Array, by: number): number {
  let [signal, noise] = [0, 0];
  for (let n = 1000; n < theirs.length - 1000; n++) {
    signal += theirs[n] ** 2;
    noise += (theirs[n] - (ours[n + by] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / Math.max(noise, 1));
}

test("the page hears what FFmpeg hears, sample by sample, in every kind of file", async ({ page }) => {
  await open(page);
  for (const [name, least, how] of kinds) {
    const path = converted(name, "-f", "lavfi", "-i", chirp, "-map", "0:v", "-map", "1:a", "-t", "6", "-c:v", "copy", ...how);
    const [ours, theirs] = [await heard(page, path), decoded(path)];
    const shifts = Array.from({ length: 41 }, (_, n) => n - 20).sort((a, b) => likeness(ours, theirs, b) - likeness(ours, theirs, a));
    const found = { name, shift: shifts[0], decibels: Math.round(likeness(ours, theirs, shifts[0])), longer: ours.length - theirs.length };
    if (process.env.TIMEPIN_TALK) console.log(JSON.stringify(found));
    expect.soft(found.shift, name).toBe(0);
    expect.soft(found.decibels, name).toBeGreaterThanOrEqual(least);
    expect.soft(Math.abs(found.longer), name).toBeLessThanOrEqual(3000);
    // Taken up in the middle it is the same; to the millisecond of its clock where Matroska's codec does not tell a packet's length.
    const [rest, tail] = [await heard(page, path, 50_000), ours.slice(50_000)];
    const coarse = name.endsWith("webm") ? 16 : 0;
    const near = Array.from({ length: 2 * coarse + 1 }, (_, n) => likeness(rest, tail, n - coarse));
    expect.soft(Math.abs(rest.length - tail.length), name).toBeLessThanOrEqual(coarse);
    expect.soft(Math.max(...near), name).toBeGreaterThanOrEqual(coarse ? 20 : 70);
  }
});

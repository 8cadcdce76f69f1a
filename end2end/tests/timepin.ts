// What every story shares: a page that fails on console messages, the fixtures' truth, and the user's moves by name.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Locator, type Page } from "@playwright/test";

const here = dirname(fileURLToPath(import.meta.url));

export type Question = { question: string; lang: "en" | "zh"; kind: string; answer: string; span: [number, number] | null };
export type Truth = { duration_s: number; questions: Question[] };

export const fixture = (name: string) => join(here, "..", "fixtures", name);
export const truth = (name: string): Truth => JSON.parse(readFileSync(fixture(`${name}.json`), "utf8"));

/** Console messages a story is allowed to cause, by story. Anything else at level warning or error fails it. */
export const test = base.extend<{ allowed: RegExp[] }>({
  allowed: [[], { option: true }],
  page: async ({ page, allowed }, use) => {
    const heard: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) heard.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => heard.push(`uncaught: ${error.message}`));
    await use(page);
    expect(heard.filter((line) => !allowed.some((pattern) => pattern.test(line)))).toEqual([]);
  },
});

export { expect };

/** Where films for these stories are made. */
export const made = mkdtempSync(join(tmpdir(), "timepin-films-"));

/** A fixture as another file, made once. */
export function film(from: string, name: string, ...how: string[]): string {
  const path = join(made, name);
  if (!existsSync(path)) execFileSync("ffmpeg", ["-nostdin", "-loglevel", "error", "-y", "-i", fixture(from), ...how, path]);
  return path;
}

/** The short clip as another file. */
export const converted = (name: string, ...how: string[]): string => film("world-b.mp4", name, ...how);

/** Waits until the page is hydrated: before that, clicks fall on dead markup. */
export async function open(page: Page, path = "/") {
  await page.goto(path);
  await page.locator("html[data-hydrated]").waitFor();
}

/** Puts a file into the picker and waits for the workbench. */
export async function pick(page: Page, file: string | { name: string; mimeType: string; buffer: Buffer }) {
  await page.getByTestId("file-input").first().setInputFiles(file);
}

/** Drops a file on the dropzone as a person does, through a real DataTransfer. */
export async function drop(page: Page, path: string, name: string) {
  const bytes = readFileSync(path).toString("base64");
  const transfer = await page.evaluateHandle(
    ({ bytes, name }) => {
      const data = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([data], name, { type: "video/mp4" }));
      return transfer;
    },
    { bytes, name },
  );
  const zone = page.getByTestId("dropzone");
  await zone.dispatchEvent("dragenter", { dataTransfer: transfer });
  await zone.dispatchEvent("dragover", { dataTransfer: transfer });
  await zone.dispatchEvent("drop", { dataTransfer: transfer });
}

/** Waits until every segment of the open video is encoded. */
export async function indexed(page: Page) {
  await expect(page.getByTestId("timeline")).toHaveAttribute("data-state", "ready", { timeout: 90_000 });
}

/** Asks and waits for the end of the answer; gives the item of the history. */
export async function ask(page: Page, question: string): Promise<Locator> {
  const before = await page.getByTestId("question-item").count();
  await page.getByTestId("question-input").fill(question);
  await page.getByTestId("ask").click();
  await expect(page.getByTestId("question-item")).toHaveCount(before + 1);
  const item = page.getByTestId("question-item").filter({ hasText: question }).last();
  await expect(item).toHaveAttribute("data-complete", "true", { timeout: 60_000 });
  return item;
}

/** Start and end of an item's first span chip, in seconds. */
export async function span(item: Locator): Promise<[number, number]> {
  const chip = item.getByTestId("span-chip").first();
  const read = async (name: string) => Number(await chip.getAttribute(name)) / 1e6;
  return [await read("data-start-us"), await read("data-end-us")];
}

/** Presentation times of all frames in microseconds, ascending; those of its packets where a container (AVI) has none. */
export function ffprobe(path: string): number[] {
  const args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path];
  const lines = execFileSync("ffprobe", args, { encoding: "utf8" }).split("\n").filter(Boolean);
  return lines.map((line) => Math.round(parseFloat(line) * 1e6)).sort((a, b) => a - b);
}

/** What a player shows every half second, of frames at these times. */
export function everyHalfSecond(shown: number[]): number[] {
  const wanted: number[] = [];
  for (let at = 0; at <= shown[shown.length - 1]; at += 500_000) wanted.push(shown.filter((pts) => pts <= at).pop() ?? shown[0]);
  return wanted;
}

/** The first line of the open video's progress stream, which goes on after it. */
export async function snapshot(page: Page) {
  const video = videoId(page);
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

/** The open video's name. */
export const videoId = (page: Page) => new URL(page.url()).pathname.split("/").pop()!;

/** The largest mean difference of two frames of one time, in levels of 255. */
export function difference(page: Page, one: string, two: string, times: number[]): Promise<number> {
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

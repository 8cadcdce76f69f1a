// How long after dropping a file there are pictures over the whole timeline, and the first answer; and how long everything takes.
//
//   timepin serve --address 127.0.0.1:8199 --data FOLDER & node benches/first_answer.mjs --url http://127.0.0.1:8199/ --file FILE
//
// FILE comes from benches/clips.sh. What the peer needs before anything can be asked is in benches/extraction, at the same frames a
// second (--fps, printed here). Playwright is the one of end2end.
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:8080/" },
    file: { type: "string" },
    question: { type: "string", default: "List the events" },
    whole: { type: "boolean", default: false },
  },
});
if (!values.file) throw new Error("say --file FILE (see the head of this script)");

const { chromium } = createRequire(path.join(root, "end2end/package.json"))("playwright-core");
const flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags.split(" ") });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(values.url);
await page.locator("html[data-hydrated]").waitFor();

const start = performance.now();
const say = (what) => console.log(`${((performance.now() - start) / 1000).toFixed(2).padStart(8)} s  ${what}`);
console.log(`${path.basename(values.file)}, ${os.cpus().length} × ${os.cpus()[0]?.model}, load ${os.loadavg()[0].toFixed(1)}`);
await page.getByTestId("file-input").first().setInputFiles(values.file);
await page.waitForURL(/\/v\//);
say("workbench");
await page.getByTestId("thumb").first().waitFor({ timeout: 600_000 });
say("first picture");
// A picture that is shown, in every tenth of the timeline.
await page.waitForFunction(
  () => {
    const strip = document.querySelector(".tl-canvas").getBoundingClientRect();
    const boxes = [...document.querySelectorAll("[data-testid=thumb]")]
      .filter((thumb) => thumb.complete && thumb.naturalWidth > 0)
      .map((thumb) => thumb.getBoundingClientRect());
    const edge = (tenth) => strip.left + (tenth / 10) * strip.width;
    return Array.from({ length: 10 }, (_, i) => boxes.some((box) => box.right > edge(i) && box.left < edge(i + 1))).every(Boolean);
  },
  undefined,
  { timeout: 600_000, polling: 50 },
);
say("pictures over the whole timeline");
await page.getByTestId("question-input").fill(values.question);
await page.getByTestId("ask").click();
say("asked");
await page.waitForFunction(() => document.querySelector("[data-testid=answer]")?.textContent.trim(), undefined, { timeout: 600_000, polling: 20 });
say("first word of the answer");
await page.locator("[data-testid=question-item][data-complete=true]").waitFor({ timeout: 600_000 });
const note = await page.getByTestId("coarse-note").textContent().catch(() => "");
say(`answer complete${note ? `: ${note}` : ""}`);
if (values.whole) {
  await page.locator("[data-testid=timeline][data-state=ready]").waitFor({ timeout: 1_200_000 });
  say("everything read and encoded");
}
await browser.close();

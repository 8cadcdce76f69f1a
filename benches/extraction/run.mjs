// Browser extraction against mediabunny and the bare decoder, in the same page and run.
//
//   node benches/extraction/run.mjs --file FILE [--pkg target/site/pkg] [--fps 0.5,1,2] [--rounds 1] [--out FILE.json]
//
// The page's code is what `cargo leptos build --release` left in --pkg; FILE comes from benches/clips.sh. Playwright is the
// one of end2end, mediabunny is installed in benches (npm ci).
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const { values } = parseArgs({
  options: {
    pkg: { type: "string", default: path.join(root, "target/site/pkg") },
    file: { type: "string" },
    fps: { type: "string", default: "0.5,1,2" },
    rounds: { type: "string", default: "1" },
    out: { type: "string", default: "" },
  },
});
if (!values.file) throw new Error("say --file FILE (see the head of this script)");

const { chromium } = createRequire(path.join(root, "end2end/package.json"))("playwright-core");
const peer = path.join(root, "benches/node_modules/mediabunny/dist/bundles/mediabunny.min.mjs");
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** The built script or module: its name carries a hash. */
function built(extension) {
  return path.join(values.pkg, fs.readdirSync(values.pkg).find((name) => name.startsWith("timepin") && name.endsWith(extension)));
}

function located(url) {
  if (url === "/") return path.join(here, "index.html");
  if (url === "/mediabunny.mjs") return peer;
  if (url === "/worker.js") return path.join(root, "public/worker.js");
  if (url.startsWith("/pkg/")) return built(path.extname(url));
  return path.join(here, path.basename(url));
}

const server = http.createServer((request, response) => {
  const file = located(new URL(request.url, "http://localhost").pathname);
  fs.readFile(file, (error, data) => {
    response.writeHead(error ? 404 : 200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" });
    response.end(data);
  });
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags.split(" ") });
const page = await browser.newPage();
page.on("pageerror", (error) => console.error("page:", error.message));
page.on("console", (message) => message.type() === "error" && console.error("console:", message.text()));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction("window.measuring");
await page.setInputFiles("#file", values.file);

const probe = JSON.parse(await page.evaluate(() => timepin.probe(chosen())));
const seconds = probe.duration / 1e6;
const rows = [];
async function measure(name, fps, run) {
  const result = await run();
  const speed = seconds / (result.ms / 1000);
  rows.push({ name, fps, speed, ...result });
  const first = result.first ? ` first after ${(result.first / 1000).toFixed(2)} s` : "";
  const overview = result.overview ? `, overview after ${(result.overview / 1000).toFixed(2)} s` : "";
  console.log(`${name.padEnd(12)} ${String(fps).padStart(5)} fps  ${(result.ms / 1000).toFixed(1).padStart(7)} s  ${speed.toFixed(2).padStart(6)}× real time  ${result.frames} frames${first}${overview}`);
  return result;
}

console.log(`${path.basename(values.file)}: ${seconds.toFixed(1)} s, ${probe.width}×${probe.height}, ${probe.codec}, ${probe.frames} frames`);
for (let round = 0; round < Number(values.rounds); round += 1) {
  await measure("bare decoder", "all", () => page.evaluate(() => bare()));
  for (const fps of values.fps.split(",").map(Number)) {
    const mine = await measure("timepin", fps, () => page.evaluate((f) => ours(f), fps));
    const count = Math.ceil(seconds * fps);
    const theirs = await measure("mediabunny", fps, () => page.evaluate(([f, n]) => mediabunny(f, n), [fps, count]));
    console.log(`${"".padEnd(12)} ${"".padStart(5)}      timepin is ${(theirs.ms / mine.ms).toFixed(2)}× as fast; fed ${mine.cost.samples_fed} of ${probe.frames} samples, read ${(mine.cost.bytes_read / 1e6).toFixed(1)} MB`);
  }
}

// The times are right, or the speed means nothing.
const listed = await page.evaluate(() => timepin.list_frames(chosen()));
const arguments_ = "-v quiet -select_streams v:0 -show_frames -show_entries frame=pts_time -of csv=p=0".split(" ");
const lines = execFileSync("ffprobe", [...arguments_, values.file], { maxBuffer: 1 << 30 }).toString().split("\n");
const reference = lines.filter((line) => /^-?\d/.test(line)).map((line) => Math.round(Number.parseFloat(line) * 1e6));
const equal = listed.length === reference.length && listed.every((pts, i) => pts === reference[i]);
console.log(`timestamps ${equal ? "equal" : "DIFFER FROM"} ffprobe's (${reference.length} frames)`);

if (values.out) {
  const machine = { cpus: os.cpus().length, cpu: os.cpus()[0]?.model, browser: browser.version(), load: os.loadavg()[0] };
  const slim = rows.map(({ pts, ...row }) => row);
  fs.writeFileSync(values.out, `${JSON.stringify({ file: path.basename(values.file), probe, machine, equal, rows: slim }, null, 2)}\n`);
}
await browser.close();
server.close();
process.exitCode = equal ? 0 : 1;

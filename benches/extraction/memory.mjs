// What a tab takes while the product itself indexes files in it, one after another.
//
//   node benches/extraction/memory.mjs --binary target/release/timepin --file FILE [--times 1]
//
// FILE comes from benches/clips.sh (MINUTES=120 for two hours). Memory is what the page's process has for itself alone
// (Private_Clean + Private_Dirty of Linux), looked at twice a second: Worker, decoder, canvases and the wasm heap are in it.
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const { values } = parseArgs({
  options: {
    binary: { type: "string", default: path.join(root, "target/release/timepin") },
    file: { type: "string" },
    times: { type: "string", default: "1" },
    port: { type: "string", default: "8197" },
  },
});
if (!values.file) throw new Error("say --file FILE (see the head of this script)");
const { chromium } = createRequire(path.join(root, "end2end/package.json"))("playwright-core");

const data = fs.mkdtempSync(path.join(os.tmpdir(), "timepin-memory-"));
const server = spawn(values.binary, ["serve", "--address", `127.0.0.1:${values.port}`, "--data", data], { cwd: root, stdio: "ignore" });
process.on("exit", () => server.kill());
const home = `http://127.0.0.1:${values.port}/`;
for (let tries = 0; tries < 100 && !(await fetch(`${home}healthz`).catch(() => null))?.ok; tries += 1) await new Promise((go) => setTimeout(go, 200));

const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags.split(" ") });
const page = await browser.newPage();
page.on("pageerror", (error) => console.error("page:", error.message));
await page.goto(home);
await page.locator("html[data-hydrated]").waitFor();

/** Whether a process was started by this one, however indirectly. */
function isMine(pid) {
  while (pid > 1) {
    if (pid === process.pid) return true;
    pid = Number(fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ")[1]);
  }
  return false;
}

/** Megabytes that the largest of the browser's page processes has for itself. */
function taken() {
  const own = (pid) => {
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer") || !isMine(pid)) return 0;
      const sizes = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm);
      return [...sizes].reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0) / 1024;
    } catch {
      return 0; // It ended meanwhile.
    }
  };
  return Math.max(...fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => own(Number(name))));
}

/** Megabytes that live in the page's script heap, after a collection. */
async function heap() {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  return metrics.find((metric) => metric.name === "JSHeapUsedSize").value / 2 ** 20;
}

console.log(`${path.basename(values.file)}, ${browser.version()}, ${os.cpus().length} × ${os.cpus()[0]?.model}; before: ${taken().toFixed(0)} MB, heap ${(await heap()).toFixed(1)} MB`);
for (let time = 1; time <= Number(values.times); time += 1) {
  await page.goto(home);
  await page.locator("html[data-hydrated]").waitFor();
  const started = Date.now();
  await page.getByTestId("file-input").setInputFiles(values.file);
  let peak = 0;
  let first = 0;
  let told = 0;
  let state = "";
  while (state !== "ready") {
    await new Promise((go) => setTimeout(go, 500));
    peak = Math.max(peak, taken());
    state = await page.getByTestId("timeline").getAttribute("data-state", { timeout: 1_000 }).catch(() => "");
    if (!first && (await page.getByTestId("thumb").count()) > 0) first = Date.now() - started;
    // Films of hours take minutes: whoever waits sees how far it is.
    const minutes = Math.floor((Date.now() - started) / 60_000);
    if (minutes > told) {
      told = minutes;
      console.error(`   after ${minutes} min: now ${taken().toFixed(0)} MB, peak ${peak.toFixed(0)} MB`);
    }
  }
  console.log(`${time}: indexed after ${((Date.now() - started) / 1000).toFixed(0)} s, thumbnails after ${(first / 1000).toFixed(1)} s, peak ${peak.toFixed(0)} MB, afterwards ${taken().toFixed(0)} MB, heap ${(await heap()).toFixed(1)} MB`);
}
await browser.close();
server.kill();
fs.rmSync(data, { recursive: true, force: true });

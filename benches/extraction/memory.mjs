// What a tab takes while the product itself indexes files in it, one after another.
//
//   node benches/extraction/memory.mjs --binary target/release/timepin --file FILE [--times 1]
//
// FILE comes from benches/clips.sh (MINUTES=120 for two hours). Memory is what the page's process has for itself alone
// (Private_Clean + Private_Dirty of Linux), looked at twice a second: Worker, decoder, canvases and the wasm heap are in it.
// The browser is spoken to directly: what Playwright listens to makes it keep the body of every request, which grows the tab by
// what was sent, 200 MB in two hours.
import { spawn } from "node:child_process";
import fs from "node:fs";
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
const wait = (ms) => new Promise((go) => setTimeout(go, ms));

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "timepin-memory-"));
const server = spawn(values.binary, ["serve", "--address", `127.0.0.1:${values.port}`, "--data", path.join(scratch, "data")], { cwd: root, stdio: "ignore" });
const flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-back-forward-cache --remote-debugging-pipe";
const browser = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...flags.split(" "), `--user-data-dir=${path.join(scratch, "profile")}`, "about:blank"], {
  stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
});
process.on("exit", () => {
  browser.kill();
  server.kill();
});
const home = `http://127.0.0.1:${values.port}/`;
for (let tries = 0; tries < 100 && !(await fetch(`${home}healthz`).catch(() => null))?.ok; tries += 1) await wait(200);

// The browser's own protocol: JSON with a zero byte behind each, on two pipes.
const answers = new Map();
let heard = "";
browser.stdio[4].setEncoding("utf8").on("data", (text) => {
  const messages = (heard + text).split("\0");
  heard = messages.pop();
  for (const message of messages.map((message) => JSON.parse(message))) {
    answers.get(message.id)?.(message);
    answers.delete(message.id);
  }
});
let last = 0;
let session;
async function call(method, params = {}) {
  last += 1;
  const id = last;
  const answer = new Promise((done) => answers.set(id, done));
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  const { result, error } = await answer;
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

const { targetId } = await call("Target.createTarget", { url: "about:blank" });
session = (await call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
await call("Performance.enable");
const look = async (expression) => (await call("Runtime.evaluate", { expression, returnByValue: true })).result.value;

async function openHome() {
  await call("Page.navigate", { url: home });
  while (!(await look("document.documentElement.hasAttribute('data-hydrated')").catch(() => false))) await wait(100);
}

async function pick(file) {
  const { root: page } = await call("DOM.getDocument");
  const { nodeId } = await call("DOM.querySelector", { nodeId: page.nodeId, selector: "[data-testid=file-input]" });
  await call("DOM.setFileInputFiles", { files: [path.resolve(file)], nodeId });
}

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
  await call("HeapProfiler.collectGarbage");
  const { metrics } = await call("Performance.getMetrics");
  return metrics.find((metric) => metric.name === "JSHeapUsedSize").value / 2 ** 20;
}

await openHome();
const { product } = await call("Browser.getVersion");
console.log(`${path.basename(values.file)}, ${product}, ${os.cpus().length} × ${os.cpus()[0]?.model}; before: ${taken().toFixed(0)} MB, heap ${(await heap()).toFixed(1)} MB`);
for (let time = 1; time <= Number(values.times); time += 1) {
  await openHome();
  const started = Date.now();
  await pick(values.file);
  let [peak, first, told, state] = [0, 0, 0, ""];
  while (state !== "ready") {
    await wait(500);
    peak = Math.max(peak, taken());
    state = await look("document.querySelector('[data-testid=timeline]')?.dataset.state");
    if (!first && (await look("!!document.querySelector('[data-testid=thumb]')"))) first = Date.now() - started;
    // Films of hours take minutes: whoever waits sees how far it is.
    const minutes = Math.floor((Date.now() - started) / 60_000);
    if (minutes > told) {
      told = minutes;
      console.error(`   after ${minutes} min: now ${taken().toFixed(0)} MB, peak ${peak.toFixed(0)} MB`);
    }
  }
  const seconds = (ms, digits) => (ms / 1000).toFixed(digits);
  console.log(`${time}: indexed after ${seconds(Date.now() - started, 0)} s, thumbnails after ${seconds(first, 1)} s, peak ${peak.toFixed(0)} MB, afterwards ${taken().toFixed(0)} MB, heap ${(await heap()).toFixed(1)} MB`);
}
browser.kill();
server.kill();
await wait(500);
fs.rmSync(scratch, { recursive: true, force: true });
process.exit(0);

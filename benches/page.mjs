// What a first visit costs: bytes over the wire and the time until clicks are heard, in a fresh browser profile each round.
//
//   timepin serve --address 127.0.0.1:8199 --data FOLDER &
//   node benches/page.mjs --url http://127.0.0.1:8199/ [--rounds 7]
//
// The peer is the same page with nothing in it to start: an HTML document that sets the same mark from a one-line module.
import http from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { url: { type: "string" }, rounds: { type: "string", default: "7" } } });
if (!values.url) throw new Error("say --url (see the head of this script)");
const { chromium } = createRequire(new URL("../end2end/package.json", import.meta.url))("playwright-core");

const empty = `<!doctype html><title>empty</title><script type="module">document.documentElement.dataset.hydrated = ""</script>`;
const server = http.createServer((_, response) => response.setHeader("content-type", "text/html").end(empty));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function visit(url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const tools = await context.newCDPSession(page);
  await tools.send("Network.enable");
  const kinds = new Map();
  const bytes = { wasm: 0, all: 0 };
  tools.on("Network.responseReceived", (e) => kinds.set(e.requestId, e.response.mimeType));
  tools.on("Network.loadingFinished", (e) => {
    bytes.all += e.encodedDataLength;
    if (kinds.get(e.requestId) === "application/wasm") bytes.wasm += e.encodedDataLength;
  });
  const start = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
  const interactive = performance.now() - start;
  await page.waitForLoadState("networkidle");
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  await context.close();
  return { interactive, paint, ...bytes };
}

async function measure(name, url) {
  await visit(url);
  const rounds = [];
  for (let i = 0; i < Number(values.rounds); i += 1) rounds.push(await visit(url));
  const of = (key) => median(rounds.map((r) => r[key]));
  console.log(`${name.padEnd(10)} interactive ${of("interactive").toFixed(0)} ms, first paint ${of("paint").toFixed(0)} ms, ${(of("all") / 1000).toFixed(0)} kB in all, ${(of("wasm") / 1000).toFixed(0)} kB wasm`);
  return of("interactive");
}

const ours = await measure("timepin", values.url);
const theirs = await measure("empty page", `http://127.0.0.1:${server.address().port}/`);
console.log(`ratio ${(ours / theirs).toFixed(2)} (median of ${values.rounds}, each with an empty cache)`);
await browser.close();
server.close();

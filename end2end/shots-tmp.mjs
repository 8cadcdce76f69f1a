import { chromium } from "@playwright/test";
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const base = process.argv[2];
const p = await b.newPage({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
await p.goto(base); await p.locator("html[data-hydrated]").waitFor();
await p.getByTestId("file-input").setInputFiles("/tmp/w/films/film-10min-1.mp4");
await p.waitForURL(/\/v\//);
await p.waitForFunction(() => document.querySelector('[data-testid=timeline]')?.getAttribute("data-state") === "ready", null, { timeout: 300000 });
const ask = async (q) => {
  await p.getByTestId("question-input").fill(q); await p.getByTestId("ask").click();
  await p.waitForTimeout(2500); await p.screenshot({ path: `/tmp/w/shot-asking-${q.length}.png` });
  await p.waitForFunction(() => [...document.querySelectorAll('[data-testid=question-item]')].every(e => e.getAttribute("data-complete") === "true") && !document.querySelector('[data-testid=stop]'), null, { timeout: 200000 });
};
await ask("When does the word RIVER appear?"); await ask("When does the word FOREST appear?");
await p.screenshot({ path: "/tmp/w/shot-desk-light-en.png" });
const url = p.url();
for (const [name, w, h, dark, lang] of [["desk-dark-zh", 1280, 800, 1, 1], ["phone-light-en", 390, 844, 0, 0], ["phone-dark-zh", 390, 844, 1, 1]]) {
  const q = await b.newPage({ viewport: { width: w, height: h }, colorScheme: dark ? "dark" : "light", locale: lang ? "zh-CN" : "en-GB" });
  await q.goto(url); await q.locator("html[data-hydrated]").waitFor(); await q.waitForTimeout(800);
  await q.screenshot({ path: `/tmp/w/shot-${name}.png`, fullPage: w < 500 });
}
await b.close();

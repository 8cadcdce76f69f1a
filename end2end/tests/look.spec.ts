// The product as seen: desktop and phone, light and dark, English and Chinese. TIMEPIN_SHOTS=folder keeps the pictures.
import { join } from "node:path";
import { ask, expect, fixture, indexed, open, pick, test, truth } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

for (const [name, width, height] of [["desktop", 1280, 800], ["phone", 390, 844]] as const) {
  for (const scheme of ["light", "dark"] as const) {
    for (const lang of ["en", "zh"] as const) {
      test(`${name}, ${scheme}, ${lang}: nothing spills over the edge`, async ({ browser, baseURL }) => {
        const context = await browser.newContext({
          baseURL,
          viewport: { width, height },
          colorScheme: scheme,
          locale: lang === "zh" ? "zh-CN" : "en-GB",
        });
        const page = await context.newPage();
        const heard: string[] = [];
        page.on("console", (m) => ["error", "warning"].includes(m.type()) && heard.push(m.text()));
        page.on("pageerror", (e) => heard.push(e.message));
        const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
        const shoot = async (what: string) => shots && page.screenshot({ path: join(shots, `${what}-${name}-${scheme}-${lang}.png`) });

        await open(page);
        await expect(page.locator("html")).toHaveAttribute("lang", lang === "zh" ? /^zh/ : /^en/);
        expect(await fits()).toBe(true);
        await shoot("library");

        await pick(page, fixture("world-b.mp4"));
        await indexed(page);
        const question = truth("world-b").questions.find((q) => q.kind === "when" && q.lang === lang)!;
        await ask(page, question.question);
        await page.waitForTimeout(300);
        expect(await fits()).toBe(true);
        await shoot("workbench");
        expect(heard).toEqual([]);
        await context.close();
      });
    }
  }
}

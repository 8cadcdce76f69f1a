// Models: get one over a line that breaks, stop, go on, find it complete. TIMEPIN_SHOTS=folder keeps the pictures.
import { join } from "node:path";
import { expect, open, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

test("a model is pulled over a line that breaks, cancelled, resumed after a reload, and then complete", async ({ page }) => {
  await open(page);
  await page.getByTestId("models-link").click();
  await expect(page).toHaveURL(/\/models$/);
  await expect(page.getByTestId("running-model")).toContainText("timepin-tiny");
  const row = (name: string) => page.getByTestId("model-row").filter({ hasText: name });
  await expect(row("bundled")).toHaveAttribute("data-state", "complete");
  await expect(row("bundled")).toContainText("F16");
  // Whether it fits is judged anew for a longer video.
  await expect(row("bundled").getByTestId("model-fit")).toContainText("a video of 10 min");
  await page.getByTestId("models-minutes").selectOption("60");
  await expect(row("bundled").getByTestId("model-fit")).toContainText("a video of 60 min");

  await page.getByTestId("pull-name").fill("timepin/tiny");
  await page.getByTestId("pull").click();
  await expect(row("timepin/tiny")).toHaveAttribute("data-state", "pulling");
  await expect(row("timepin/tiny").getByTestId("pull-progress")).toContainText("MB");
  await page.getByTestId("pull-cancel").click();
  await expect(row("timepin/tiny")).toHaveAttribute("data-state", "partial");

  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(row("timepin/tiny")).toHaveAttribute("data-state", "partial");
  await row("timepin/tiny").getByTestId("pull-resume").click();
  await expect(row("timepin/tiny").getByTestId("pull-progress")).toBeVisible();
  if (shots) await page.screenshot({ path: join(shots, "models-pulling.png") });
  // The download is the server's: the page may go and come back.
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(row("timepin/tiny")).toHaveAttribute("data-state", "complete");
  await expect(row("timepin/tiny")).toContainText("3.3 M");

  // Once from the start; then, after the cut and the cancelling, only from where it stopped.
  const asked: (number | null)[] = await (await fetch(`${process.env.TIMEPIN_TEST_HUB}/asked`)).json();
  const [first, ...rest] = asked;
  expect(first).toBe(null);
  expect(rest.length).toBeGreaterThan(0);
  expect(rest.every((start, i) => start !== null && start > 0 && (i === 0 || start >= rest[i - 1]!))).toBe(true);
});

test("what cannot be pulled is told beside its name, with what to do", async ({ page }) => {
  await open(page, "/models");
  const row = (name: string) => page.getByTestId("model-row").filter({ hasText: name });
  const pull = async (name: string) => {
    await page.getByTestId("pull-name").fill(name);
    await page.getByTestId("pull").click();
  };
  await pull("gated/secret");
  await expect(row("gated/secret").getByTestId("error")).toContainText("HF_TOKEN");
  await pull("nobody/nothing");
  await expect(row("nobody/nothing").getByTestId("error")).toContainText("check the spelling");
  // In Chinese too, down to the advice.
  await page.getByTestId("lang-switch").click();
  await expect(row("nobody/nothing").getByTestId("error")).toContainText("请检查拼写");
  await expect(row("gated/secret").getByTestId("error")).toContainText("访问令牌");
});

for (const [name, width, height] of [["desktop", 1280, 800], ["phone", 390, 844]] as const) {
  for (const scheme of ["light", "dark"] as const) {
    for (const lang of ["en", "zh"] as const) {
      test(`models, ${name}, ${scheme}, ${lang}: nothing spills over the edge`, async ({ browser, baseURL }) => {
        const locale = lang === "zh" ? "zh-CN" : "en-GB";
        const context = await browser.newContext({ baseURL, viewport: { width, height }, colorScheme: scheme, locale });
        const page = await context.newPage();
        await open(page, "/models");
        await page.getByTestId("pull-name").fill("gated/secret");
        await page.getByTestId("pull").click();
        await expect(page.getByTestId("error")).toBeVisible();
        const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
        expect(await fits()).toBe(true);
        if (shots) await page.screenshot({ path: join(shots, `models-${name}-${scheme}-${lang}.png`) });
        await context.close();
      });
    }
  }
}

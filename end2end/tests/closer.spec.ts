// What an answer names is looked at closer, with frames that the page decodes for it: on a server that has closer looks switched on.
import { expect, fixture, indexed, open, pick, test } from "./timepin";
import type { Locator, Page } from "@playwright/test";

const server = process.env.TIMEPIN_TEST_CLOSER ?? "";

/** Asks, and gives what the status line said on the way; the answer has ended when this returns. */
async function watch(page: Page, question: string): Promise<{ item: Locator; said: string[] }> {
  await page.getByTestId("question-input").fill(question);
  await page.getByTestId("ask").click();
  const item = page.getByTestId("question-item").last();
  const said = new Set<string>();
  await expect(async () => {
    const status = item.getByTestId("entry-status");
    if (await status.count()) said.add((await status.first().textContent({ timeout: 200 })) ?? "");
    expect(await item.getAttribute("data-complete")).toBe("true");
  }).toPass({ timeout: 240_000, intervals: [20] });
  return { item, said: [...said] };
}

test("the moments of an answer are looked at closer, with frames that are kept", async ({ page }) => {
  await open(page, server);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const { item, said } = await watch(page, "When does the orange square appear?");
  expect(said.join("\n")).toContain("Looking closer at 0:");
  const round = item.getByTestId("round-note").first();
  await expect(round).toContainText(/looked closer at 0:\d\d–0:\d\d.* · [1-9]\d* frames fetched/);
  // What it took is stored with the question.
  await page.reload();
  await expect(page.getByTestId("round-note").first()).toContainText("looked closer at");
  // The frames are there now: the same question asks for none that came before.
  const again = await watch(page, "When does the orange square appear?");
  await expect(again.item.getByTestId("round-note").first()).toContainText(" · 0 frames fetched");
});

test("without its file a video is not looked at closer, and the page says what for", async ({ page, browser }) => {
  await open(page, server);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const other = await browser.newPage();
  await open(other, page.url());
  const { item } = await watch(other, "When does the orange square appear?");
  await expect(item.getByTestId("span-chip").first()).toBeVisible();
  await expect(item.getByTestId("round-note")).toContainText("The video file is needed to look closer");
  await other.close();
});

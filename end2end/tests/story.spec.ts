// The main story: drop a real H.264 file, ask, get the moment, come back later.
import { ask, drop, expect, fixture, indexed, open, pick, span, test, truth } from "./timepin";

test("drop a video, ask three questions, jump to the moment, and find everything again after a reload", async ({ page }) => {
  const world = truth("world-a");
  await open(page);
  await drop(page, fixture("world-a.mp4"), "world-a.mp4");
  await expect(page).toHaveURL(/\/v\/[0-9a-f-]{36}$/);
  await expect(page.getByTestId("budget")).toContainText("120");
  await indexed(page);
  // Two frames each, and what came and went between two of them.
  const segments = page.getByTestId("segment");
  await expect.poll(() => segments.count()).toBeGreaterThanOrEqual(60);
  const looks = await segments.count();

  const when = world.questions.filter((q) => q.kind === "when");
  const english = when.filter((q) => q.lang === "en").slice(0, 2);
  const chinese = when.filter((q) => q.lang === "zh").slice(0, 1);
  for (const wanted of [...english, ...chinese]) {
    const [start, end] = await span(await ask(page, wanted.question));
    expect(Math.abs(start - wanted.span![0]), `start for: ${wanted.question}`).toBeLessThanOrEqual(1);
    expect(Math.abs(end - wanted.span![1]), `end for: ${wanted.question}`).toBeLessThanOrEqual(1);
  }

  const chip = page.getByTestId("span-chip").last();
  const start = Number(await chip.getAttribute("data-start-us")) / 1e6;
  await chip.click();
  const time = () => page.getByTestId("player").evaluate((video) => (video as HTMLVideoElement).currentTime);
  await expect.poll(time).toBeCloseTo(start, 1);
  await expect(chip).toHaveAttribute("aria-pressed", "true");

  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("question-item")).toHaveCount(3);
  await expect(segments).toHaveCount(looks);
  await expect(page.getByTestId("repick")).toBeVisible();
  await pick(page, fixture("world-a.mp4"));
  await expect(page.getByTestId("player")).toHaveJSProperty("readyState", 4);

  // A second video lives beside it; deleting it leaves the first alone.
  await open(page);
  await drop(page, fixture("world-b.mp4"), "second.mp4");
  await indexed(page);
  await open(page);
  const card = (name: string) => page.getByTestId("video-card").filter({ hasText: name });
  await expect(card("second.mp4")).toHaveCount(1);
  await card("second.mp4").getByTestId("delete").click();
  await page.getByTestId("confirm-delete").click();
  await expect(card("second.mp4")).toHaveCount(0);
  await expect(card("world-a.mp4").first()).toBeVisible();
});

test("a video can be renamed", async ({ page }) => {
  await open(page);
  const card = page.getByTestId("video-card").first();
  await card.getByTestId("rename").click();
  await page.getByTestId("rename-input").fill("My film 我的电影");
  await page.getByTestId("rename-input").press("Enter");
  await expect(card).toContainText("My film 我的电影");
  await page.reload();
  await expect(page.getByTestId("video-card").first()).toContainText("My film 我的电影");
});

test("the sample is one click away", async ({ page }) => {
  await open(page);
  await page.getByTestId("try-sample").click();
  await expect(page).toHaveURL(/\/v\//);
  await indexed(page);
  const item = await ask(page, "Find the green triangle.");
  await expect(item.getByTestId("answer")).toContainText("green triangle");
});

test("extraction can be cancelled and the video stays usable", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await expect(page).toHaveURL(/\/v\//);
  const cancel = page.getByTestId("cancel");
  // A fast machine may be done before the button can be pressed; both ends are fine, a stuck page is not.
  await Promise.race([cancel.click({ timeout: 5_000 }).catch(() => {}), indexed(page).catch(() => {})]);
  await expect(page.getByTestId("question-input")).toBeEnabled();
});

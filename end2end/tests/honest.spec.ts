// The page says what it cannot see: moments shorter than a look, and what a damaged file lacks.
import { readFileSync } from "node:fs";
import { converted, expect, indexed, open, pick, test } from "./timepin";

test("a question about something short is told that a long video's looks are longer", async ({ page }) => {
  await open(page);
  await pick(page, converted("three-hours.mp4", "-vf", "tpad=stop_mode=clone:stop_duration=10800", "-r", "1", "-preset", "ultrafast", "-an"));
  await expect(page).toHaveURL(/\/v\//);
  await expect(page.getByTestId("thumb").first()).toBeVisible();
  const ask = async (question: string) => {
    await page.getByTestId("question-input").fill(question);
    await page.getByTestId("ask").click();
    await expect(page.getByTestId("stop")).toBeHidden({ timeout: 60_000 });
  };
  await ask("When does the red circle appear?");
  await expect(page.getByTestId("question-item")).toHaveCount(1);
  await expect(page.getByTestId("brief-note")).toHaveCount(0);
  await ask("When does the flash appear?");
  await expect(page.getByTestId("brief-note")).toContainText("one look covers 1.");
});

test("a film that breaks off is read as far as it goes, and the page says what is missing", async ({ page }) => {
  const whole = readFileSync(converted("whole.mkv", "-c", "copy"));
  await open(page);
  await pick(page, { name: "broken.mkv", mimeType: "video/x-matroska", buffer: whole.subarray(0, Math.floor(whole.length * 0.7)) });
  await expect(page).toHaveURL(/\/v\//);
  const damage = page.getByTestId("damage");
  await expect(damage).toContainText("The file is damaged");
  await damage.locator("summary").click();
  await expect(damage.locator("li").first()).toBeVisible();
  await indexed(page);
});

// One box finds titles, words and questions in all videos, and leads to the moment.
import { join } from "node:path";
import { ask, expect, fixture, indexed, open, pick, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

test("what was said in any video is found from the library and opens at its moment", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const subtitles = "1\n00:00:12,000 --> 00:00:14,000\nThe quetzal is a bird of the cloud forest.\n";
  await page.getByTestId("subtitle-input").setInputFiles({ name: "clip.en.srt", mimeType: "text/plain", buffer: Buffer.from(subtitles) });
  await expect(page.getByText("The quetzal is a bird")).toBeVisible();
  await ask(page, "When does the zyzzyva appear?");

  await open(page);
  await page.getByTestId("find").fill("Quetzal");
  await expect(page.getByTestId("found")).toHaveCount(1);
  await expect(page.getByTestId("found")).toContainText("0:12");
  if (shots) await page.screenshot({ path: join(shots, "find.png"), fullPage: true });
  await page.getByTestId("find").fill("zyzzyva");
  await expect(page.getByTestId("found")).toContainText("When does the zyzzyva appear?");
  await page.getByTestId("find").fill("nobody says this");
  await expect(page.getByTestId("find-none")).toContainText("nobody says this");
  await page.getByTestId("find").fill("cloud forest");
  await page.getByTestId("found").first().click();
  await expect(page).toHaveURL(/\/v\/.*\?t=12$/);
  await expect(page.locator(".tl-clock")).toContainText("0:12.0");
});

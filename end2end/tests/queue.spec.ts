// Several files at once: they are read one after the other, and one that cannot be opened holds nobody up.
import { join } from "node:path";
import { converted, expect, open, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

test("several files wait for each other, and each becomes a video", async ({ page }) => {
  const clip = (name: string) => converted(name, "-an", "-c:v", "libx264", "-preset", "ultrafast", "-t", "6");
  const names = ["queued-one.mp4", "queued-two.mp4", "queued-three.mp4"];
  await open(page);
  // The first is not done before it is allowed to be.
  let held = true;
  await page.route("**/api/append_frames", async (route) => {
    while (held) await new Promise((go) => setTimeout(go, 50));
    await route.continue().catch(() => {});
  });
  const broken = { name: "queued-broken.mp4", mimeType: "video/mp4", buffer: Buffer.from("no film\n".repeat(99)) };
  const { readFileSync } = await import("node:fs");
  const films = names.map((name) => ({ name, mimeType: "video/mp4", buffer: readFileSync(clip(name)) }));
  await page.getByTestId("file-input").setInputFiles([films[0], broken, films[1], films[2]]);
  const waiting = page.getByTestId("waiting");
  await expect(waiting).toHaveCount(3);
  await expect(page.getByTestId("video-card").filter({ hasText: names[0] })).toBeVisible();
  await waiting.filter({ hasText: names[2] }).getByTestId("waiting-remove").click();
  await expect(waiting).toHaveCount(2);
  if (shots) await page.screenshot({ path: join(shots, "queue.png"), fullPage: true });

  held = false;
  for (const name of names.slice(0, 2)) {
    const ready = page.getByTestId("video-card").filter({ hasText: name }).locator('[data-state="ready"]');
    await expect(ready).toBeAttached({ timeout: 60_000 });
  }
  await expect(page.getByTestId("video-card").filter({ hasText: names[2] })).toHaveCount(0);
  await expect(waiting).toHaveCount(1);
  await expect(waiting.getByTestId("error")).toContainText("not a video");
  if (shots) await page.screenshot({ path: join(shots, "queue-refused.png"), fullPage: true });
  await waiting.getByTestId("waiting-remove").click();
  await expect(page.getByTestId("queue")).toHaveCount(0);
});

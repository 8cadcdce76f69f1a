// Subtitles: dropped or chosen, following the playhead, found, corrected, downloaded, and answering where a word is said.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, converted, expect, fixture, indexed, made, open, pick, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;

const file = (name: string, text: string) => ({ name, mimeType: "application/x-subrip", buffer: Buffer.from(text, "utf8") });

/** A cue every two seconds. */
const lecture = (words: (n: number) => string) =>
  Array.from({ length: 20 }, (_, n) => {
    const at = (s: number) => `00:00:${String(s).padStart(2, "0")},000`;
    return `${n + 1}\n${at(n * 2)} --> ${at(n * 2 + 2)}\n${words(n)}\n`;
  }).join("\n");

const english = lecture((n) => (n === 7 ? "now we come to <i>gradient descent</i>" : `sentence number ${n}`));
const chinese = lecture((n) => (n === 12 ? "接下来介绍梯度下降" : `第 ${n} 句话`));

test("subtitles follow the playhead, are searched, changed, shifted, downloaded and deleted", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  const pane = page.getByTestId("transcript");
  await page.getByTestId("subtitle-input").setInputFiles(file("lecture.en.srt", english));
  await expect(page.getByTestId("subtitle-receipt")).toContainText("lecture.en.srt");
  await expect(page.getByTestId("cue")).toHaveCount(20);
  await expect(pane).toContainText("gradient descent");

  // A click on a line is there at once, and the line is marked.
  const line = page.getByTestId("cue").filter({ hasText: "gradient descent" });
  await line.getByRole("button").first().click();
  const time = () => page.getByTestId("player").evaluate((video) => (video as HTMLVideoElement).currentTime);
  await expect.poll(time).toBeCloseTo(14, 1);
  await expect(line).toHaveClass(/is-now/);
  // The player elsewhere: another line is marked, and brought into view.
  await page.getByTestId("player").evaluate((video) => ((video as HTMLVideoElement).currentTime = 23));
  const late = page.locator('[data-testid="cue"][data-start-us="22000000"]');
  await expect(late).toHaveClass(/is-now/);
  await expect(late).toBeInViewport();

  await page.getByTestId("subtitle-search").fill("GRADIENT");
  await expect(page.getByTestId("cue")).toHaveCount(1);
  await expect(page.getByTestId("subtitle-count")).toHaveText("1 of 20");
  await line.hover();
  await line.getByTestId("edit-cue").click();
  await page.getByTestId("cue-field").fill("now we come to gradient ascent");
  await page.getByTestId("cue-field").press("Enter");
  await expect(page.getByTestId("cue")).toContainText("gradient ascent");
  await page.getByTestId("subtitle-search").fill("");

  await page.getByTestId("subtitle-timing").click();
  await page.getByTestId("subtitle-offset").fill("1.5");
  await page.getByTestId("subtitle-apply").click();
  await expect(page.getByTestId("cue").first()).toHaveAttribute("data-start-us", "1500000");

  await page.getByTestId("subtitle-exports").click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByTestId("subtitle-export").filter({ hasText: "VTT" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("lecture.en.vtt");
  const exported = readFileSync(await download.path(), "utf8");
  expect(exported).toContain("00:00:15.500 --> 00:00:17.500\nnow we come to gradient ascent");

  // Everything is still there after a reload; then it goes.
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("cue")).toHaveCount(20);
  await page.getByTestId("subtitle-delete").click();
  await page.getByTestId("subtitle-delete-yes").click();
  await expect(page.getByTestId("cue")).toHaveCount(0);
  await expect(page.getByTestId("subtitle-input")).toBeAttached();
});

test("where a word is said is answered with the line as evidence, in the language of the question", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  // Dropped on the open video, as a person does.
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const [name, text] of files) transfer.items.add(new File([text], name));
    return transfer;
  }, [["lecture.en.srt", english], ["lecture.zh.srt", chinese]]);
  await page.getByTestId("timeline").dispatchEvent("drop", { dataTransfer: transfer });
  await expect(page.getByTestId("subtitle-choice").locator("option")).toHaveCount(2);

  const item = await ask(page, "In which minute is gradient descent mentioned?");
  const chip = item.getByTestId("evidence-chip");
  await expect(chip).toHaveCount(1);
  await expect(chip).toHaveAttribute("data-start-us", "14000000");
  await expect(item).toContainText("now we come to gradient descent");
  await expect(page.getByTestId("answer-span").first()).toBeAttached();
  await chip.click();
  await expect.poll(() => page.getByTestId("player").evaluate((v) => (v as HTMLVideoElement).currentTime)).toBeCloseTo(14, 1);

  await expect((await ask(page, "第几分钟提到梯度下降？")).getByTestId("evidence-chip")).toHaveAttribute("data-start-us", "24000000");
  await expect((await ask(page, "When is entropy mentioned?")).getByTestId("evidence-none")).toBeVisible();
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await expect(page.getByTestId("evidence-chip")).toHaveCount(2);
});

/** The short clip with subtitle tracks: English, Chinese with a title, and one that the file protects from being read. */
function withTracks(name: string): string {
  const [first, second, third] = [["en", english], ["zh", chinese], ["empty", " "]].map(([lang, text]) => {
    const path = join(made, `${name}.${lang}.srt`);
    writeFileSync(path, text === " " ? "1\n00:00:01,000 --> 00:00:02,000\n<i></i>\n" : text);
    return path;
  });
  const inputs = ["-i", first, "-i", second, "-i", third, "-map", "0:v", "-map", "1", "-map", "2", "-map", "3"];
  const tags = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=chi", "-metadata:s:s:1", "title=Lecture"];
  return converted(name, ...inputs, "-c:v", "copy", "-c:s", "srt", ...tags);
}

test("subtitles inside a video file are read with it, once, and answer questions", async ({ page, allowed }) => {
  // A track without a word is refused, and its status is written to the console.
  allowed.push(/422/);
  const film = withTracks("talk.mkv");
  await open(page);
  await pick(page, film);
  await indexed(page);
  const choice = page.getByTestId("subtitle-choice").locator("option");
  await expect(choice).toHaveText(["Track 2 · English", "Track 3 · 中文 · Lecture"]);
  await expect(page.getByTestId("cue")).toHaveCount(20);
  const receipt = page.getByTestId("track-receipt");
  await expect(receipt).toContainText("Subtitles inside the video file: 2 taken in · not read: 1");
  await receipt.locator("summary").click();
  await expect(receipt).toContainText("Track 2 · English: 20 subtitles, SRT, UTF-8");
  await expect(receipt).toContainText("Track 4: ");
  if (shots) await page.screenshot({ path: join(shots, "tracks.png") });

  const item = await ask(page, "When is gradient descent mentioned?");
  await expect(item.getByTestId("evidence-chip")).toHaveAttribute("data-start-us", "14000000");
  await expect((await ask(page, "第几分钟提到梯度下降？")).getByTestId("evidence-chip")).toHaveAttribute("data-start-us", "24000000");

  // Picked again after a reload: what was corrected stays, nothing comes twice.
  const line = page.getByTestId("cue").filter({ hasText: "gradient descent" });
  await line.hover();
  await line.getByTestId("edit-cue").click();
  await page.getByTestId("cue-field").fill("now we come to gradient ascent");
  await page.getByTestId("cue-field").press("Enter");
  await page.reload();
  await page.locator("html[data-hydrated]").waitFor();
  await pick(page, film);
  await expect(page.getByTestId("player")).toBeVisible();
  await expect(choice).toHaveCount(2);
  await expect(page.getByTestId("cues")).toContainText("gradient ascent");
});

test("reading that was cut short goes on without taking a track twice", async ({ page, allowed }) => {
  allowed.push(/422/);
  const film = withTracks("cut.mkv");
  let cut = false;
  // The second batch never arrives: the tab is closed in the middle.
  let batches = 0;
  await page.route("**/api/append_frames", (route) => (cut || ++batches < 2 ? route.continue() : undefined));
  await open(page);
  await pick(page, film);
  const choice = page.getByTestId("subtitle-choice").locator("option");
  await expect(choice).toHaveCount(2);
  await page.reload();
  cut = true;
  await page.locator("html[data-hydrated]").waitFor();
  await pick(page, film);
  await indexed(page);
  await expect(choice).toHaveText(["Track 2 · English", "Track 3 · 中文 · Lecture"]);
});

test("damaged subtitles are repaired and told by line, others refused", async ({ page, allowed }) => {
  // The refusal is a status of its own, which Chromium writes to the console.
  allowed.push(/422/);
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  await page.getByTestId("subtitle-input").setInputFiles(file("odd.srt", "00:01.5 --> 00:03\nno number\n\n2\nsoon --> later\nlost\n"));
  await page.getByTestId("subtitle-repairs").locator("summary").click();
  await expect(page.getByTestId("subtitle-repairs")).toContainText("line 5: the time cannot be read");
  await expect(page.getByTestId("cue")).toHaveCount(1);
  await page.getByTestId("subtitle-input").setInputFiles(file("letter.srt", "\nDear reader,\n"));
  await expect(page.getByTestId("transcript").getByTestId("error")).toContainText("line 2");
  await expect(page.getByTestId("cue")).toHaveCount(1);
});

for (const [name, width, height] of [["desktop", 1280, 800], ["phone", 390, 844]] as const) {
  for (const [scheme, lang] of [["light", "en"], ["dark", "zh"]] as const) {
    test(`${name}, ${scheme}, ${lang}: the transcript fits`, async ({ browser, baseURL }) => {
      const locale = lang === "zh" ? "zh-CN" : "en-GB";
      const context = await browser.newContext({ baseURL, viewport: { width, height }, colorScheme: scheme, locale });
      const page = await context.newPage();
      const heard: string[] = [];
      page.on("console", (m) => ["error", "warning"].includes(m.type()) && heard.push(m.text()));
      page.on("pageerror", (e) => heard.push(e.message));
      const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
      const shoot = async (what: string) => shots && page.screenshot({ path: join(shots, `${what}-${name}-${scheme}-${lang}.png`) });
      await open(page);
      await pick(page, fixture("world-b.mp4"));
      await indexed(page);
      await shoot("no-subtitles");
      const own = lang === "zh" ? file("lecture.zh.srt", chinese) : file("lecture.en.srt", english);
      await page.getByTestId("subtitle-input").setInputFiles(own);
      await expect(page.getByTestId("cue")).toHaveCount(20);
      await ask(page, lang === "zh" ? "第几分钟提到梯度下降？" : "When is gradient descent mentioned?");
      await page.getByTestId("evidence-chip").click();
      await page.waitForTimeout(500);
      expect(await fits()).toBe(true);
      await shoot("subtitles");
      await page.getByTestId("transcript").scrollIntoViewIfNeeded();
      await page.getByTestId("subtitle-timing").click();
      expect(await fits()).toBe(true);
      await shoot("subtitle-timing");
      expect(heard).toEqual([]);
      await context.close();
    });
  }
}

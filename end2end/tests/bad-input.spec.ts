// Every wrong turn gives a sentence that says what to do, and leaves the rest working.
import { readFileSync } from "node:fs";
import { expect, fixture, indexed, open, pick, test, truth } from "./timepin";

// Refused requests are logged by the browser itself; that is the only noise allowed here.
test.use({ allowed: [/Failed to load resource: the server responded with a status of 4/] });

const asFile = (name: string, buffer: Buffer) => ({ name, mimeType: "video/mp4", buffer });
const clip = () => readFileSync(fixture("world-b.mp4"));

/** The clip without its index, as a camera that lost power leaves it: `ftyp`, `mdat`, and no `moov`. */
function unfinished(): Buffer {
  const whole = clip();
  const boxes: Buffer[] = [];
  for (let at = 0; at + 8 <= whole.length; at += whole.readUInt32BE(at)) {
    if (whole.toString("latin1", at + 4, at + 8) !== "moov") boxes.push(whole.subarray(at, at + whole.readUInt32BE(at)));
  }
  return Buffer.concat(boxes);
}

const files: [string, () => ReturnType<typeof asFile> | string, RegExp][] = [
  ["a text file named .mp4", () => asFile("notes.mp4", Buffer.from("this is not a film, it is a note\n".repeat(40))), /not a video|isn't a video/i],
  ["an empty file", () => asFile("empty.mp4", Buffer.alloc(0)), /empty/i],
  ["a file without its index", () => asFile("unfinished.mp4", unfinished()), /incomplete|cut|truncated/i],
  ["a file cut in the middle of its pictures", () => asFile("cut.mp4", clip().subarray(0, 40_000)), /incomplete|cut|truncated/i],
  ["sound only", () => fixture("bad/audio-only.mp4"), /no (video|picture)|only sound|audio/i],
  ["an unsupported codec", () => fixture("bad/hevc.mp4"), /HEVC|H\.265|hvc1|hev1/i],
  ["a track of no length", () => fixture("bad/zero-duration.mp4"), /no length|zero|no duration|empty/i],
];

for (const [name, file, sentence] of files) {
  test(`${name} is refused with a sentence, and the next file works`, async ({ page }) => {
    await open(page);
    await pick(page, file());
    await expect(page.getByTestId("error").first()).toContainText(sentence);
    await page.evaluate(() => (document.cookie = "lang=zh; path=/"));
    await open(page);
    await pick(page, file());
    await expect(page.getByTestId("error").first()).toContainText(/[一-鿿]{4,}/);
  });
}

test("a picture of one pixel is either indexed or refused with a sentence", async ({ page }) => {
  await open(page);
  await pick(page, fixture("bad/one-pixel.mp4"));
  await expect(page.getByTestId("error").first().or(page.getByTestId("timeline"))).toBeVisible();
});

test("an empty question cannot be sent and a huge one is refused", async ({ page }) => {
  await open(page);
  await pick(page, fixture("world-b.mp4"));
  await indexed(page);
  await page.getByTestId("question-input").fill("   ");
  await expect(page.getByTestId("ask")).toBeDisabled();
  await page.getByTestId("question-input").fill("why ".repeat(25_600));
  await page.getByTestId("ask").click();
  await expect(page.getByTestId("error").first()).toContainText(/too long|shorten/i);
  const question = truth("world-b").questions.find((q) => q.kind === "when")!;
  await page.getByTestId("question-input").fill(question.question);
  await page.getByTestId("ask").click();
  await expect(page.getByTestId("span-chip").first()).toBeVisible();
});

test("a video that does not exist says so", async ({ page }) => {
  await page.goto("/v/00000000-0000-7000-8000-000000000000");
  await expect(page.getByTestId("error").first()).toBeVisible();
});

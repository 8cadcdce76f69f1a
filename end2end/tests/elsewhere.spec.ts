// A thinking model on another server: frames reach it at their times, its thought is folded away, its answer has chips.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, fixture, indexed, open, pick, test } from "./timepin";

const shots = process.env.TIMEPIN_SHOTS;
const THOUGHT = "The user wants a time. A red circle is in the pictures from 12 s on.";
const ANSWER = "It appears at 12.0 s.";

type Part = { type: string; text?: string };

/** What vLLM serves of a thinking model: events, the thought in a field of its own. It waits in the middle for `go`. */
function peer(go: Promise<void>, asked: Part[][]): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.url === "/v1/models") {
      response.setHeader("Content-Type", "application/json");
      return response.end(JSON.stringify({ object: "list", data: [{ id: "a-thinking-model", object: "model" }] }));
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push(JSON.parse(body).messages.flatMap((message: { content: string | Part[] }) => message.content));
    response.setHeader("Content-Type", "text/event-stream");
    const event = (delta: object, finish_reason: string | null = null) =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    for (const word of THOUGHT.split(/(?<= )/)) event({ reasoning_content: word });
    await go;
    for (const word of ANSWER.split(/(?<= )/)) event({ content: word });
    event({}, "stop");
    response.end("data: [DONE]\n\n");
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

test("a thinking model on another server is shown thinking, and its thought folds away", async ({ page }) => {
  let go = () => {};
  const asked: Part[][] = [];
  const elsewhere = await peer(new Promise((resolve) => (go = resolve)), asked);
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), "timepin-elsewhere-"));
  const options = ["serve", "--address", `127.0.0.1:${port}`, "--data", data, "--backend-url", `${address(elsewhere)}/v1`];
  const timepin = spawn(process.env.TIMEPIN_BINARY!, options, { cwd: join(fixture("."), "..", ".."), stdio: "ignore" });
  try {
    const here = `http://127.0.0.1:${port}`;
    await expect.poll(() => fetch(`${here}/healthz`).then((r) => r.ok, () => false), { timeout: 30_000 }).toBe(true);
    await open(page, here);
    await pick(page, fixture("world-a.mp4"));
    await indexed(page);
    await page.getByTestId("question-input").fill("When does the red circle appear?");
    await page.getByTestId("ask").click();

    const thought = page.getByTestId("thought");
    await expect(thought).toBeVisible();
    await expect(thought).not.toHaveAttribute("open", /.*/);
    if (shots) await page.screenshot({ path: join(shots, "thinking.png") });
    await thought.locator("summary").click();
    await expect(thought.locator("p")).toHaveText(THOUGHT);
    if (shots) await page.screenshot({ path: join(shots, "thinking-open.png") });
    go();

    const item = page.getByTestId("question-item");
    await expect(item).toHaveAttribute("data-complete", "true");
    await expect(item.getByTestId("answer")).toContainText("12.0 s");
    const chip = item.getByTestId("span-chip");
    await expect(chip).toHaveCount(1);
    expect(Number(await chip.getAttribute("data-start-us"))).toBe(12_000_000);
    if (shots) {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.emulateMedia({ colorScheme: "dark" });
      await page.screenshot({ path: join(shots, "thought-phone.png"), fullPage: true });
    }

    // Every picture has its own time before it.
    const [parts] = asked;
    const pictures = parts!.filter((part) => part.type === "image_url").length;
    const stamps = parts!.filter((part) => /^<\d+(\.\d+)? seconds>$/.test(part.text ?? "")).length;
    expect(pictures).toBeGreaterThan(10);
    expect(stamps).toBe(pictures);
  } finally {
    // Before its server goes, or the page complains of it.
    await page.goto("about:blank");
    timepin.kill();
    elsewhere.close();
    elsewhere.closeAllConnections();
  }
});

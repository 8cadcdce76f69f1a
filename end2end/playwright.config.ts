// User stories in the distribution's Chromium against the release binary with an empty data folder.
import { mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

const port = Number(process.env.TIMEPIN_TEST_PORT ?? 8190);
// The hub that models are pulled from: never the public one.
const hubPort = port + 1;
process.env.TIMEPIN_TEST_HUB = `http://127.0.0.1:${hubPort}`;
const cache = process.env.TIMEPIN_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "timepin");
const target = process.env.CARGO_TARGET_DIR ?? join(cache, "target");
// The config is read again in every worker: one data folder for all of them.
process.env.TIMEPIN_TEST_DATA ??= mkdtempSync(join(tmpdir(), "timepin-e2e-"));
process.env.TIMEPIN_BINARY ??= join(target, "release", "timepin");

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // One library, two cores: stories run one after another.
  workers: 1,
  fullyParallel: false,
  forbidOnly: !!process.env.CI,
  retries: 0,
  reporter: [["list"]],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.TIMEPIN_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: [
    { command: `node hub.mjs ${hubPort}`, url: `${process.env.TIMEPIN_TEST_HUB}/asked`, timeout: 20_000 },
    {
      command: `${process.env.TIMEPIN_BINARY} serve --address 127.0.0.1:${port} --data ${process.env.TIMEPIN_TEST_DATA} --ingest-roots end2end/fixtures --speech-model crates/speech/tests/golden`,
      cwd: "..",
      env: { HF_ENDPOINT: process.env.TIMEPIN_TEST_HUB, HF_HOME: process.env.TIMEPIN_TEST_DATA },
      url: `http://127.0.0.1:${port}/healthz`,
      timeout: 60_000,
      reuseExistingServer: false,
      stdout: "ignore",
      stderr: "ignore",
    },
  ],
});

// @ts-check
// Lighthouse over the first view: `make lighthouse`. Fails unless performance, accessibility and best practices are at 100.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHROMIUM_FLAGS, findChromium } from "../browser/browser.mjs";
import { startFake } from "../browser/fake-api.mjs";

/** A busy machine makes the page look slow, never fast: the best of some runs counts. */
const RUNS = 3;

const folder = mkdtempSync(join(tmpdir(), "amlaps-lighthouse-"));
const report = join(folder, "report.json");
const fake = await startFake();

/** @returns {Promise<any>} the report */
async function look() {
  const program = fileURLToPath(new URL("node_modules/lighthouse/cli/index.js", import.meta.url));
  const lighthouse = spawn(process.execPath, [program, fake.url, "--quiet", "--no-enable-error-reporting", "--output=json", `--output-path=${report}`,
    "--only-categories=performance,accessibility,best-practices", `--chrome-flags=--headless=new ${CHROMIUM_FLAGS.join(" ")}`],
  { stdio: "inherit", env: { ...process.env, CHROME_PATH: findChromium() } });
  await new Promise((resolve) => { lighthouse.once("exit", resolve); });
  return JSON.parse(readFileSync(report, "utf8"));
}

try {
  let reached = false;
  for (let run = 1; run <= RUNS && !reached; run += 1) {
    const { categories, audits } = await look();
    for (const { title, score, auditRefs } of Object.values(categories)) {
      const short = auditRefs.filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 0.9).map(({ id }) => `${id}: ${audits[id].displayValue ?? ""}`);
      process.stdout.write(`${title}: ${Math.round(score * 100)} ${short.join(", ")}\n`);
    }
    reached = Object.values(categories).every(({ score }) => score === 1);
    for (const { url, resourceSize } of audits["network-requests"].details.items) process.stdout.write(`  ${resourceSize} bytes  ${new URL(url).pathname}\n`);
  }
  process.exitCode = reached ? 0 : 1;
} finally {
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
}

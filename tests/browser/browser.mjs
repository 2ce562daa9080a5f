// @ts-check
// Starts the Chromium that the tests drive, and watches what pages say: an unexpected word in the console is a failure.

import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

export const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Nothing is fetched or asked but what a test wants. */
export const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];

/** The path of Chromium: from CHROMIUM, else found on PATH. */
export function findChromium() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = [process.env.CHROMIUM, ...(process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))];
  for (const candidate of candidates) {
    try {
      if (candidate) {
        accessSync(candidate, constants.X_OK);
        return candidate;
      }
    } catch {
      // Not there: the next one.
    }
  }
  throw new Error("No Chromium found: install chromium, or set CHROMIUM to its path.");
}

/** Close what this returns. */
export function launch() {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: CHROMIUM_FLAGS,
  });
}

/**
 * A page in a context of its own. `page.said` collects console messages of level warning and error, refusals by the
 * security policy and uncaught errors. Chromium's own line about an answer that is no success counts only when
 * `options.network` is true: tests script such answers.
 */
export async function openPage(browser, { network = false, ...options } = {}) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/London", ...options });
  const page = /** @type {import("playwright-core").Page & {said: string[]}} */ (await context.newPage());
  page.setDefaultTimeout(5000);
  page.said = [];
  page.on("console", (message) => {
    const expected = !network && /^Failed to load resource: /.test(message.text());
    if (["warning", "error"].includes(message.type()) && !expected) page.said.push(message.text());
  });
  page.on("pageerror", (error) => page.said.push(String(error)));
  return page;
}

/** What axe-core finds wrong on the page, one line each. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), AXE_RULES);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

/**
 * Everything in the page that could hold a secret. `seen`: nodes with their attributes, all text run together, fields,
 * storage, title, URL, cookies. `spoken`: the texts of the accessibility tree run together.
 */
export async function everything(page) {
  const seen = await page.evaluate(() => [
    document.documentElement.outerHTML, document.documentElement.textContent,
    ...[.../** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input, textarea"))].map((field) => field.value),
    JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), JSON.stringify(history.state),
    document.title, location.href, document.cookie,
  ].join("\n"));
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const spoken = nodes.filter((node) => node.role?.value === "StaticText").map((node) => node.name?.value ?? "").join("");
  return { seen, spoken };
}

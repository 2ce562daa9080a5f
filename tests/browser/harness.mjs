// @ts-check
// What the tests of the page share: one browser per file, one server and one page per test, nothing left behind.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { launch, openPage } from "./browser.mjs";
import { startFake } from "./fake-api.mjs";

export const TEXT = JSON.parse(readFileSync(new URL("../../htdocs/i18n/en.json", import.meta.url), "utf8"));

let browser;

/** Once per file. */
export function useBrowser() {
  before(async () => { browser = await launch(); });
  after(() => browser.close());
}

/**
 * A test with a page that is not yet loaded. Fails too when the page said something in the console.
 * @param {string} name
 * @param {{api?: object, page?: object, path?: string}} options  for the server, for the browser, and where to go (nowhere if absent)
 * @param {(page: import("playwright-core").Page, fake: Awaited<ReturnType<typeof startFake>>) => Promise<void>} body
 */
export function pageTest(name, { api, page: how, path } = {}, body) {
  // A view of many states takes half a minute where two cores are shared; what hangs is found all the same.
  test(name, { timeout: 180_000 }, async () => {
    const fake = await startFake(api);
    const page = await openPage(browser, how);
    try {
      if (path !== undefined) {
        await page.goto(fake.url + path);
        await page.locator("h1").waitFor();
      }
      await body(page, fake);
      assert.deepEqual(page.said, []);
    } finally {
      await page.context().close();
      await fake.close();
    }
  });
}

/** Waits until `read` gives what is expected; says what it gave instead where even a page on a busy machine would have come to it. */
export async function until(read, expected) {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = await read();
    if (isDeepStrictEqual(value, expected)) return;
    if (Date.now() > end) assert.deepEqual(value, expected);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

/** What has the focus: its text, or the id of a field. */
export const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.querySelector(".name")?.textContent || document.activeElement?.textContent);

export const status = (page) => page.locator("#status").textContent();
/** Waits until the status region says it last: what is said in quick succession is said in one go. */
export const heard = (page, text) => until(async () => { const all = await status(page); return all.endsWith(text) ? text : all; }, text);
export const heading = (page) => page.locator("h1").textContent();
export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const posts = (fake) => fake.requests.filter(({ method }) => method === "POST");
export const searches = (fake) => fake.requests.filter(({ path }) => path === "devices").length;

/** The address of the Confirm state of a device. */
export const deviceQuery = ({ tenant, deviceId }) => `?device=${tenant}/${deviceId}`;

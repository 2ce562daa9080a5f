// @ts-check
// What the page costs, as a browser counts it: requests of the first view, bytes from there to a password.

import assert from "node:assert/strict";
import { problem } from "./fake-api.mjs";
import { button, pageTest, until, useBrowser } from "./harness.mjs";

useBrowser();

const MOST_JS = 45 * 1024;

/** Requests and their bytes by kind, from now on; addresses of the API are of the kind `api`. @param {import("playwright-core").Page} page */
function watch(page) {
  /** @type {{kind: string, path: string, bytes: () => Promise<number>}[]} */
  const seen = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    const kind = pathname.includes("/api/") ? "api" : /\.(\w+)$/.exec(pathname)?.[1] ?? "page";
    seen.push({ kind, path: pathname, bytes: async () => (await response.body()).length });
  });
  return {
    paths: () => seen.map(({ path }) => path),
    bytes: async (kind) => (await Promise.all(seen.filter((one) => one.kind === kind).map((one) => one.bytes()))).reduce((sum, bytes) => sum + bytes, 0),
    kinds: () => [...new Set(seen.map((one) => one.kind))].sort(),
  };
}

for (const locale of ["en-GB", "de-AT"]) {
  pageTest(`the first view takes three requests, its fourth comes with the first key: ${locale}`, { page: { locale } }, async (page, fake) => {
    const requests = watch(page);
    await page.goto(fake.url, { waitUntil: "networkidle" });
    await page.locator("#q").waitFor();
    assert.deepEqual(requests.paths(), ["/laps/", "/laps/app.css", "/laps/app.js"]);
    await page.keyboard.type("l");
    await until(() => requests.paths().includes("/laps/find.js"), true);
  });
}

pageTest("all the way to a password and a problem, at most 45 KB of JavaScript and 12 KB of CSS are loaded", {}, async (page, fake) => {
  const requests = watch(page);
  await page.goto(fake.url);
  await page.keyboard.type("lon");
  await page.locator(".row").first().click();
  await button(page, "Show password").click();
  await button(page, "Copy password").click();
  await button(page, "Hide and clear clipboard").click();
  fake.next.password = problem(404, "no_password");
  await button(page, "Show password").click();
  await page.locator(".problem").waitFor();
  await page.waitForLoadState("networkidle");
  assert.deepEqual(requests.kinds(), ["api", "css", "js", "page", "svg"]);
  const [js, css] = [await requests.bytes("js"), await requests.bytes("css")];
  assert.ok(js <= MOST_JS, `${js} bytes of JavaScript`);
  assert.ok(css <= 12 * 1024, `${css} bytes of CSS`);
});

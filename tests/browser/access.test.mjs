// @ts-check
// Everybody can use it: axe-core over every state and mode, the keyboard alone, small windows, the admin's own texts.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { axe } from "./browser.mjs";
import { OLDER, device, problem } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, focused, heading, pageTest, posts, until, useBrowser } from "./harness.mjs";

useBrowser();

const both = (mode) => ({
  password: { rule: "London helpdesk", reason: { mode, hint: "Ticket number, for example INC0012345", pattern: null } },
  history: { rule: "Archive", reason: { mode: "optional", hint: null, pattern: null } },
});
const long = "W".repeat(120);
const devices = [
  device(1, { actions: both("required"), expires: "2020-02-01T00:00:00Z" }),
  device(2, { enabled: false, lastSeen: "2020-01-01T00:00:00Z", hasPassword: false, backedUp: null, expires: null }),
  device(11, { name: "PC-1042" }), device(12, { name: "PC-1042", lastSeen: null }),
  device(21, { name: `XL-${long}`, model: long, tenant: "contoso" }),
];
const ui = { title: "Passwords of Contoso", notice: "Maintenance at 22:00, see https://status.contoso.example/laps.", help: "https://help.contoso.example/", hideAfter: 60, logo: "favicon.svg" };

/** Every state of the page, one after the other; `look` is called in each. */
async function tour(page, fake, look) {
  const list = async (text) => {
    await page.goto(`${fake.url}?q=${text}`);
    await page.locator("#q").waitFor();
  };
  await page.goto(fake.url);
  await page.locator("#q").waitFor();
  await look("find");
  await list("lon");
  await page.locator(".row").first().waitFor();
  await look("list");
  await list("pc-1042");
  await page.locator(".same").waitFor();
  await look("same names");
  await list("zzz");
  await page.locator(".causes").waitFor();
  await look("nothing found");
  await list("xl-");
  await page.locator(".row").click();
  await button(page, "Show password").waitFor();
  await look("long names");
  await page.goto(fake.url + deviceQuery(devices[1]));
  await page.getByText(TEXT["fact.none"]).waitFor();
  await look("nothing backed up");
  await page.goto(fake.url + deviceQuery(devices[0]));
  await page.getByText(TEXT["mark.overdue"]).waitFor();
  await button(page, "Show password").click();
  await page.locator("[aria-invalid]").waitFor();
  await look("reason missing");
  await page.locator("#reason").fill("INC1");
  await button(page, "Show password").click();
  await button(page, "Copy password").click();
  await page.locator("#clipboard button").waitFor();
  await look("revealed and copied");
  await button(page, "Hide and clear clipboard").click();
  await button(page, "Show an older password").click();
  await page.getByRole("button", { name: /the one before/ }).waitFor();
  await look("history");
  await button(page, "Hide").click();
  fake.next.password = problem(404, "no_password", long);
  await button(page, "Show password").click();
  await page.locator(".problem .causes").waitFor();
  await look("problem");
}

const modes = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "forced colours": { forcedColors: "active" },
  "320 pixels": { viewport: { width: 320, height: 640 }, hasTouch: true },
};
for (const [mode, how] of Object.entries(modes)) {
  pageTest(`axe finds nothing, and nothing overflows: ${mode}`, { page: how, api: { devices, session: { ui } } }, async (page, fake) => {
    const found = [];
    let looked = 0;
    await tour(page, fake, async (state) => {
      looked += 1;
      found.push(...(await axe(page)).map((line) => `${state}: ${line}`));
      const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      if (wide > room) found.push(`${state}: ${wide} pixels wide in ${room}`);
    });
    assert.deepEqual(found, []);
    assert.equal(looked, 10);
  });
}

for (const file of readdirSync(new URL("../../htdocs/i18n/", import.meta.url)).filter((name) => name.endsWith(".json"))) {
  const texts = JSON.parse(readFileSync(new URL(`../../htdocs/i18n/${file}`, import.meta.url), "utf8"));
  const { lang, dir } = texts["@meta"];
  pageTest(`what is known of the password fits on a telephone in ${lang}`, { page: { locale: lang, viewport: { width: 320, height: 640 } }, api: { devices } }, async (page, fake) => {
    for (const [key, number] of /** @type {const} */ ([["mark.overdue", 0], ["fact.none", 1]])) {
      await page.goto(fake.url + deviceQuery(devices[number]));
      await page.locator(".badge.warn", { hasText: texts[key] }).waitFor();
      await page.getByText(texts["fact.backedUp"], { exact: true }).waitFor();
      const [wide, room, direction] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth, getComputedStyle(document.body).direction]);
      assert.ok(wide <= room, `${wide} pixels wide in ${room}`);
      assert.equal(direction, dir);
    }
    assert.deepEqual(await axe(page), []);
  });
}

pageTest("axe would find something", { path: "" }, async (page) => {
  await page.evaluate(() => { document.querySelector("label").remove(); document.querySelector("html").removeAttribute("lang"); });
  assert.equal((await axe(page)).filter((line) => /^(?:label|html-has-lang):/.test(line)).length, 2);
});

pageTest("from the first key to the next search by the keyboard alone", { path: "", api: { devices } }, async (page, fake) => {
  const tabTo = async (name) => {
    for (let count = 0; count < 20; count += 1) {
      await page.keyboard.press("Tab");
      if (await focused(page) === name) return;
    }
    assert.fail(`no way to ${name} by Tab`);
  };
  await page.keyboard.type("lon");
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await button(page, "Show password").waitFor();
  await until(() => focused(page), "LON-001");
  await tabTo("reason");
  await page.keyboard.type("INC1");
  await tabTo("Show password");
  await page.keyboard.press("Enter");
  await page.locator(".password").waitFor();
  await tabTo("Copy password");
  await page.keyboard.press("Space");
  await button(page, "Copied").waitFor();
  await tabTo("Hide and clear clipboard");
  await page.keyboard.press("Enter");
  await until(() => focused(page), "LON-001");
  await tabTo("Show an older password");
  await page.keyboard.press("Enter");
  await until(() => page.locator(".password").allTextContents(), [OLDER[0]]);
  await tabTo("New search");
  await page.keyboard.press("Enter");
  await until(() => focused(page), "q");
  assert.deepEqual(posts(fake).map((request) => request.path.split("/").at(-1)), ["password", "history"]);
});

pageTest("whatever has the focus shows it", { path: deviceQuery(devices[0]), api: { devices } }, async (page) => {
  await button(page, "Show password").waitFor();
  for (let count = 0; count < 5; count += 1) {
    await page.keyboard.press("Tab");
    const [style, width] = await page.evaluate(() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); return [outlineStyle, parseFloat(outlineWidth)]; });
    assert.ok(style === "solid" && width >= 2, `${await focused(page)}: ${style} ${width}`);
  }
});

for (const height of [256, 500, 580, 640]) pageTest(`the bar about the clipboard covers nothing that has the focus, ${height} pixels high`, {
  path: deviceQuery(devices[1]), api: { devices }, page: { viewport: { width: 320, height } },
}, async (page) => {
  await button(page, "Show password").click();
  await button(page, "Copy password").click();
  await page.locator("#clipboard button").waitFor();
  await page.evaluate(() => { window.scrollTo(0, 0); document.querySelector("h1").focus({ preventScroll: true }); });
  const covered = [];
  const seen = new Set();
  for (let name = ""; name !== "New search" && seen.size < 20; seen.add(name)) {
    await page.keyboard.press("Tab");
    name = await focused(page);
    const hidden = await page.evaluate(() => {
      const { left, bottom, width } = document.activeElement.getBoundingClientRect();
      return Boolean(document.elementFromPoint(left + width / 2, bottom - 4)?.closest("#clipboard"));
    });
    if (hidden) covered.push(name);
  }
  assert.ok(seen.has("New search") && seen.has("Copy reference"));
  assert.deepEqual(covered, []);
});

pageTest("the admin's title, picture, notice and help stand on the page", { path: "", api: { session: { ui } } }, async (page, fake) => {
  assert.equal(await page.title(), "Find a device – Passwords of Contoso");
  assert.equal(await page.locator("header img").evaluate((image) => /** @type {HTMLImageElement} */ (image).src), `${fake.url}favicon.svg`);
  assert.equal(await page.locator("header svg").count(), 0);
  assert.equal(await page.getByRole("link", { name: "https://status.contoso.example/laps" }).getAttribute("href"), "https://status.contoso.example/laps");
  assert.equal(await page.getByRole("link", { name: TEXT["app.help"] }).getAttribute("href"), ui.help);
  await page.getByRole("link", { name: ui.title }).click();
  await until(() => focused(page), "q");
});

pageTest("a picture from elsewhere and a help text that runs script do nothing", {
  path: "", api: { session: { ui: { logo: "https://elsewhere.invalid/a.png", help: "javascript:alert(1)", notice: "<b>not</b> bold" } } },
}, async (page) => {
  assert.equal(await page.locator("header img").count(), 0);
  assert.equal(await page.locator("header #logo").count(), 1);
  assert.equal(await page.locator("footer a").count(), 0);
  assert.match(await page.locator("footer").textContent(), /javascript:alert\(1\)/);
  assert.match(await page.locator(".notice").textContent(), /<b>not<\/b> bold/);
});

pageTest("a style sheet of the admin wins over the page's own, wherever it is specific", { path: "" }, async (page) => {
  const colour = () => page.locator(".primary").evaluate((node) => getComputedStyle(node).backgroundColor);
  assert.equal(await colour(), "rgb(15, 95, 116)");
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":root { --accent: #7a1f5c; } button { border-radius: 0; }");
    document.adoptedStyleSheets = [sheet];
  });
  assert.equal(await colour(), "rgb(122, 31, 92)");
  assert.equal(await page.locator(".primary").evaluate((node) => getComputedStyle(node).borderRadius), "0px");
});

pageTest("without JavaScript the page says what is missing", { page: { javaScriptEnabled: false } }, async (page, fake) => {
  await page.goto(fake.url);
  assert.equal(await page.locator("noscript h1").textContent(), "This page needs JavaScript");
  assert.equal(await page.locator(".late").evaluate((node) => getComputedStyle(node).display), "none");
});

pageTest("the files of the page load without any complaint, network included", { page: { network: true }, path: deviceQuery(devices[1]), api: { devices } }, async (page) => {
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
  assert.equal(await heading(page), "Local administrator password for LON-002");
});

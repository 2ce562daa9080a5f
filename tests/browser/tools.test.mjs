// @ts-check
// What the Revealed view opens on request: spelling, reading aloud, large type, QR code. All of it goes with the password.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { encode } from "../../htdocs/more/qr-code.js";
import { everything } from "./browser.mjs";
import { PASSWORD, credential, device } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, heading, heard, pageTest, until, useBrowser } from "./harness.mjs";

const jsQR = createRequire(import.meta.url)("jsqr");
useBrowser();

const rule = (over = {}) => ({ devices: [device(1, { actions: { password: { rule: "London helpdesk", reason: { mode: "hidden" }, qr: true, ...over } } })] });
const path = deviceQuery(device(1));

async function reveal(page) {
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
}

/**
 * What the page asks for comes when it is released, or is answered so.
 * @param {import("playwright-core").Page} page @param {string} url @param {object} [answer]
 */
async function holdBack(page, url, answer) {
  const request = page.waitForRequest(url);
  /** @type {(nothing?: unknown) => void} */
  let release = () => {};
  const released = new Promise((resolve) => { release = resolve; });
  await page.route(url, async (route) => {
    await released;
    await (answer ? route.fulfill(answer) : route.continue());
  });
  return { asked: () => request, release: () => release() };
}

/** Draws modules as pixels, with the quiet zone. @param {boolean[][]} code */
function decode(code) {
  const scale = 4;
  const size = (code.length + 8) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  code.forEach((row, y) => row.forEach((dark, x) => {
    for (let at = 0; dark && at < scale * scale; at += 1) {
      const pixel = (((y + 4) * scale + Math.floor(at / scale)) * size + (x + 4) * scale + at % scale) * 4;
      pixels.fill(0, pixel, pixel + 3);
    }
  }));
  return jsQR(pixels, size, size)?.data;
}

test("a decoder of somebody else reads codes of every length up to version 10, and outside ASCII", () => {
  const letters = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).join("");
  for (let length = 1; length <= 213; length += 4) {
    const text = letters.repeat(3).slice(length % 94, length % 94 + length);
    assert.equal(decode(encode(text) ?? []), text);
  }
  assert.equal(decode(encode("Grüße 中") ?? []), "Grüße 中");
  assert.equal(encode("x".repeat(213))?.length, 57);
  assert.equal(encode("x".repeat(214)), null);
});

pageTest("each character is spelled, with its place and its kind", { path, api: rule() }, async (page) => {
  await reveal(page);
  await button(page, "Spell it").click();
  await page.locator(".spelling li").first().waitFor();
  const lines = await page.locator(".spelling li").allTextContents();
  assert.deepEqual(lines.slice(0, 4), ["r small Romeo", "T capital Tango", "7 digit 7", "# number sign"]);
  assert.equal(lines.length, PASSWORD.length);
  assert.equal(lines.at(-1), ". full stop");
  assert.equal(await button(page, "Spell it").getAttribute("aria-expanded"), "true");
  await button(page, "Spell it").click();
  await until(() => page.locator(".spelling").count(), 0);
});

pageTest("German spells by DIN 5009, by the older table or that of aviation, as one likes", { path, api: rule(), page: { locale: "de-DE" } }, async (page, fake) => {
  fake.credentials.password = () => [credential({ password: "Jß ÿ🙂9" })];
  await page.getByRole("button", { name: "Kennwort anzeigen" }).click();
  await page.getByRole("button", { name: "Buchstabieren" }).click();
  const lines = () => page.locator(".spelling li").allTextContents();
  await page.locator(".spelling li").first().waitFor();
  assert.deepEqual(await lines(), ["J groß Jena", "ß klein ß", "  Leerzeichen", "ÿ klein ÿ", "🙂 Zeichen U+1F642", "9 Ziffer 9"]);
  await page.locator("#alphabet").selectOption("DIN 5009 (1996)");
  assert.equal((await lines())[0], "J groß Julius");
  await page.locator("#alphabet").selectOption("ICAO");
  assert.equal((await lines())[0], "J groß Juliett");
});

pageTest("only a voice of this machine reads aloud, and it stops with the password", { api: rule() }, async (page, fake) => {
  await page.addInitScript(() => {
    globalThis.spoken = [];
    const voices = [{ localService: false, lang: "en-GB", name: "cloud" }, { localService: true, lang: "de-DE", name: "other" }];
    const synthesis = { getVoices: () => voices, speak: ({ text, voice }) => globalThis.spoken.push(`${voice.name}: ${text}`), cancel: () => globalThis.spoken.push("silence"), addEventListener: (_, late) => { globalThis.late = late; }, removeEventListener() {} };
    Object.defineProperty(globalThis, "speechSynthesis", { value: synthesis });
    globalThis.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    globalThis.arrive = () => { voices.push({ localService: true, lang: "en-US", name: "mine" }); globalThis.late(); };
  });
  await page.goto(fake.url + path);
  await reveal(page);
  await button(page, "Spell it").click();
  await page.locator(".spelling").waitFor();
  assert.equal(await button(page, "Read aloud").count(), 0);
  await page.evaluate(() => globalThis.arrive());
  await button(page, "Read aloud").click();
  const spoken = await page.evaluate(() => globalThis.spoken);
  assert.deepEqual(spoken.slice(-PASSWORD.length).slice(0, 2), ["mine: small Romeo", "mine: capital Tango"]);
  await button(page, "Hide").click();
  await until(() => page.evaluate(() => globalThis.spoken.at(-1)), "silence");
});

pageTest("large type numbers every character", { path, api: rule() }, async (page) => {
  await reveal(page);
  const size = () => page.locator(".password").evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
  const [before, large] = [await size(), button(page, "Large type")];
  await large.click();
  assert.equal(await large.getAttribute("aria-pressed"), "true");
  assert.ok(await size() > before * 1.3);
  assert.match(await page.locator(".char").nth(1).evaluate((node) => getComputedStyle(node, "::before").content), /counter/);
  await large.click();
  assert.equal(await size(), before);
});

pageTest("the QR code holds the password, black on white in the dark too", { path, api: rule(), page: { colorScheme: "dark" } }, async (page) => {
  await reveal(page);
  await button(page, "QR code").click();
  const canvas = page.getByRole("img", { name: TEXT["qr.label"] });
  await canvas.waitFor();
  const { data, size } = await canvas.evaluate((/** @type {HTMLCanvasElement} */ node) => (
    { size: node.width, data: [...(node.getContext("2d")?.getImageData(0, 0, node.width, node.width).data ?? [])] }));
  assert.equal(jsQR(new Uint8ClampedArray(data), size, size)?.data, PASSWORD);
  const node = await canvas.elementHandle();
  await button(page, "Hide").click();
  await until(() => heading(page), "LON-001");
  assert.equal(await node?.evaluate((/** @type {HTMLCanvasElement} */ one) => one.width), 0);
});

pageTest("without the permission of the rule there is no QR code", { path, api: rule({ qr: undefined }) }, async (page) => {
  await reveal(page);
  assert.equal(await button(page, "QR code").count(), 0);
});

pageTest("what was opened goes with the password, also when the time is up", { api: rule() }, async (page, fake) => {
  await page.clock.install();
  for (const [name, opened] of [["Spell it", ".spelling"], ["QR code", "canvas"]]) {
    await page.goto(fake.url + path);
    await reveal(page);
    await button(page, "QR code").click();
    await button(page, name).click();
    if (name === "QR code") await button(page, name).click();
    await page.locator(opened).waitFor();
    assert.equal(await page.locator(".tool > *").first().isVisible(), true);
    await page.clock.fastForward(61_000);
    await until(() => heading(page), "LON-001");
    const { seen, spoken } = await everything(page);
    for (const part of [PASSWORD, "small Romeo", "capital Tango"]) assert.ok(!seen.includes(part) && !spoken.includes(part), part);
    assert.equal(await page.locator(opened).count(), 0);
  }
});

pageTest("a tool that comes late leaves the one that was opened meanwhile alone", { path, api: rule() }, async (page) => {
  const { asked, release } = await holdBack(page, "**/i18n/spell/en.json");
  await reveal(page);
  await page.evaluate(() => {
    const read = Response.prototype.json;
    Response.prototype.json = async function json() {
      const value = await read.call(this);
      setTimeout(() => { globalThis.cameLate = true; });
      return value;
    };
  });
  await button(page, "Spell it").click();
  await asked();
  await button(page, "QR code").click();
  await page.locator("canvas").waitFor();
  release();
  await until(() => page.evaluate(() => globalThis.cameLate), true);
  assert.equal(await page.locator("canvas").count(), 1);
  assert.equal(await page.locator(".spelling").count(), 0);
  assert.deepEqual([await button(page, "Spell it").getAttribute("aria-expanded"), await button(page, "QR code").getAttribute("aria-expanded")], ["false", "true"]);
});

pageTest("what was pressed last is open, also when all was pressed before the tools had come", { path, api: rule() }, async (page) => {
  const { asked, release } = await holdBack(page, "**/more/tools.js");
  await reveal(page);
  for (const name of ["QR code", "Spell it", "QR code", "Spell it", "QR code", "Spell it"]) await button(page, name).click();
  await asked();
  release();
  await page.locator(".spelling").waitFor();
  assert.equal(await page.locator("canvas").count(), 0);
});

for (const [name, files, opened] of [["Spell it", "tools.js", ".spelling"], ["Spell it", "spell.js", ".spelling"], ["Spell it", "en.json", ".spelling"], ["QR code", "tools.js", "canvas"],
  ["QR code", "qr.js", "canvas"]]) {
  pageTest(`${name}: without ${files} it says that there is no connection, and the next press tries again`, { path, api: rule() }, async (page) => {
    const asked = [];
    await page.route(`**/${files}*`, (route) => {
      asked.push(route.request().url());
      return route.fulfill({ status: 401, contentType: "application/json", body: "{}" });
    });
    await reveal(page);
    for (const times of [1, 2]) {
      await button(page, name).click();
      await heard(page, TEXT["problem.offline.text"]);
      await page.locator(".tool").getByText(TEXT["problem.offline.text"]).waitFor();
      assert.equal(await page.getByText(TEXT["problem.offline.text"]).count(), 2, "in the box and said");
      assert.equal(await button(page, name).getAttribute("aria-expanded"), "false");
      await until(() => asked.length, times);
      await page.locator("#status").evaluate((node) => { node.textContent = ""; });
    }
    // Some browsers keep by its address what failed.
    if (files.endsWith(".js")) assert.equal(new Set(asked).size, 2);
    await page.unroute(`**/${files}*`);
    await button(page, name).click();
    await page.locator(opened).waitFor();
    assert.equal(await page.locator(".tool").getByText(TEXT["problem.offline.text"]).count(), 0);
    assert.equal(await button(page, name).getAttribute("aria-expanded"), "true");
    /** @type {any} */ (page).said.splice(0);
  });
}

pageTest("a tool that could not be loaded leaves the one that was opened meanwhile alone", { path, api: rule() }, async (page) => {
  const { asked, release } = await holdBack(page, "**/i18n/spell/en.json", { status: 401, body: "" });
  await reveal(page);
  await button(page, "Spell it").click();
  await asked();
  await button(page, "QR code").click();
  await page.locator("canvas").waitFor();
  release();
  await until(() => /** @type {any} */ (page).said.splice(0).length, 1);
  assert.equal(await page.locator("canvas").count(), 1);
  assert.equal(await page.getByText(TEXT["problem.offline.text"]).count(), 0);
  assert.equal(await button(page, "QR code").getAttribute("aria-expanded"), "true");
});

pageTest("a tool that comes after the password was hidden shows nothing", { path, api: rule() }, async (page) => {
  const { asked, release } = await holdBack(page, "**/i18n/spell/en.json");
  await reveal(page);
  await button(page, "Spell it").click();
  await asked();
  await button(page, "Hide").click();
  await until(() => heading(page), "LON-001");
  release();
  await page.waitForLoadState("networkidle");
  assert.equal(await page.locator(".spelling").count(), 0);
});

pageTest("a password without confusable characters says so, and only such a one", { path, api: rule() }, async (page, fake) => {
  await reveal(page);
  assert.equal(await page.getByText(TEXT["reveal.clear"]).count(), 0);
  await button(page, "Hide").click();
  fake.credentials.password = () => [credential({ password: "rT7#kQ29M-Zix." })];
  await reveal(page);
  await page.getByText(TEXT["reveal.clear"]).waitFor();
});

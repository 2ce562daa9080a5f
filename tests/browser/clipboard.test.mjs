// @ts-check
// What the page may do with the clipboard, and that it never tries what browsers do not allow. Playwright counts its
// own commands as gestures, so where a test needs that there was none, it says so to the page.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { PASSWORD, device } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, focused, heading, heard, pageTest, until, useBrowser } from "./harness.mjs";

useBrowser();

const path = deviceQuery(device(1));
const bar = (page) => page.locator("#clipboard");

async function reveal(page) {
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
}

/** What Ctrl+V gives in another tab. */
async function pasted(page) {
  const other = await page.context().newPage();
  await other.setContent("<textarea></textarea>");
  await other.locator("textarea").focus();
  await other.keyboard.press("Control+V");
  const text = await other.locator("textarea").inputValue();
  await other.close();
  return text;
}

/** Counts writes of the page, refuses them if told to, and says whether a gesture is under way. */
const watchWrites = (page, { gesture = true, refuse = false } = {}) => page.addInitScript(([active, refused]) => {
  globalThis.writes = [];
  const write = Clipboard.prototype.writeText;
  Clipboard.prototype.writeText = function writeText(text) {
    globalThis.writes.push(text === "" ? "cleared" : "copied");
    return refused && text === "" ? Promise.reject(new DOMException("no", "NotAllowedError")) : write.call(this, text);
  };
  Object.defineProperty(Navigator.prototype, "userActivation", { value: { isActive: active } });
}, [gesture, refuse]);

const writes = (page) => page.evaluate(() => globalThis.writes);

async function copied(page, fake, how) {
  await watchWrites(page, how);
  await page.clock.install();
  await page.goto(fake.url + path);
  await reveal(page);
  await button(page, "Copy password").click();
  await bar(page).waitFor();
}

pageTest("copying gives the password, says so, and the button empties the clipboard", { path }, async (page) => {
  await reveal(page);
  await button(page, "Copy password").click();
  await button(page, "Copied").waitFor();
  await heard(page, TEXT["clipboard.copied"]);
  assert.equal(await pasted(page), PASSWORD);
  await button(page, "Clear clipboard").click();
  await until(() => bar(page).isVisible(), false);
  assert.equal(await pasted(page), "");
  assert.equal(await focused(page), await heading(page));
  await heard(page, TEXT["clipboard.cleared"]);
  await button(page, "Hide").waitFor();
});

pageTest("the account name is copied too, and replaces the password", { path }, async (page) => {
  await reveal(page);
  await button(page, "Copy password").click();
  await bar(page).waitFor();
  await button(page, "Copy account name").click();
  await until(() => bar(page).isVisible(), false);
  assert.equal(await pasted(page), "LapsAdmin");
});

pageTest("selecting and copying by hand gives the password alone, and is remembered", { path, page: { viewport: { width: 320, height: 640 } } }, async (page) => {
  await reveal(page);
  await page.evaluate(() => { document.getSelection().selectAllChildren(document.querySelector(".password")); });
  await page.keyboard.press("Control+C");
  await bar(page).waitFor();
  assert.equal(await pasted(page), PASSWORD);
});

for (const clicks of [1, 2, 3]) {
  pageTest(`a password that was clicked (${clicks}) is selected and copied whole, not one of its groups`, { path }, async (page) => {
    await reveal(page);
    await page.locator(".char").nth(6).click({ clickCount: clicks });
    assert.equal((await page.evaluate(() => String(document.getSelection()))).replace(/\n/g, ""), PASSWORD);
    await page.keyboard.press("Control+C");
    await bar(page).waitFor();
    assert.equal(await pasted(page), PASSWORD);
  });
}

pageTest("what is copied together with its surroundings is remembered too; what is spelled out is not copied", { path }, async (page) => {
  await reveal(page);
  await button(page, TEXT["reveal.spell"]).click();
  const spelled = page.locator(".spelling li").first();
  await spelled.waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+C");
  await bar(page).waitFor();
  const text = await pasted(page);
  assert.ok(text.replace(/\s/g, "").includes(PASSWORD), text);
  assert.ok(!text.includes(await spelled.locator("span").textContent() ?? ""), text);
});

pageTest("copying something else by hand says nothing of a password", { path }, async (page) => {
  await reveal(page);
  await page.evaluate(() => { document.getSelection().selectAllChildren(document.querySelector(".secret bdi")); });
  await page.keyboard.press("Control+C");
  assert.equal(await pasted(page), "LapsAdmin");
  assert.equal(await bar(page).isVisible(), false);
});

pageTest("hiding empties the clipboard, and its button says that it will", { path }, async (page) => {
  await reveal(page);
  await button(page, "Copy password").click();
  await button(page, "Hide and clear clipboard").click();
  await heard(page, "Password hidden. Clipboard cleared.");
  assert.equal(await bar(page).isVisible(), false);
  assert.equal(await pasted(page), "");
});

pageTest("without a gesture the page does not touch the clipboard; the next gesture empties it", {}, async (page, fake) => {
  await copied(page, fake, { gesture: false });
  await page.clock.fastForward(31_000);
  assert.deepEqual(await writes(page), ["copied"]);
  assert.equal(await bar(page).isVisible(), true);
  await page.locator("h1").click();
  await until(() => bar(page).isVisible(), false);
  assert.deepEqual(await writes(page), ["copied", "cleared"]);
});

pageTest("within a gesture the page empties it when the time is up", {}, async (page, fake) => {
  await copied(page, fake, { gesture: true });
  await page.clock.fastForward(29_000);
  assert.deepEqual(await writes(page), ["copied"]);
  await page.clock.fastForward(2000);
  await until(() => bar(page).isVisible(), false);
  assert.deepEqual(await writes(page), ["copied", "cleared"]);
});

pageTest("after the window was left nothing is emptied unasked", {}, async (page, fake) => {
  await copied(page, fake, { gesture: true });
  await page.evaluate(() => { window.dispatchEvent(new Event("blur")); });
  await page.clock.fastForward(31_000);
  await page.locator("h1").click();
  assert.deepEqual(await writes(page), ["copied"]);
  await button(page, "Clear clipboard").click();
  await until(() => bar(page).isVisible(), false);
  assert.deepEqual(await writes(page), ["copied", "cleared"]);
});

pageTest("when the password hides itself the bar stays", {}, async (page, fake) => {
  await copied(page, fake, { gesture: false });
  await page.clock.fastForward(61_000);
  await until(() => heading(page), "LON-001");
  assert.equal(await bar(page).isVisible(), true);
  assert.deepEqual(await writes(page), ["copied"]);
});

pageTest("a browser that refuses is told about honestly", {}, async (page, fake) => {
  await copied(page, fake, { refuse: true });
  await button(page, "Clear clipboard").click();
  await bar(page).getByText(TEXT["clipboard.refused"]).waitFor();
});

pageTest("where the browser cannot copy there is no button, and why", {}, async (page, fake) => {
  await page.addInitScript(() => { Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined }); });
  await page.goto(fake.url + path);
  await reveal(page);
  assert.equal(await page.getByRole("button", { name: /Copy/ }).count(), 0);
  await page.getByText(TEXT["copy.insecure"]).waitFor();
  await page.evaluate(() => { document.getSelection().selectAllChildren(document.querySelector(".password")); });
  await page.keyboard.press("Control+C");
  assert.equal(await pasted(page), PASSWORD);
  await button(page, "Hide").click();
  await until(() => heading(page), "LON-001");
});

const CATALOGUES = new URL("../../htdocs/i18n/", import.meta.url);
for (const file of readdirSync(CATALOGUES).filter((name) => name.endsWith(".json"))) {
  const texts = JSON.parse(readFileSync(new URL(file, CATALOGUES), "utf8"));
  pageTest(`the bar leaves a small window to the page, whatever it says: ${file}`, { path, page: { locale: file.replace(".json", ""), viewport: { width: 320, height: 640 } } }, async (page) => {
    await page.getByRole("button", { name: texts["device.show"], exact: true }).click();
    await page.getByRole("button", { name: texts["copy.password"], exact: true }).click();
    await bar(page).waitFor();
    for (const key of ["clipboard.holds", "clipboard.refused"]) {
      await bar(page).locator("p").evaluate((node, text) => { node.textContent = text; }, texts[key]);
      const { height = 0 } = await bar(page).boundingBox() ?? {};
      assert.ok(height > 0 && height <= 640 / 3, `${key}: ${height} pixels`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "it scrolls sideways");
    }
  });
}

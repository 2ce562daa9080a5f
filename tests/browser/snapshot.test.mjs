// @ts-check
// What a screen reader is given in each state: roles, names and states, as they are meant to be. After a change that is
// meant, `UPDATE=1 node --test tests/browser/snapshot.test.mjs` writes the files anew; read the difference.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { credential, device, problem } from "./fake-api.mjs";
import { button, deviceQuery, pageTest, useBrowser } from "./harness.mjs";

useBrowser();

const FOLDER = new URL("snapshots/", import.meta.url);
const actions = {
  password: { rule: "London helpdesk", qr: true, reason: { mode: "required", hint: "Ticket number, for example INC0012345", choices: ["Repair on site"] } },
  history: { rule: "Archive", reason: { mode: "optional" } },
};
const when = { lastSeen: "2026-11-20T10:00:00Z", backedUp: "2026-11-20T10:00:00Z", expires: "2026-11-21T10:00:00Z" };
const devices = [device(1, { ...when, actions }), device(2, { ...when, enabled: false }), device(12, { ...when, name: "PC-1042" }), device(11, { name: "PC-1042", lastSeen: null })];
const ui = { title: null, logo: null, notice: "Maintenance at 22:00.", help: "https://help.contoso.example/", hideAfter: 0, language: null, result: "Sign out." };

/** @param {import("playwright-core").Page} page @param {string} state */
async function matches(page, state) {
  // What is said in passing has tests of its own.
  const text = `${(await page.locator("body").ariaSnapshot()).replace(/\n- status: .*$/, "").replace(/[0-9A-F]{4}-[0-9A-F]{4}(?=")|[0-9A-F]{4}-[0-9A-F]{4}$/gm, "REFERENCE")}\n`;
  const file = new URL(`${state}.yaml`, FOLDER);
  if (process.env["UPDATE"]) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(text, readFileSync(file, "utf8"), state);
}

pageTest("every state reads as it is meant to", { api: { devices, session: { ui, roles: ["auditor", "operator"] } }, page: { timezoneId: "UTC" } }, async (page, fake) => {
  await page.clock.setFixedTime("2026-11-22T12:00:00Z");
  fake.credentials.password = () => [credential({ backedUp: "2026-11-20T10:00:00Z", expires: "2026-12-20T10:00:00Z" })];
  await page.goto(fake.url);
  await page.locator("#q").waitFor();
  await matches(page, "find");
  await page.locator("#q").fill("lon");
  await page.locator(".row").nth(1).waitFor();
  await matches(page, "list");
  await page.goto(`${fake.url}?q=pc`);
  await page.locator(".same").waitFor();
  await matches(page, "same-names");
  await page.goto(fake.url + deviceQuery(devices[0]));
  await button(page, "Show password").waitFor();
  await matches(page, "device");
  await button(page, "Show password").click();
  await page.locator("[aria-invalid]").waitFor();
  await matches(page, "reason-missing");
  await button(page, "Repair on site").click();
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
  await matches(page, "revealed");
  await button(page, "Spell it").click();
  await page.locator(".spelling li").first().waitFor();
  await matches(page, "spelled");
  await button(page, "Hide").click();
  fake.next.password = problem(404, "no_password", "None.");
  await button(page, "Show password").click();
  await page.locator(".problem .causes").waitFor();
  await matches(page, "problem");
});

// @ts-check
// The whole way with nothing faked but Entra: Chromium, httpd, mod_auth_openidc, the certified provider, the module, the page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ruleSection } from "../lib/amlaps-conf.mjs";
import { GROUPS } from "../entra/world.mjs";
import { startStage } from "../lib/stage.mjs";
import { axe, everything, launch, openPage } from "./browser.mjs";

const RULE = ruleSection("London helpdesk", [
  "AMLapsDevice name LON-*", `AMLapsAllow all group ${GROUPS.londonHelpdesk}`,
  'AMLapsReason required "^INC[0-9]{7}$" "A ticket number such as INC0012345"',
]);

/** @type {Awaited<ReturnType<typeof startStage>>} */
let stage;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  stage = await startStage({ rules: RULE });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stage?.close();
});

/** Signs in as a person does: follows the redirect and fills in the provider's form. @param {string} name @param {string} address */
async function signIn(name, address) {
  const page = await openPage(browser, { network: true });
  const { username, password } = stage.person(name);
  await page.goto(stage.base + address);
  assert.equal(new URL(page.url()).origin, new URL(stage.entra.url).origin, "not at the provider");
  await page.fill("#username", username);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${stage.base}**`);
  return page;
}

test("a helpdesk person signs in, searches, chooses, gives a reason and presses once", async () => {
  const page = await signIn("helpdesk", "");
  await page.getByRole("searchbox").fill("LON");
  await page.getByRole("button", { name: /^LON-002/ }).click();
  await page.getByRole("heading", { level: 1, name: "LON-002" }).waitFor();
  await page.getByLabel("Reason for access").fill("INC0012345");
  const before = await stage.lastSeq();
  await page.getByRole("button", { name: "Show password" }).click();
  await page.getByRole("heading", { level: 1, name: /Local administrator password/ }).waitFor();

  const secret = stage.passwords("LON-002")[0];
  assert.ok((await everything(page)).spoken.includes(secret), "the password is not on the page");
  assert.deepEqual(await axe(page), []);
  for (const text of ["Administrator", "Backed up", "Expires", "London helpdesk"]) await page.getByText(text).first().waitFor();
  const records = await stage.records(before);
  assert.deepEqual(records.map((r) => [r.stage, r.event, r.outcome]), [["intent", "password", "pending"], ["outcome", "password", "granted"]]);
  assert.equal(records[1].reason, "INC0012345");

  await page.getByRole("button", { name: /^Hide/ }).click();
  await page.getByRole("heading", { level: 1, name: "LON-002" }).waitFor();
  const left = await everything(page);
  assert.ok(!left.seen.includes(secret) && !left.spoken.includes(secret), "the password stays after hiding");
  assert.deepEqual(page.said, []);
  await page.context().close();
});

test("a deep link survives the sign-in, finds the device and reveals nothing", async () => {
  const before = await stage.lastSeq();
  const page = await signIn("helpdesk", "?q=LON-003");
  await page.getByRole("button", { name: /^LON-003/ }).waitFor();
  assert.deepEqual((await stage.records(before)).filter((r) => r.event !== "search"), []);
  assert.deepEqual(page.said, []);
  await page.context().close();
});

test("a person without rights finds nothing and reads why", async () => {
  const page = await signIn("nobody", "");
  await page.getByRole("searchbox").fill("LON");
  await page.getByText(/that you may see/).first().waitFor();
  assert.deepEqual(page.said, []);
  await page.context().close();
});

// @ts-check
// The whole way with nothing faked but Entra: Chromium, httpd, mod_auth_openidc, the certified provider, the module, the page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ruleSection } from "../lib/amlaps-conf.mjs";
import { DEVICES, GROUPS, PEOPLE } from "../entra/world.mjs";
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
  stage = await startStage({ rules: RULE, amlaps: "AMLapsAuditor role Laps.Auditor\nAMLapsOperator user operator@contoso.com" });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stage?.close();
});

/** Signs in as a person does: follows the redirect and fills in the provider's form. @param {string} name @param {string} address @param {object} [how] */
async function signIn(name, address, how = {}) {
  const page = await openPage(browser, { network: true, ...how });
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
  const { laps } = stage.device("LON-002");
  const times = await page.locator(".facts time").evaluateAll((all) => all.map((one) => Date.parse(one.dateTime)));
  assert.deepEqual(times.slice(-2), [laps?.credentials[0].backedUp, laps?.refresh].map((time) => Date.parse(time ?? "")));
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

test("a person reads the page in their language, its title too", async () => {
  const page = await signIn("helpdesk", "", { locale: "de-DE" });
  await page.getByRole("heading", { level: 1, name: "Gerät suchen" }).waitFor();
  assert.equal(await page.title(), "Gerät suchen – Lokale Administratorkennwörter");
  await page.getByRole("link", { name: "Lokale Administratorkennwörter" }).waitFor();
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

test("a device without a password says so before anybody asks for it", async () => {
  const page = await signIn("helpdesk", `?device=contoso/${DEVICES.withoutLaps}`);
  await page.getByText("None in Entra ID").waitFor();
  assert.deepEqual(await axe(page), []);
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

test("an auditor finds what the helpdesk did, looks into it, verifies the trail and takes it along", async () => {
  const session = await stage.signIn("helpdesk");
  assert.equal((await session.password("contoso", DEVICES.lon001, { reason: "INC0054321" })).status, 200);
  const secret = stage.passwords("LON-001")[0];
  const outcome = (await stage.records()).findLast((record) => record.event === "password" && record.stage === "outcome");

  const page = await signIn("auditor", "");
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Audit" }).getAttribute("aria-current"), "page");
  await page.getByLabel("Device", { exact: true }).fill("LON-001");
  await page.getByLabel("Event").selectOption("password");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("1 request. That is all.").waitFor();
  const record = page.locator(".record");
  assert.match(await record.innerText(), /Password\s+granted\s+Hanna Helpdesk \u2192 LON-001/);
  await record.locator("summary").click();
  const details = await record.locator(".details").innerText();
  for (const part of ["helpdesk@contoso.com", "London helpdesk", "INC0054321", DEVICES.lon001, outcome.id, outcome.hash, outcome.graph.requestId, "answered 200 after 1 attempt"]) {
    assert.ok(details.includes(part), `${part} is missing in ${details}`);
  }
  assert.ok(!(await everything(page)).seen.includes(secret), "the password is in the audit");

  await page.getByRole("button", { name: "Verify now" }).click();
  await page.locator(".verdict.good").waitFor();
  assert.match(await page.locator(".verdict").innerText(), /^Whole: \d+ records, and all are good\./);
  assert.deepEqual(await axe(page), []);

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV for spreadsheets" }).click()]);
  assert.match(download.suggestedFilename(), /^amlaps-audit-\w+\.csv$/);
  const csv = await readFile(await download.path(), "utf8");
  assert.equal(csv.trim().split("\r\n").length, 3, `not a head, an intent and an outcome: ${csv}`);
  assert.ok(csv.includes("INC0054321") && csv.includes(outcome.hash) && !csv.includes(secret));
  assert.deepEqual(page.said, []);
  await page.context().close();
});

test("an operator asks why somebody may, and how all stands", async () => {
  const before = await stage.lastSeq();
  const page = await signIn("operator", "");
  await page.getByRole("link", { name: "Why" }).click();
  await page.getByLabel("User name").fill("helpdesk@contoso.com");
  await page.getByLabel("Object ID").fill(PEOPLE.helpdesk);
  await page.getByLabel("Groups (IDs)", { exact: true }).fill(GROUPS.londonHelpdesk);
  await page.getByLabel("Device ID").fill(DEVICES.lon001);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("heading", { name: "The decision" }).waitFor();
  for (const verdict of await page.locator(".verdict").allInnerTexts()) assert.match(verdict, /: allowed\s+By the rule London helpdesk/);
  const reasons = await page.locator(".rules .reasons li").allInnerTexts();
  assert.equal(reasons.length, 2);
  assert.match(reasons[0], /^AMLapsDevice name LON-\* matches "LON-001" \S+httpd\.conf:\d+$/);
  assert.match(reasons[1], new RegExp(`^AMLapsAllow all group ${GROUPS.londonHelpdesk}: the person is in it \\S+httpd\\.conf:\\d+$`));
  assert.deepEqual((await stage.records(before)).map((r) => [r.event, r.outcome, r.actor.username, r.device?.name]), [["explain", "granted", "operator@contoso.com", "LON-001"]]);
  assert.deepEqual(await axe(page), []);

  await page.getByLabel("Groups (IDs)", { exact: true }).fill("");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("No rule allows it.").first().waitFor();

  await page.getByRole("link", { name: "Status" }).click();
  await page.getByRole("heading", { name: /^contoso\s*fine/ }).waitFor();
  const text = await page.locator("main").innerText();
  for (const part of ["Audit store", stage.store, "client secret", "The trail is not sealed"]) assert.ok(text.includes(part), `${part} is missing in ${text}`);
  assert.match(text, /\b200 after \d+ ms/);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.said, []);
  await page.context().close();
});

// @ts-check
// What operators see: why the rules decide as they do, and how tenants, store and channels stand.

import assert from "node:assert/strict";
import { axe } from "./browser.mjs";
import { problem } from "./fake-api.mjs";
import { button, focused, heading, heard, pageTest, posts, until, useBrowser } from "./harness.mjs";
import { EXPLAINED, channel, troubles } from "./standing.mjs";

useBrowser();

const operator = { session: { roles: ["operator"] } };

pageTest("a made-up person and device are asked about as written", { api: operator }, async (page, fake) => {
  fake.explanation = EXPLAINED;
  await page.goto(`${fake.url}?view=why&username=bob&name=LON-001`);
  await page.getByLabel("Groups (IDs)", { exact: true }).fill("a, b\nc");
  await page.getByLabel("Other claims (JSON object)").fill('{"department": "IT"}');
  await page.getByLabel("Enabled").selectOption("no");
  await page.getByLabel("Address of the person").fill("10.0.0.1");
  assert.equal(posts(fake).length, 0);
  await button(page, "Explain").click();
  await page.getByRole("heading", { name: "The decision" }).waitFor();
  assert.deepEqual(JSON.parse(posts(fake)[0].body), {
    person: { username: "bob", groups: ["a", "b", "c"], claims: { department: "IT" } }, device: { name: "LON-001", enabled: false }, address: "10.0.0.1",
  });
  assert.equal(posts(fake)[0].headers["x-amlaps-request"], "1");
  const address = new URL(page.url()).searchParams;
  assert.deepEqual([address.get("username"), address.get("enabled"), address.get("groups")], ["bob", "no", "a, b\nc"]);
});

pageTest("without a person it is oneself; a device is looked up by its id", { api: operator }, async (page, fake) => {
  fake.explanation = EXPLAINED;
  await page.goto(`${fake.url}?view=why&deviceId=00000000-0000-4000-8000-000000000001`);
  await button(page, "Explain").click();
  await page.getByRole("heading", { name: "The decision" }).waitFor();
  assert.deepEqual(JSON.parse(posts(fake)[0].body), { device: { deviceId: "00000000-0000-4000-8000-000000000001" } });
});

pageTest("decisions and every rule with its reasons, read out and in order", { api: operator }, async (page, fake) => {
  fake.explanation = EXPLAINED;
  await page.goto(`${fake.url}?view=why&name=LON-001`);
  await button(page, "Explain").click();
  await heard(page, "Password allowed. Older passwords cannot be decided now");
  assert.equal(await focused(page), "The decision");
  const [password, history] = await page.locator(".verdict").allInnerTexts();
  assert.match(password, /Password: allowed[\s\S]*By the rule London helpdesk/);
  assert.match(history, /Older passwords: cannot be decided now[\s\S]*Because of the rule VIP devices/);
  const rules = await page.locator(".rules > li").allInnerTexts();
  assert.equal(rules.length, 3);
  assert.match(rules[0], /1\. London helpdesk\s*applies\s*Allows: Password, Older passwords/);
  assert.match(rules[1], /VIP devices\s*not known\s*Denies: Older passwords/);
  assert.match(rules[2], /Paris\s*does not apply/);
  // A semicolon in a value ends no clause; where a directive stands comes last.
  assert.deepEqual(await page.locator(".reasons li").allInnerTexts(), [
    'AMLapsDevice name LON-* matches "LON-001" /etc/laps.conf:12', 'AMLapsWhen req("X") == "a; b" is true /etc/laps.conf:14',
    "AMLapsAllow all group g: the person is in it /etc/laps.conf:13",
    "the rule is for tenant fabrikam and the device's tenant is not known /etc/laps.conf:20", "no AMLapsAllow or AMLapsDeny line names the person",
    "none of the 2 AMLapsDevice lines matches the device /etc/laps.conf:30",
  ]);
});

pageTest("an answer to the question before does not come below the newer one", { api: operator }, async (page, fake) => {
  /** @type {(() => void) | undefined} */
  let release;
  fake.next.explain = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await page.goto(`${fake.url}?view=why&name=LON-001`);
  await button(page, "Explain").click();
  await until(() => Boolean(release), true);
  fake.next.explain = problem(400, "bad_request", "device: the newer question");
  await page.getByLabel("Name", { exact: true }).fill("LON-002");
  await button(page, "Explain").click();
  await page.getByText("device: the newer question").waitFor();
  fake.explanation = EXPLAINED;
  release?.();
  // Twice there and back: the older answer is in by then.
  await page.evaluate(async () => { for (const _ of [1, 2]) await (await fetch("api/v1/status")).json(); });
  await page.getByText("device: the newer question").waitFor();
  assert.equal(await page.locator(".verdict").count(), 0);
});

pageTest("claims that are no JSON are told before anything is asked", { api: operator }, async (page, fake) => {
  await page.goto(`${fake.url}?view=why&name=LON-001`);
  await page.getByLabel("Other claims (JSON object)").fill("department: IT");
  await button(page, "Explain").click();
  await until(() => page.locator("#w-error").textContent(), 'The claims are no JSON object, or the time is none. Write claims as in {"department": "IT"}.');
  assert.equal(posts(fake).length, 0);
});

pageTest("a device ID that is none is told before anything is asked", { api: operator }, async (page, fake) => {
  await page.goto(`${fake.url}?view=why&deviceId=LON-001`);
  await button(page, "Explain").click();
  const field = page.getByLabel("Device ID");
  assert.equal(await field.evaluate((/** @type {HTMLInputElement} */ input) => input.validity.patternMismatch), true);
  assert.equal(await focused(page), "w-deviceId");
  assert.equal(posts(fake).length, 0);
  await field.fill(" 00000000-0000-4000-8000-00000000000A ");
  await button(page, "Explain").click();
  await page.getByRole("heading", { name: "The decision" }).waitFor();
});

pageTest("a refused question keeps what was written", { api: operator }, async (page, fake) => {
  fake.next.explain = problem(400, "bad_request", "device: a tenant of that name does not exist");
  await page.goto(`${fake.url}?view=why&name=LON-001`);
  await button(page, "Explain").click();
  await page.locator(".panel.problem").waitFor();
  assert.match(await page.locator(".panel.problem").innerText(), /a tenant of that name does not exist/);
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "LON-001");
});

pageTest("the worst stands first, with what to do", { api: operator }, async (page, fake) => {
  troubles(fake);
  await page.goto(`${fake.url}?view=status`);
  await heard(page, "Something is broken.");
  assert.deepEqual(await page.locator("section h2").allInnerTexts(), ["Audit store fine", "broken broken", "poor broken", "ending worth a look", "fine fine", "Notifications"]);
  const text = await page.locator("main").innerText();
  for (const part of ["tenant broken: the client secret is expired", "DeviceLocalCredential.Read.All", "grant admin consent", "7 days left", "The trail is not sealed", "no answer in time", "200 after 84 ms"]) {
    assert.ok(text.includes(part), `${part} is missing in ${text}`);
  }
});

for (const [what, said, change] of /** @type {[string, string, (fake: any) => void][]} */ ([
  ["a required channel that fails", "Something is broken.", (fake) => { fake.status.channels = [channel({ deadLetters: 0 })]; }],
  ["a channel that fails", "Something is worth a look.", (fake) => { fake.status.channels = [channel({ required: false, deadLetters: 0 })]; }],
  ["a message that was given up", "Something is worth a look.", (fake) => { fake.status.channels = [channel({ status: "ok" })]; }],
  ["a channel that nothing was sent to", "All is fine.", (fake) => { fake.status.channels = [channel({ status: "unknown", deadLetters: 0 })]; }],
  ["a seal that does not fit", "Something is broken.", (fake) => { fake.status.seal = { status: "failed" }; }],
  ["no seal", "All is fine.", (fake) => { fake.status.seal = { status: "off" }; }],
])) {
  pageTest(`what is read out weighs ${what}`, { api: operator }, async (page, fake) => {
    change(fake);
    await page.goto(`${fake.url}?view=status`);
    await until(() => page.locator("#status").textContent(), said);
  });
}

pageTest("it is asked anew on request alone", { api: operator }, async (page, fake) => {
  await page.goto(`${fake.url}?view=status`);
  await heard(page, "All is fine.");
  fake.status.store = { status: "failed" };
  await button(page, "Refresh").click();
  await heard(page, "Something is broken.");
  assert.match(await page.locator("main").innerText(), /Nothing is disclosed while no records can be written/);
  assert.equal(fake.requests.filter(({ path }) => path === "status").length, 2);
});

pageTest("no answer is a problem in its place", { api: operator }, async (page, fake) => {
  fake.next.status = problem(503, "busy");
  await page.goto(`${fake.url}?view=status`);
  await page.locator(".panel.problem").waitFor();
  await button(page, "Refresh").click();
  await heard(page, "All is fine.");
});

for (const view of ["why", "status"]) {
  pageTest(`${view} is for operators alone`, { api: { session: { roles: ["auditor"] } } }, async (page, fake) => {
    await page.goto(`${fake.url}?view=${view}`);
    await page.locator("#q").waitFor();
    assert.equal(await heading(page), "Find a device");
  });
  for (const [mode, how] of Object.entries({
    light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, "forced colours": { forcedColors: "active" },
    "320 pixels": { viewport: { width: 320, height: 640 } }, "right to left": { locale: "ar" },
  })) {
    pageTest(`axe finds nothing in ${view}, and nothing overflows: ${mode}`, { api: operator, page: how }, async (page, fake) => {
      fake.explanation = EXPLAINED;
      troubles(fake);
      await page.goto(`${fake.url}?view=${view}&name=LON-001`);
      if (view === "why") await page.locator("button.primary").click();
      await page.locator(".verdict").first().waitFor();
      assert.deepEqual(await axe(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "it scrolls sideways");
    });
  }
}

// @ts-check
// What auditors see: records, filters, pages, details, pictures, verification, export.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { axe } from "./browser.mjs";
import { audited, problem } from "./fake-api.mjs";
import { button, heard, heading, pageTest, until, useBrowser } from "./harness.mjs";

useBrowser();

const MORE = JSON.parse(readFileSync(new URL("../../htdocs/i18n/more/en.json", import.meta.url), "utf8"));
const auditor = { session: { roles: ["auditor"] } };
const rows = (page) => page.locator(".records > li");
const asked = (fake) => fake.requests.filter(({ path }) => path === "audit").length;

/** Twelve requests, an hour apart; every third was denied. */
function fill(fake) {
  for (let i = 0; i < 12; i++) {
    fake.records.push(...audited(100 - 2 * i, {
      time: new Date(Date.now() - i * 3_600_000).toISOString(),
      ...(i % 3 === 2 ? { outcome: "denied", code: "not_authorized", rule: undefined, credential: undefined, graph: undefined } : {}),
    }));
  }
}

/** @param {import("playwright-core").Page} page */
async function open(page, fake, rest = "") {
  await page.goto(`${fake.url}?view=audit${rest}`);
  await page.getByRole("heading", { level: 1, name: MORE["audit.title"] }).waitFor();
  await page.locator("[aria-busy]").waitFor({ state: "detached" });
}

pageTest("intent and outcome of a request are one line, newest first", { api: auditor }, async (page, fake) => {
  fill(fake);
  await open(page, fake);
  assert.equal(await rows(page).count(), 12);
  assert.match(await rows(page).first().innerText(), /Password\s*granted[\s\S]*Alice Example → LON-001/);
  assert.match(await rows(page).nth(2).innerText(), /denied/);
  await heard(page, "12 requests.");
  assert.match(await page.locator("main").innerText(), /12 requests\. That is all\./);
});

pageTest("details are there on demand", { api: auditor }, async (page, fake) => {
  fill(fake);
  await open(page, fake);
  await rows(page).first().locator("summary").click();
  await page.locator(".details").waitFor();
  const text = await rows(page).first().innerText();
  for (const part of ["192.0.2.10", "London helpdesk", "INC0000100", "LapsAdmin", "answered 200 after 1 attempt", fake.records[0].id, "100, 101", "ab".repeat(32)]) {
    assert.ok(text.includes(part), `${part} is missing in ${text}`);
  }
});

pageTest("filters stand in the address, and are what is asked", { api: auditor }, async (page, fake) => {
  fill(fake);
  await open(page, fake);
  await page.getByLabel("Outcome").selectOption("denied");
  await page.getByLabel("Person").fill("alice@contoso.example");
  await button(page, "Apply").click();
  await until(() => rows(page).count(), 4);
  const address = new URL(page.url()).searchParams;
  assert.deepEqual([...address], [["view", "audit"], ["actor", "alice@contoso.example"], ["outcome", "denied"]]);
  await page.reload();
  await until(() => rows(page).count(), 4);
  assert.equal(await page.getByLabel("Outcome").inputValue(), "denied");
  const link = new URL(await page.getByRole("link", { name: "CSV for spreadsheets" }).getAttribute("href") ?? "", page.url());
  assert.deepEqual([...link.searchParams], [["actor", "alice@contoso.example"], ["outcome", "denied"], ["format", "csv"]]);
  assert.equal(link.pathname, "/laps/api/v1/audit/export");
  await button(page, "Clear").click();
  await until(() => rows(page).count(), 12);
  await page.goBack();
  await until(() => rows(page).count(), 4);
});

pageTest("times of the form are the reader's, those of the question UTC", { api: auditor, page: { timezoneId: "Asia/Tokyo" } }, async (page, fake) => {
  await open(page, fake, "&since=2026-11-20T09:00");
  const { searchParams } = new URL(await page.getByRole("link", { name: "JSON lines" }).getAttribute("href") ?? "", page.url());
  assert.equal(searchParams.get("since"), "2026-11-20T00:00:00.000Z");
});

pageTest("older pages follow on request", { api: auditor }, async (page, fake) => {
  fill(fake);
  fake.auditLimit = 9;
  await open(page, fake);
  // The ninth record is an outcome whose intent comes with the next page.
  assert.equal(await rows(page).count(), 5);
  await button(page, "Show older").click();
  await until(() => rows(page).count(), 9);
  await button(page, "Show older").click();
  await until(() => rows(page).count(), 12);
  assert.equal(await button(page, "Show older").count(), 0);
  assert.equal(asked(fake), 3);
});

pageTest("nothing that fits is said in words", { api: auditor }, async (page, fake) => {
  await open(page, fake, "&device=ABC");
  assert.match(await page.locator("main").innerText(), /Nothing recorded fits these filters\./);
  assert.equal(await page.locator(".charts").count(), 0);
});

pageTest("a problem stands in its place, and it can be tried again", { api: auditor }, async (page, fake) => {
  fill(fake);
  fake.next.audit = problem(503, "audit_unavailable");
  await open(page, fake);
  await page.locator(".panel.problem").waitFor();
  await button(page, "Try again").click();
  await until(() => rows(page).count(), 12);
});

pageTest("who is no auditor is not let in", { api: { session: { roles: ["operator"] } } }, async (page, fake) => {
  await page.goto(`${fake.url}?view=audit`);
  await page.locator("#q").waitFor();
  assert.equal(await heading(page), "Find a device");
  assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
  assert.equal(asked(fake), 0);
});

pageTest("pictures have names, and the same in numbers", { api: auditor }, async (page, fake) => {
  fill(fake);
  await open(page, fake);
  const picture = page.getByRole("img", { name: /^Over time: 12 requests from / });
  assert.equal(await picture.locator("rect").count(), 12);
  await page.getByText("The same in numbers").click();
  assert.equal(await page.locator(".numbers tbody tr").count(), 12);
  await page.getByRole("heading", { level: 2, name: MORE["chart.title"] }).waitFor();
  assert.match(await page.locator(".of-outcomes").innerText(), /of 12 requests[\s\S]*granted[\s\S]*8 \(67 %\)[\s\S]*denied[\s\S]*4 \(33 %\)/);
  assert.match(await page.locator(".of-rules").innerText(), /London helpdesk[\s\S]*8 \(100 %\)/);
});

pageTest("a whole trail is told so", { api: auditor }, async (page, fake) => {
  await open(page, fake);
  await button(page, "Verify now").click();
  await page.getByText("Whole: 1,042 records, and all are good.").last().waitFor();
  assert.match(await page.locator(".result").innerText(), new RegExp("ab".repeat(32)));
});

pageTest("a long verification goes on by itself, and can be cancelled", { api: auditor }, async (page, fake) => {
  const parts = ["", "1-500", "1-1000"];
  let held = () => {};
  fake.verification = (cursor) => {
    const at = parts.indexOf(cursor ?? "");
    return { ok: true, complete: at === 2, records: 500 * (at + 1), last: 500 * (at + 1), head: "cd".repeat(32), problems: [], cursor: parts[at + 1] ?? null };
  };
  await open(page, fake);
  await button(page, "Verify now").click();
  await page.getByText("Whole: 1,500 records, and all are good.").last().waitFor();
  fake.next.verify = async (reply) => {
    await new Promise((resolve) => { held = () => resolve(undefined); });
    return reply();
  };
  await button(page, "Verify now").click();
  await button(page, "Cancel").click();
  await page.getByText("Cancelled.").waitFor();
  held();
  await button(page, "Verify now").waitFor();
});

pageTest("the first bad record is named, with what to do", { api: auditor }, async (page, fake) => {
  fake.verification = () => ({ ok: false, complete: true, records: 41, last: 41, head: "cd".repeat(32), problems: [{ seq: 42, problem: "its hash does not fit: it was edited" }], cursor: null });
  await open(page, fake);
  await button(page, "Verify now").click();
  const result = page.locator(".verdict.bad");
  await result.waitFor();
  assert.match(await result.innerText(), /Record 42 is bad\.[\s\S]*its hash does not fit[\s\S]*Do not repair anything/);
});

pageTest("the keyboard alone filters and opens a record", { api: auditor }, async (page, fake) => {
  fill(fake);
  await open(page, fake);
  const before = await rows(page).first().elementHandle();
  await page.getByLabel("Device").focus();
  await page.keyboard.type("LON-001");
  await page.keyboard.press("Enter");
  await until(() => new URL(page.url()).searchParams.get("device"), "LON-001");
  await page.waitForFunction((row) => !row?.isConnected, before);
  await rows(page).first().waitFor();
  await rows(page).first().locator("summary").focus();
  await page.keyboard.press("Enter");
  await rows(page).first().locator("dl").waitFor();
});

pageTest("names from outside stay names", { api: auditor }, async (page, fake) => {
  fake.records.push(...audited(10, { actor: { name: "<img src=x onerror=alert(1)>", username: "\u202egnp.exe" }, device: { name: "<b>x</b>" }, reason: "<script>1</script>" }));
  await open(page, fake);
  await rows(page).first().locator("summary").click();
  await page.locator(".details").waitFor();
  assert.equal(await page.locator(".records img, .records b, .records script").count(), 0);
  assert.match(await rows(page).first().innerText(), /<img src=x onerror=alert\(1\)>[\s\S]*\ufffdgnp\.exe/);
});

for (const [mode, how] of Object.entries({
  light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, "forced colours": { forcedColors: "active" },
  "320 pixels": { viewport: { width: 320, height: 640 } }, "right to left": { locale: "ar" },
})) {
  pageTest(`axe finds nothing, and nothing overflows: ${mode}`, { api: auditor, page: how }, async (page, fake) => {
    fill(fake);
    await page.goto(`${fake.url}?view=audit`);
    await rows(page).first().locator("summary").click();
    await page.locator(".panel").last().getByRole("button").click();
    await page.locator(".verdict").waitFor();
    assert.deepEqual(await axe(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "it scrolls sideways");
    if (mode === "right to left") assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
  });
}

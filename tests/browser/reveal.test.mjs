// @ts-check
// Confirm and Revealed: facts, reason, the password, and that nothing of it stays.

import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { everything } from "./browser.mjs";
import { OLDER, PASSWORD, credential, device } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, focused, heading, heard, pageTest, posts, status, until, useBrowser } from "./harness.mjs";

useBrowser();

const action = (mode, rule = "London helpdesk", hint = null, pattern = null) => ({ rule, reason: { mode, hint, pattern } });
const one = device(1);
const path = deviceQuery(one);
const withActions = (actions, over = {}) => ({ devices: [device(1, { actions, ...over })] });
const shown = (page) => page.locator(".password").first().textContent();

async function reveal(page) {
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
}

pageTest("the device is described, with the rule and the consequence beside the button", {
  path, api: withActions({ password: action("optional") }, { enabled: null, compliant: false }),
}, async (page) => {
  await button(page, "Show password").waitFor();
  const facts = Object.fromEntries(await page.locator(".facts > div").evaluateAll((rows) => rows.map((row) => [row.children[0].textContent, row.children[1].textContent])));
  assert.equal(facts["Operating system"], "Windows 10.0.26100.4946");
  assert.equal(facts["Joined as"], "Entra joined");
  assert.deepEqual([facts.Enabled, facts.Compliant, facts.Managed], ["Not known", "No", "Yes"]);
  assert.match(await page.locator("time").first().getAttribute("title"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  await page.getByText("The password is allowed by the rule “London helpdesk”.").waitFor();
  await page.getByText(TEXT["device.recorded"]).waitFor();
  await page.getByLabel(TEXT["reason.optional"]).waitFor();
});

const HOUR = 3_600_000;
const fromNow = (hours) => new Date(Date.now() + hours * HOUR).toISOString();
/** What the facts of the device say of its password, in order; a badge in brackets. */
const backupFacts = (page) => page.locator(".facts > div").evaluateAll((rows) => rows
  .filter((row) => row.firstChild.textContent.startsWith("Password"))
  .map((row) => [row.firstChild.textContent, row.lastChild.textContent.replace(/^.*\(/, "(").trim(), row.querySelector(".badge.warn")?.textContent ?? ""]));

for (const [what, given, told] of /** @type {const} */ ([
  ["known", { hasPassword: true, backedUp: fromNow(-80), expires: fromNow(24 * 27 + 1) }, [["Password backed up", "(3 days ago)", ""], ["Password expires", "(in 27 days)", ""]]],
  ["overdue", { hasPassword: true, backedUp: fromNow(-24 * 40), expires: fromNow(-24 * 10 - 1) },
    [["Password backed up", "(1 month ago)", ""], ["Password expires", "(10 days ago) Overdue", "Overdue"]]],
  ["none backed up", { hasPassword: false, backedUp: null, expires: null }, [["Password backed up", "None in Entra ID", "None in Entra ID"]]],
  ["unknown", { hasPassword: null, backedUp: null, expires: null }, [["Password backed up", "Not known", ""], ["Password expires", "Not known", ""]]],
  ["no end known", { hasPassword: true, backedUp: fromNow(-80), expires: null }, [["Password backed up", "(3 days ago)", ""], ["Password expires", "Not known", ""]]],
])) {
  pageTest(`before the password is asked for, it is said when it was backed up and expires: ${what}`, { path, api: { devices: [device(1, given)] } }, async (page, fake) => {
    await button(page, "Show password").waitFor();
    assert.deepEqual(await backupFacts(page), told);
    const times = await page.locator(".facts time").evaluateAll((all) => all.map((one) => [one.getAttribute("datetime"), one.title]));
    const known = [device(1).lastSeen, given.backedUp, given.expires].filter(Boolean);
    assert.equal(times.length, known.length);
    for (const [iso, title] of times.slice(1)) {
      assert.ok(known.includes(iso), iso);
      assert.equal(title, `${iso?.slice(0, 19).replace("T", " ")} UTC`);
    }
    assert.deepEqual(posts(fake), []);
    await reveal(page);
  });
}

pageTest("what the search has not told stands there once the device is known, and not before", { path: "?q=lon-001" }, async (page, fake) => {
  /** @type {() => void} */
  let release;
  fake.next.device = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await page.locator(".row").click();
  await page.locator(".facts").waitFor();
  await until(() => fake.requests.some(({ path: asked }) => asked === `devices/contoso/${one.deviceId}`), true);
  assert.deepEqual(await backupFacts(page), []);
  release();
  await button(page, "Show password").waitFor();
  assert.equal((await backupFacts(page)).length, 2);
});

pageTest("no field where no rule wants a reason; an empty one is sent", { path, api: withActions({ password: action("hidden") }) }, async (page, fake) => {
  await reveal(page);
  assert.deepEqual(posts(fake).map(({ path: asked, body }) => [asked, body]), [[`devices/contoso/${one.deviceId}/password`, '{"reason":""}']]);
});

pageTest("a missing reason is asked for without a request, then by name", {
  path, api: withActions({ password: action("required", "London helpdesk", "Ticket number, for example INC0012345", "^INC\\d{7}$") }),
}, async (page, fake) => {
  await page.getByText("Ticket number, for example INC0012345").waitFor();
  await page.getByLabel(TEXT["reason.label"]).fill("   ");
  await button(page, "Show password").click();
  await page.locator("#reason[aria-invalid=true]").waitFor();
  assert.deepEqual(posts(fake), []);
  assert.match(await page.title(), /^Error: LON-001/);
  assert.match(await focused(page), /There is a problemEnter the reason/);
  await page.getByRole("link", { name: TEXT["reason.missing"] }).click();
  assert.equal(await focused(page), "reason");
  assert.equal(page.url(), fake.url + path);
  await page.keyboard.type("ticket");
  await button(page, "Show password").click();
  await page.locator("#reason-error", { hasText: TEXT["reason.invalid"] }).waitFor();
  assert.equal(await page.locator("#reason").inputValue(), "   ticket");
  await page.locator("#reason").fill("INC0012345");
  await reveal(page);
  assert.deepEqual(posts(fake).map(({ body }) => body), ['{"reason":"ticket"}', '{"reason":"INC0012345"}']);
});

pageTest("without the permission for the password this is said; older ones stay", { path, api: withActions({ history: action("hidden", "Archive") }) }, async (page, fake) => {
  await page.getByText(TEXT["device.noPassword"]).waitFor();
  assert.equal(await button(page, "Show password").count(), 0);
  await button(page, "Show an older password").click();
  await until(() => heading(page), "Older password for LON-001");
  assert.deepEqual(await page.locator(".password").allTextContents(), [OLDER[0]]);
  await button(page, "Show the one before it (1 more)").click();
  await until(() => page.locator(".password").allTextContents(), [OLDER[1]]);
  assert.equal(await page.getByRole("button", { name: /the one before/ }).count(), 0);
  assert.deepEqual(posts(fake).map(({ path: asked, body }) => [/[a-z]+$/.exec(asked)?.[0], body]),
    [["history", '{"reason":"","nth":1}'], ["history", '{"reason":"","nth":2}']]);
});

pageTest("without any permission there is no button", { path, api: withActions({}) }, async (page) => {
  await page.getByText(TEXT["device.nothing"]).waitFor();
  assert.equal(await page.locator("main button", { hasText: "Show" }).count(), 0);
});

pageTest("two rules are both named, and each action follows its own about the reason", {
  path, api: withActions({ password: action("required", "First"), history: action("hidden", "Second") }),
}, async (page, fake) => {
  await page.getByText("The password is allowed by the rule “First”.").waitFor();
  await page.getByText("Older passwords are allowed by the rule “Second”.").waitFor();
  await page.locator("#reason").fill("because");
  await button(page, "Show an older password").click();
  await page.locator(".password").first().waitFor();
  assert.equal(posts(fake)[0].body, '{"reason":"","nth":1}');
});

pageTest("one press shows account, password and times", { path }, async (page, fake) => {
  await page.locator("#reason").fill("INC1");
  await reveal(page);
  assert.equal(await heading(page), "Local administrator password for LON-001");
  assert.equal(await focused(page), "Local administrator password for LON-001");
  assert.equal(await page.title(), "Local administrator password for LON-001 – Local administrator passwords");
  assert.equal(await shown(page), PASSWORD);
  const panel = await page.locator(".revealed").textContent();
  for (const part of ["LapsAdmin", credential().sid, "Backed up", "Expires", "(2 days ago)"]) assert.ok(panel.includes(part), part);
  assert.equal(page.url(), fake.url + path);
  await heard(page, "Password shown. It will be hidden in 60 seconds.");
});

pageTest("characters differ by more than colour, and marks are not part of the text", { path }, async (page) => {
  await reveal(page);
  const chars = await page.locator(".char").evaluateAll((all) => all.map((char) => [
    char.textContent, getComputedStyle(char, "::after").content[1], getComputedStyle(char).color, getComputedStyle(char).fontWeight,
  ]));
  assert.equal(chars.map(([, mark]) => mark).join(""), "aA1#aA1aA#A1a#");
  const [lower, , digit, symbol] = chars;
  assert.equal(new Set([lower[2], digit[2], symbol[2]]).size, 3);
  assert.notEqual(lower[3], digit[3]);
  assert.deepEqual((await page.locator(".group").allTextContents()).map((text) => text.length), [4, 4, 4, 2]);
  assert.deepEqual(await page.locator(".password").evaluate((node) => [node.getAttribute("translate"), node.getAttribute("dir")]), ["no", "ltr"]);
});

pageTest("two quick presses make one request", { path }, async (page, fake) => {
  let release;
  fake.next.password = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await button(page, "Show password").dblclick();
  await page.getByText(TEXT["device.asking"]).waitFor();
  release();
  await page.locator(".password").waitFor();
  assert.equal(posts(fake).length, 1);
});

pageTest("hiding leaves nothing of the password anywhere, and keeps the reason", { path }, async (page) => {
  const probe = async () => {
    const { seen, spoken } = await everything(page);
    return [seen.includes(PASSWORD), spoken.includes(PASSWORD)];
  };
  await page.locator("#reason").fill("INC7");
  await reveal(page);
  assert.deepEqual(await probe(), [true, true]);
  const { seen } = await everything(page);
  const outside = seen.replace(/<div class="password".*?<\/div>/s, "").split("\n").filter((line) => line.includes(PASSWORD));
  assert.equal(outside.length, 1, "only the text of the panel holds it");
  await button(page, "Hide").click();
  await until(() => heading(page), "LON-001");
  assert.deepEqual(await probe(), [false, false]);
  assert.equal(await focused(page), "LON-001");
  assert.equal(await page.locator("#reason").inputValue(), "INC7");
  await heard(page, "Password hidden.");
});

pageTest("the password hides itself, warns before, and stays longer on request", { path }, async (page) => {
  await page.clock.install();
  await page.reload();
  await reveal(page);
  await page.clock.pauseAt(await page.evaluate(() => Date.now()) + 1000);
  const left = async () => Number(/\d+/.exec(await page.locator(".countdown").textContent())[0]);
  assert.ok(await left() > 50);
  await page.clock.runFor((await left() - 19) * 1000);
  assert.match(await status(page), /^The password will be hidden in \d+ seconds\.$/);
  const keep = button(page, "Keep showing (60 s more)");
  assert.match(await keep.getAttribute("class"), /primary/);
  await keep.click();
  await page.clock.runFor(500);
  assert.ok(await left() > 58);
  assert.doesNotMatch(await keep.getAttribute("class"), /primary/);
  await page.clock.runFor(58_000);
  assert.equal(await shown(page), PASSWORD);
  await page.clock.runFor(3000);
  assert.equal(await heading(page), "LON-001");
  assert.equal(await page.locator(".password").count(), 0);
  assert.equal(await status(page), "Time is up. Password hidden.");
});

pageTest("a machine that slept shows no password when it wakes", { path }, async (page) => {
  await page.clock.install();
  await page.reload();
  await reveal(page);
  await page.clock.fastForward(3_600_000);
  await until(() => page.locator(".password").count(), 0);
});

pageTest("a clock that is set back does not keep the password", { path }, async (page) => {
  await page.clock.install({ time: new Date("2026-03-04T12:00:00Z") });
  await page.reload();
  await reveal(page);
  await page.clock.pauseAt(new Date("2026-03-04T12:00:30Z"));
  await page.clock.setSystemTime(new Date("2026-03-04T11:00:00Z"));
  await page.clock.runFor(62_000);
  assert.equal(await heading(page), "LON-001");
  assert.equal(await page.locator(".password").count(), 0);
});

pageTest("the time follows the server's setting; 0 hides nothing by itself", { path, api: { session: { ui: { hideAfter: 0 } } } }, async (page) => {
  await page.clock.install();
  await page.reload();
  await reveal(page);
  assert.equal(await page.locator(".revealed .actions").textContent(), "Copy passwordHide");
  await page.clock.fastForward(3_600_000);
  assert.equal(await shown(page), PASSWORD);
  await heard(page, "Password shown.");
});

pageTest("going back leaves the password behind, and forward does not bring it", { path: "?q=lon" }, async (page) => {
  await page.locator(".row").first().click();
  await reveal(page);
  await page.goBack();
  await until(() => heading(page), "Find a device");
  assert.ok(!(await everything(page)).seen.includes(PASSWORD));
  await page.goForward();
  await button(page, "Show password").waitFor();
  assert.ok(!(await everything(page)).seen.includes(PASSWORD));
});

pageTest("leaving the page wipes it before the browser may keep it", { path }, async (page) => {
  await reveal(page);
  await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })); });
  assert.ok(!(await everything(page)).seen.includes(PASSWORD));
  await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })); });
  await button(page, "Show password").waitFor();
});

pageTest("a new search hides, forgets the device and its reason", { path }, async (page, fake) => {
  await page.locator("#reason").fill("INC7");
  await reveal(page);
  await button(page, "New search").click();
  await until(() => heading(page), "Find a device");
  assert.equal(await focused(page), "q");
  assert.equal(page.url(), fake.url);
  const { seen } = await everything(page);
  assert.ok(!seen.includes(PASSWORD) && !seen.includes("INC7"));
});

pageTest("passwords are not printed", { path }, async (page) => {
  await reveal(page);
  assert.equal(await page.getByText(TEXT["reveal.print"]).isVisible(), false);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".password").isVisible(), false);
  assert.equal(await page.getByText(TEXT["reveal.print"]).isVisible(), true);
});

/** The characters for which a PDF of Chromium's has glyphs: the maps of its fonts to Unicode name those that are used. @param {Buffer} pdf */
function glyphsOf(pdf) {
  const streams = [...pdf.toString("latin1").matchAll(/stream\r?\n([^]*?)\r?\nendstream/g)].map(([, bytes]) => Buffer.from(bytes, "latin1"));
  const maps = streams.map((bytes) => { try { return inflateSync(bytes).toString("latin1"); } catch { return ""; } }).filter((text) => text.includes("beginbf"));
  return maps.flatMap((map) => [...map.matchAll(/<([0-9A-F]{4})>\s/gi)].map(([, hex]) => String.fromCharCode(parseInt(hex, 16)))).join("");
}

pageTest("no glyph of a shown password is in a print, not of the one that is spelled either", { path }, async (page, fake) => {
  const rare = ["†", "Ω", "¶"]; // far from one another: neighbours share a line of the map
  fake.credentials.password = () => [credential({ password: rare.join(""), account: "LapsAdmin" })];
  await reveal(page);
  await button(page, TEXT["reveal.spell"]).click();
  await page.locator(".spelling li").first().waitFor();
  const onPaper = glyphsOf(await page.pdf());
  await page.emulateMedia({ media: "screen" });
  const onScreen = glyphsOf(await page.pdf());
  assert.deepEqual(rare.map((char) => [onPaper.includes(char), onScreen.includes(char)]), rare.map(() => [false, true]));
});

pageTest("a password that comes with markup, spaces and odd characters is shown as it is", { path }, async (page, fake) => {
  const odd = "<b>a  b&amp;😀\"'";
  fake.credentials.password = () => [credential({ password: odd, account: "<script>", sid: null, expires: null })];
  await reveal(page);
  assert.equal(await shown(page), odd);
  assert.equal(await page.locator(".secret bdi").textContent(), "<script>");
});

pageTest("a password is shown of an account whose name Entra does not tell", { path }, async (page, fake) => {
  fake.credentials.password = () => [credential({ account: null })];
  await reveal(page);
  assert.equal(await shown(page), PASSWORD);
  assert.equal(await page.locator(".secret bdi").count(), 0);
});

pageTest("a device without older passwords says so", { path, api: withActions({ history: action("hidden") }) }, async (page, fake) => {
  fake.credentials.history = () => [];
  await button(page, "Show an older password").click();
  await heard(page, TEXT["reveal.none"]);
  assert.equal(await page.locator(".countdown").count(), 0);
  await button(page, TEXT["problem.back"]).click();
  await button(page, "Show an older password").waitFor();
});

pageTest("frequent reasons fill in the field, and can be changed", {
  path, api: withActions({ password: { rule: "London helpdesk", reason: { mode: "required", choices: ["Repair on site", "<b>Other"] } } }),
}, async (page, fake) => {
  await button(page, "<b>Other").click();
  assert.equal(await page.locator("#reason").inputValue(), "<b>Other");
  await button(page, "Repair on site").click();
  assert.equal(await focused(page), "reason");
  await page.keyboard.type(" 4");
  await reveal(page);
  assert.equal(posts(fake)[0].body, '{"reason":"Repair on site 4"}');
});

pageTest("a slow answer is told and can be cancelled; what comes after that is not shown", { path }, async (page, fake) => {
  /** @type {() => void} */
  let release = () => {};
  fake.next.password = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await button(page, "Show password").click();
  await page.getByText(TEXT["device.asking"]).waitFor();
  await button(page, "Show password").click();
  assert.equal(posts(fake).length, 1);
  await button(page, "Cancel").press("Enter");
  await page.getByText(TEXT["device.cancelled"]).waitFor();
  assert.equal(await focused(page), await heading(page), "the button that had the focus is gone");
  release();
  await reveal(page);
  assert.equal(posts(fake).length, 2);
});

pageTest("a device that takes long says so and can be left", { path: "" }, async (page, fake) => {
  fake.next.device = () => new Promise(() => {});
  await page.goto(fake.url + path);
  await page.getByText(TEXT["device.loading"]).waitFor();
  await button(page, "New search").click();
  await until(() => focused(page), "q");
});

pageTest("the admin's text stands beside the password, with the hint on rotation", {
  path, api: { session: { ui: { result: "Sign out. See https://help.contoso.example/laps.", hideAfter: 60 } } },
}, async (page) => {
  await reveal(page);
  assert.equal(await page.getByRole("link", { name: "https://help.contoso.example/laps" }).count(), 1);
  await page.getByText("PostAuthenticationActions").waitFor();
});

pageTest("the account's name and SID can be copied", { path }, async (page) => {
  await reveal(page);
  await button(page, "Copy account name").click();
  await button(page, "Copied").waitFor();
  await page.locator(".wide").getByRole("button", { name: "Copy" }).click();
  await until(() => button(page, "Copied").count(), 2);
});

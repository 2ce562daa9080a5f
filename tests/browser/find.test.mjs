// @ts-check
// The Find state: typing, waiting, choosing, going back, deep links.

import assert from "node:assert/strict";
import { device, problem } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, focused, heading, heard, pageTest, posts, searches, status, until, useBrowser } from "./harness.mjs";

useBrowser();

const hidden = { rule: "London helpdesk", reason: { mode: "hidden", hint: null, pattern: null } };

pageTest("a double click on a device opens it, and presses nothing there", {
  path: "", api: { devices: Array.from({ length: 9 }, (_, index) => device(index + 1, { actions: { password: hidden } })) }, page: { viewport: { width: 1280, height: 900 } },
}, async (page, fake) => {
  const rows = page.locator(".row");
  let pressed = 0;
  for (let index = 0; index < 8; index++) {
    await page.goto(`${fake.url}?q=lon`);
    const { x = 0, y = 0 } = await rows.nth(index).boundingBox() ?? {};
    await page.mouse.click(x + 60, y + 30);
    await button(page, "Show password").waitFor();
    pressed += Number(await page.evaluate((place) => document.elementFromPoint(...place)?.textContent === "Show password", [x + 60, y + 30]));
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
  }
  assert.ok(pressed > 0, "no row lies where the button comes");
  assert.deepEqual(posts(fake), []);
});

pageTest("a press that a new list has swallowed can be repeated at once", { path: "?q=lon" }, async (page) => {
  const row = page.locator(".row").first();
  const { x = 0, y = 0 } = await row.boundingBox() ?? {};
  await page.mouse.move(x + 60, y + 20);
  await page.mouse.down();
  const old = await row.elementHandle();
  await page.evaluate(() => document.querySelector("form")?.requestSubmit());
  await until(() => old?.evaluate((element) => element.isConnected), false);
  await page.mouse.up();
  assert.equal(await heading(page), TEXT["find.title"]);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  await until(() => heading(page), "LON-001");
});

const names = (page) => page.locator(".row .name").allTextContents();
const lon = [1, 2, 3].map((number) => device(number));
// As the server gives them: the newest sign-in first.
const same = [
  device(12, { name: "PC-1042", lastSeen: "2026-11-21T10:00:00Z" }),
  device(11, { name: "PC-1042", lastSeen: "2026-10-02T10:00:00Z" }),
  device(13, { name: "pc-1042", lastSeen: null, enabled: false }),
];

pageTest("the first view asks for a device, with the field ready for typing", { path: "" }, async (page, fake) => {
  assert.equal(await heading(page), "Find a device");
  assert.equal(await page.title(), "Find a device – Local administrator passwords");
  assert.equal(await focused(page), "q");
  assert.match(await page.locator("header").textContent(), /Alice Example/);
  assert.deepEqual(fake.requests, []);
  await page.keyboard.type("lon");
  await until(() => searches(fake), 1);
  assert.equal(fake.requests[0].headers["accept"], "application/json");
  assert.equal(fake.requests[0].headers["x-amlaps-request"], "1");
});

pageTest("the page works wherever it is mounted", { path: "?q=lon", api: { mount: "/any/where/" } }, async (page) => {
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
});

pageTest("typing searches once the keys rest, from two characters on", { path: "" }, async (page, fake) => {
  await page.clock.install();
  await page.reload();
  await page.locator("#q").waitFor();
  await page.keyboard.type("l");
  await page.clock.runFor(1000);
  assert.equal(searches(fake), 0);
  await page.keyboard.type("on");
  await page.clock.runFor(1000);
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
  assert.equal(searches(fake), 1);
  assert.equal(new URL(page.url()).search, "?q=lon");
});

pageTest("Enter searches at once, and says what is missing", { path: "" }, async (page, fake) => {
  await page.clock.install();
  await page.reload();
  await page.locator("#q").waitFor();
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.keyboard.type("lon");
  await page.keyboard.press("Enter");
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
  assert.equal(searches(fake), 1);
  await page.locator("#q").fill("l");
  await page.keyboard.press("Enter");
  await page.getByText(TEXT["find.short"]).waitFor();
  assert.equal(searches(fake), 1);
});

pageTest("an answer to an older question is not shown", { path: "" }, async (page, fake) => {
  let release;
  fake.next.search = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await page.locator("#q").fill("lon-001");
  await until(() => searches(fake), 1);
  await page.locator("#q").fill("lon-002");
  await until(() => names(page), ["LON-002"]);
  release();
  await page.locator("#q").press("Tab");
  assert.deepEqual(await names(page), ["LON-002"]);
});

pageTest("the count is said once typing rests, not at each key", { path: "" }, async (page) => {
  await page.clock.install();
  await page.reload();
  await page.locator("#q").waitFor();
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.keyboard.type("l");
  await page.locator("[aria-busy=false]").waitFor({ state: "attached" });
  await page.keyboard.type("on");
  await page.clock.runFor(250);
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
  await page.clock.runFor(1200);
  assert.equal(await status(page), "");
  await page.clock.runFor(400);
  assert.equal(await status(page), "3 devices found.");
});

pageTest("a wait is said in words", { path: "" }, async (page, fake) => {
  let release;
  fake.next.search = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await page.locator("#q").fill("lon");
  await page.getByText(TEXT["find.searching"]).waitFor();
  assert.equal(await status(page), "");
  release();
  await heard(page, "3 devices found.");
  assert.equal(await page.getByText(TEXT["find.searching"]).count(), 0);
});

pageTest("arrow keys lead through the list; Escape back to the field, and then empties it", { path: "?q=lon" }, async (page) => {
  await page.locator(".row").first().waitFor();
  const pressed = async (key) => { await page.keyboard.press(key); return focused(page); };
  assert.equal(await focused(page), "q");
  assert.equal(await pressed("ArrowDown"), "LON-001");
  assert.equal(await pressed("ArrowDown"), "LON-002");
  assert.equal(await pressed("End"), "LON-003");
  assert.equal(await pressed("ArrowDown"), "LON-003");
  assert.equal(await pressed("Home"), "LON-001");
  assert.equal(await pressed("ArrowUp"), "q");
  await page.keyboard.press("ArrowDown");
  assert.equal(await pressed("Escape"), "q");
  assert.equal(await page.locator("#q").inputValue(), "lon");
  assert.equal(await pressed("Escape"), "q");
  assert.equal(await page.locator("#q").inputValue(), "");
  await until(() => page.locator(".row").count(), 0);
});

pageTest("equal names are told apart and none is chosen", { path: "?q=pc-10", api: { devices: [...same, device(14, { name: "PC-10" })] } }, async (page) => {
  await until(() => names(page), ["PC-10", "PC-1042", "PC-1042", "pc-1042"]);
  assert.equal(await page.locator(".same > p").textContent(), "3 devices are named PC-1042. Compare before you choose.");
  const rows = await page.locator(".same .row").allTextContents();
  assert.deepEqual(rows.map((text) => text.includes(TEXT["mark.newest"])), [true, false, false]);
  assert.deepEqual(rows.map((text) => /ID …0000001\d/.test(text)), [true, true, true]);
  assert.match(rows[2], /Disabled.*Last sign-in not known/);
  assert.equal(await focused(page), "q");
});

pageTest("a device without a name is called by its id", { path: "" }, async (page, fake) => {
  const { deviceId } = device(1);
  fake.devices = [device(1, { name: null })];
  await page.keyboard.type(deviceId);
  await page.locator(".row", { hasText: deviceId }).click();
  await until(() => heading(page), deviceId);
  await button(page, "Show password").click();
  await until(() => heading(page), `Local administrator password for ${deviceId}`);
});

pageTest("old, disabled and half-permitted devices are marked, and tenants where there are several", {
  path: "?q=lon",
  api: {
    session: { tenants: [{ name: "contoso" }, { name: "fabrikam" }] },
    devices: [device(1, { lastSeen: "2020-01-01T00:00:00Z" }), device(2, { enabled: false, tenant: "fabrikam" }), device(3, { actions: { history: {} }, join: "ServerAd" })],
  },
}, async (page) => {
  await page.locator(".row").first().waitFor();
  const rows = await page.locator(".row").allTextContents();
  assert.match(rows[0], /Not seen for 90 days.*contoso/);
  assert.match(rows[1], /Disabled.*fabrikam/);
  assert.match(rows[2], /Older passwords only.*Entra hybrid joined/);
});

pageTest("nothing found is explained", { path: "?q=zzz" }, async (page) => {
  await page.getByText("No device named “zzz” that you may see.").waitFor();
  assert.equal(await page.locator(".causes li").count(), 3);
  await heard(page, "No device named “zzz” that you may see.");
});

pageTest("more matches than are shown are told", { path: "" }, async (page, fake) => {
  fake.more = true;
  await page.locator("#q").fill("lon");
  await page.getByText(TEXT["find.more"]).waitFor();
});

pageTest("going back shows the list again without asking again", { path: "?q=lon" }, async (page, fake) => {
  await page.locator(".row").nth(1).click();
  await button(page, "Show password").waitFor();
  assert.equal(page.url(), fake.url + deviceQuery(lon[1]));
  assert.equal(await page.title(), "LON-002 – Local administrator passwords");
  await page.goBack();
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
  assert.equal(await focused(page), "Find a device");
  assert.equal(searches(fake), 1);
  await page.goForward();
  await button(page, "Show password").waitFor();
  assert.equal(await focused(page), "LON-002");
});

pageTest("a link with a name fills in the search and opens nothing", { path: "?device=LON-002" }, async (page, fake) => {
  await until(() => names(page), ["LON-002"]);
  assert.equal(await heading(page), "Find a device");
  assert.equal(await page.locator("#q").inputValue(), "LON-002");
  assert.deepEqual(fake.requests.map(({ path }) => path), ["devices"]);
});

pageTest("a link with a device shows it and discloses nothing", { path: deviceQuery(lon[0]) }, async (page, fake) => {
  await button(page, "Show password").waitFor();
  assert.equal(await focused(page), "LON-001");
  assert.deepEqual(posts(fake), []);
  await page.goto(`${fake.url}?device=${lon[1].deviceId}`);
  await button(page, "Show password").waitFor();
  assert.equal(await heading(page), "LON-002");
  assert.deepEqual(posts(fake), []);
});

pageTest("names with markup and direction marks are nothing but text", {
  path: "?q=%3Cimg",
  api: { devices: [device(1, { name: "<img src=x onerror=alert(1)>\u202e\u2066DIAG", model: "<b>x</b>", manufacturer: "\u202eevil" })], session: { user: { id: "1", name: "<i>Bob\u202e</i>", username: "b" } } },
}, async (page) => {
  await page.locator(".row").click();
  await button(page, "Show password").waitFor();
  assert.equal(await heading(page), "<img src=x onerror=alert(1)>\ufffd\ufffdDIAG");
  assert.match(await page.title(), /^<img src=x onerror=alert\(1\)>\ufffd\ufffdDIAG – /);
  assert.equal(await page.locator("main img, main b, header i").count(), 0);
  assert.doesNotMatch(await page.content(), /[\u202a-\u202e\u2066-\u2069]/);
});

pageTest("a search that fails says so in its place and is not taken for an empty list", { path: "" }, async (page, fake) => {
  fake.next.search = problem(429, "rate_limited", "60 searches a minute.", { "Retry-After": "30" });
  await page.locator("#q").fill("lon");
  await page.locator("h2", { hasText: TEXT["problem.rate_limited.title"] }).waitFor();
  assert.match(await page.locator(".problem .lead").textContent(), /Try again at \d\d:\d\d:\d\d\.$/);
  assert.equal(await focused(page), "q");
  await until(async () => /as are allowed for now/.test(await status(page)), true);
  await page.keyboard.press("Enter");
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
});

pageTest("a tenant that was not searched, or not completely, is named, beside what was found and instead of an empty list", { path: "" }, async (page, fake) => {
  fake.gaps = [{ tenant: "fabrikam", code: "tenant_unreachable" }, { tenant: "tailspin", code: "new_code" }];
  await page.locator("#q").fill("lon");
  await until(() => names(page), ["LON-001", "LON-002", "LON-003"]);
  assert.deepEqual(await page.locator(".found > .problem").allTextContents(),
    ["Devices of fabrikam may be missing: Microsoft does not answer.", "Devices of tailspin may be missing: There is a problem."]);
  await until(async () => /3 devices found\. Devices of fabrikam may be missing/.test(await status(page)), true);
  await page.locator("#q").fill("zzz");
  await page.locator(".causes").waitFor();
  assert.equal(await page.locator(".found > .problem").count(), 2);
});

pageTest("the count stands above the list", { path: "?q=lon" }, async (page) => {
  await page.getByText("3 devices found.").first().waitFor();
  await page.locator("#q").fill("lon-001");
  await page.getByText("1 device found.").first().waitFor();
});

pageTest("what only a role may see has links for those who have it", { api: { session: { roles: ["auditor"] } } }, async (page, fake) => {
  await page.goto(fake.url);
  await page.locator("#q").waitFor();
  assert.deepEqual(await page.locator("nav a").allTextContents(), ["Audit"]);
  fake.session.roles = [];
  await page.goto(`${fake.url}?view=audit`);
  await until(() => heading(page), "Find a device");
  assert.equal(await page.locator("nav").count(), 0);
});

for (const [locale, title, dir] of [["de-AT", "Gerät suchen", "ltr"], ["pt-BR", "Pesquisar um dispositivo", "ltr"], ["ar-EG", "البحث عن جهاز", "rtl"], ["ja", "デバイスを検索", "ltr"], ["cs", "Find a device", "ltr"]]) {
  pageTest(`the language of the browser: ${locale}`, { path: "?q=lon", page: { locale } }, async (page) => {
    assert.equal(await heading(page), title);
    await page.locator(".row").first().waitFor();
    const html = page.locator("html");
    assert.deepEqual([await html.getAttribute("lang"), await html.getAttribute("dir")], [locale === "cs" ? "en" : locale.split("-")[0], dir]);
    const edge = await page.locator(".row .name").first().evaluate((node) => node.getBoundingClientRect().left > window.innerWidth / 2);
    assert.equal(edge, dir === "rtl");
  });
}

pageTest("the language of the admin comes before that of the browser", { path: "", api: { session: { ui: { language: "fr" } } }, page: { locale: "de" } }, async (page) => {
  assert.equal(await heading(page), "Rechercher un appareil");
});

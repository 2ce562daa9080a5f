// @ts-check
// The Problem state: every code in plain words, what to do, the reference, and going on where one was.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PASSWORD, device, problem } from "./fake-api.mjs";
import { TEXT, button, deviceQuery, focused, heading, heard, pageTest, posts, searches, until, useBrowser } from "./harness.mjs";

useBrowser();

const path = deviceQuery(device(1));
const codes = {
  bad_request: 400, cross_site: 403, not_found: 404, method_not_allowed: 405, not_authorized: 403, rate_limited: 429, no_password: 404, policy_undecidable: 503,
  tenant_credential_invalid: 502, tenant_permission_missing: 502, tenant_throttled: 503, tenant_unreachable: 504, tenant_error: 502,
  audit_unavailable: 503, notification_failed: 503, busy: 503,
};

pageTest("every code of the contract is told in plain words, with the server's own and a reference", { path }, async (page, fake) => {
  for (const [code, answer] of Object.entries(codes)) {
    fake.next.password = problem(answer, code, `Detail of ${code} <b>.`);
    await button(page, "Show password").click();
    await until(() => heading(page), TEXT[`problem.${code}.title`]);
    assert.equal(await focused(page), TEXT[`problem.${code}.title`]);
    assert.equal(await page.title(), `Error: ${TEXT[`problem.${code}.title`]} – Local administrator passwords`);
    const text = await page.locator(".problem").textContent();
    for (const part of [TEXT[`problem.${code}.text`], `Detail of ${code} <b>.`, "7F3A-91C2"]) assert.ok(text.includes(part), `${code}: ${part}`);
    await button(page, "Back").click();
    await until(() => heading(page), "LON-001");
  }
});

pageTest("the usual reasons why there is no password", { path }, async (page, fake) => {
  fake.next.password = problem(404, "no_password");
  await button(page, "Show password").click();
  await page.locator(".causes").waitFor();
  assert.equal(await page.locator(".causes li").count(), 3);
});

pageTest("a limit names the time when it ends, and the day where that is not today", {}, async (page, fake) => {
  await page.clock.setFixedTime("2026-11-22T16:30:00Z");
  await page.goto(fake.url + path);
  fake.next.password = problem(429, "rate_limited", "", { "Retry-After": "Sun, 22 Nov 2026 16:32:10 GMT" });
  await button(page, "Show password").click();
  await page.getByText("Try again at 16:32:10.").waitFor();
  await button(page, "Back").click();
  fake.next.password = problem(429, "rate_limited", "", { "Retry-After": "82800" });
  await button(page, "Show password").click();
  await page.getByText("Try again on 23 Nov 2026, 15:30.").waitFor();
});

pageTest("the whole reference can be copied", { path }, async (page, fake) => {
  fake.next.password = problem(503, "busy");
  await button(page, "Show password").click();
  await button(page, "Copy reference").click();
  await button(page, "Copied").waitFor();
  const other = await page.context().newPage();
  await other.setContent("<textarea></textarea>");
  await other.locator("textarea").press("Control+V");
  assert.equal(await other.locator("textarea").inputValue(), "7f3a91c2-5b0e-4d1c-9a55-0c6a0f0e1b2c");
});

pageTest("a device that one may not see: no difference to one that is not there", { path: "?device=contoso/00000000-0000-4000-8000-000000000099" }, async (page) => {
  assert.equal(await heading(page), TEXT["problem.not_authorized.title"]);
  await button(page, "New search").click();
  await until(() => heading(page), "Find a device");
});

pageTest("a device that could not be loaded can be tried again", { path: "" }, async (page, fake) => {
  fake.next.device = problem(504, "tenant_unreachable");
  await page.goto(fake.url + path);
  await button(page, "Try again").click();
  await button(page, "Show password").waitFor();
});

pageTest("a session that ended keeps the reason over a real sign-in, and forgets it when it is used", { path }, async (page, fake) => {
  await page.locator("#reason").fill("INC0042 Ärger");
  fake.next.password = problem(401, "not_authenticated");
  await button(page, "Show password").click();
  const link = page.getByRole("link", { name: TEXT["problem.signIn"] });
  await link.waitFor();
  assert.equal(await link.evaluate((node) => /** @type {HTMLAnchorElement} */ (node).href), fake.url + path);
  await link.click();
  await until(() => page.locator("#reason").inputValue().catch(() => ""), "INC0042 Ärger");
  await button(page, "Show password").click();
  await page.locator(".password").waitFor();
  assert.equal(JSON.parse(posts(fake).at(-1).body).reason, "INC0042 Ärger");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

pageTest("a reason is kept for its own device only", { path }, async (page, fake) => {
  await page.locator("#reason").fill("INC0042");
  fake.next.password = problem(401, "not_authenticated");
  await button(page, "Show password").click();
  await page.getByRole("link", { name: TEXT["problem.signIn"] }).waitFor();
  await page.goto(fake.url + deviceQuery(device(2)));
  await button(page, "Show password").waitFor();
  assert.equal(await page.locator("#reason").inputValue(), "");
});

pageTest("a session that ended while searching", { path: "" }, async (page, fake) => {
  fake.next.search = { status: 401, type: "text/html", text: "<h1>Unauthorized</h1>" };
  await page.locator("#q").fill("lon");
  const link = page.getByRole("link", { name: TEXT["problem.signIn"] });
  await link.waitFor();
  assert.equal(await link.getAttribute("href"), "/laps/?q=lon");
});

pageTest("no session at the start", {}, async (page, fake) => {
  fake.next.session = problem(401, "not_authenticated");
  await page.goto(fake.url + path);
  await until(() => heading(page), TEXT["problem.not_authenticated.title"]);
  await page.getByRole("link", { name: TEXT["problem.signIn"] }).click();
  await button(page, "Show password").waitFor();
});

pageTest("who is signed in but not known is not asked to sign in again", {}, async (page, fake) => {
  fake.next.session = problem(401, "unusable", "You are signed in, but.");
  await page.goto(fake.url + path);
  await until(() => heading(page), TEXT["problem.unusable.title"]);
  await page.getByText(TEXT["problem.unusable.text"]).waitFor();
  assert.equal(await page.getByRole("link", { name: TEXT["problem.signIn"] }).count(), 0);
  assert.equal(await page.getByText(TEXT["problem.not_authenticated.title"]).count(), 0);
});

pageTest("a start that failed otherwise can be tried again", {}, async (page, fake) => {
  fake.next.session = problem(503, "busy");
  await page.goto(fake.url);
  await button(page, "Try again").click();
  await until(() => heading(page), "Find a device");
});

pageTest("no answer about a password: it may have been recorded", { path }, async (page, fake) => {
  // Each time: browsers repeat a request by themselves when a connection that they kept open is gone.
  const hangUp = () => { fake.next.password = hangUp; return "hang up"; };
  fake.next.password = hangUp;
  await button(page, "Show password").click();
  await until(() => heading(page), TEXT["problem.sent.title"]);
  await page.getByText("No password was shown, but the request may have been recorded.").waitFor();
});

pageTest("an answer of somebody else is no password and no empty list", { path }, async (page, fake) => {
  for (const given of [{ status: 502, type: "text/html", text: `<h1>Bad gateway ${PASSWORD}</h1>` }, { status: 200, type: "text/html", text: "<p>Welcome to the Wi-Fi" }]) {
    fake.next.password = given;
    await button(page, "Show password").click();
    await until(() => heading(page), TEXT["problem.sent.title"]);
    await button(page, "Back").click();
    await button(page, "Show password").waitFor();
  }
});

pageTest("the page follows no redirection", { path }, async (page, fake) => {
  fake.next.password = { status: 302, headers: { Location: fake.url }, body: {} };
  await button(page, "Show password").click();
  await until(() => heading(page), TEXT["problem.sent.title"]);
});

pageTest("an answer that comes after one has left shows nothing", { path: "?q=lon" }, async (page, fake) => {
  await page.locator(".row").first().click();
  let release;
  fake.next.password = (reply) => new Promise((resolve) => { release = () => resolve(reply()); });
  await button(page, "Show password").click();
  await until(() => posts(fake).length, 1);
  await page.goBack();
  await until(() => heading(page), "Find a device");
  release();
  await page.locator("#q").fill("lon-00");
  await until(() => searches(fake), 2);
  await heard(page, "3 devices found.");
  assert.equal(await page.locator(".password").count(), 0);
});

/** Parts of the page that are not there yet do not come either. @param {any} page @param {number} status */
const refuseParts = (page, status) => page.route("**/*.js", (route) => route.fulfill({ status, body: "" }));

/** What the page says of them in the console is what was meant. @param {any} page */
const partsMissing = (page) => assert.match(page.said.splice(0).join(), /\.js/);

for (const [code, answer, press] of /** @type {[string, number, string][]} */ ([["not_authenticated", 401, "problem.signIn"], ["not_authorized", 403, "problem.again"]])) {
  pageTest(`before the first key was pressed the session became ${code}`, { path: "" }, async (page, fake) => {
    await refuseParts(page, answer);
    fake.next.session = problem(answer, code);
    await page.locator("#q").fill("lon");
    await until(() => heading(page), TEXT[`problem.${code}.title`]);
    assert.equal(await focused(page), TEXT[`problem.${code}.title`]);
    assert.equal(await page.title(), `Error: ${TEXT[`problem.${code}.title`]} – Local administrator passwords`);
    await page.getByText(TEXT[`problem.${code}.text`]).waitFor();
    await page.unroute("**/*.js");
    await page.getByRole("link", { name: TEXT[press] }).click();
    await page.locator(".row").first().waitFor();
    assert.equal(await page.locator("#q").inputValue(), "lon");
    partsMissing(page);
  });
}

pageTest("no connection at the first key", { path: "" }, async (page) => {
  await page.context().setOffline(true);
  await page.locator("#q").fill("lon");
  await until(() => heading(page), TEXT["problem.offline.title"]);
  assert.equal(new URL(page.url()).search, "?q=lon");
  await page.context().setOffline(false);
  await page.getByRole("link", { name: TEXT["problem.again"] }).click();
  await page.locator(".row").first().waitFor();
  partsMissing(page);
});

pageTest("a session that ended before a view was loaded", {}, async (page, fake) => {
  await page.route("**/{device,audit}.js", (route) => route.fulfill({ status: 401, body: "" }));
  fake.session.roles = ["auditor"];
  await page.goto(`${fake.url}?q=lon`);
  for (const [open, address] of /** @type {[import("playwright-core").Locator, string][]} */ ([[page.locator(".row").first(), `/laps/${path}`], [page.getByRole("link", { name: "Audit" }), "/laps/?view=audit"]])) {
    await open.waitFor();
    fake.next.session = problem(401, "not_authenticated");
    await open.click();
    await until(async () => page.getByRole("link", { name: TEXT["problem.signIn"] }).getAttribute("href").catch(() => ""), address);
  }
  partsMissing(page);
});

for (const part of ["**/i18n/more/*.json", "**/more.css", "**/ready.js"]) {
  pageTest(`a view whose part did not come once opens at the next press, and so does another: ${part}`, { path: "", api: { session: { roles: ["auditor", "operator"] } } }, async (page) => {
    await page.route(part, (route) => route.fulfill({ status: 503, body: "" }), { times: 1 });
    const press = (name) => page.getByRole("navigation").getByRole("link", { name }).click();
    await press(TEXT["nav.audit"]);
    await until(() => heading(page), TEXT["problem.lost.title"]);
    await press(TEXT["nav.status"]);
    await page.locator('[href="?view=status"][aria-current]').waitFor();
    await press(TEXT["nav.audit"]);
    await page.locator('[href="?view=audit"][aria-current]').waitFor();
    /** @type {any} */ (page).said.length = 0; // what it said of the part
  });
}

pageTest("who goes on while the page asks why a part did not come, stays there", { path: "" }, async (page, fake) => {
  await page.route("**/find.js", (route) => route.fulfill({ status: 401, body: "" }));
  /** @type {(() => void) | undefined} */
  let release;
  fake.next.session = () => new Promise((resolve) => { release = () => resolve(problem(401, "not_authenticated")); });
  await page.locator("#q").press("l");
  await until(() => Boolean(release), true);
  await page.evaluate((address) => {
    history.pushState(null, "", address);
    window.dispatchEvent(new PopStateEvent("popstate"));
  }, path);
  await until(() => heading(page), "LON-001");
  const answered = page.waitForResponse("**/api/v1/session");
  release?.();
  await answered;
  await button(page, "Show password").waitFor();
  partsMissing(page);
});

for (const [locale, file, prefix] of [["en-GB", "en", "Error: "], ["de-DE", "de", "Fehler: "]]) {
  pageTest(`when its parts cannot be loaded the page says so in the reader's words: ${locale}`, { path: "", page: { locale } }, async (page) => {
    const texts = JSON.parse(readFileSync(new URL(`../../htdocs/i18n/${file}.json`, import.meta.url), "utf8"));
    await page.route("**/find.js", (route) => route.fulfill({ status: 404, body: "" }));
    await page.locator("#q").press("l");
    await until(() => heading(page), texts["problem.lost.title"]);
    await page.getByText(texts["problem.lost.text"]).waitFor();
    assert.equal(await focused(page), texts["problem.lost.title"]);
    assert.ok((await page.title()).startsWith(prefix + texts["problem.lost.title"]), await page.title());
    assert.match(/** @type {any} */ (page).said.splice(0).join(), /find\.js/);
  });
}

const broken = { name: "This page could not be loaded" };

for (const [why, script] of /** @type {[string, object][]} */ ([["no connection", {}], ["a 404", { status: 404, body: "" }], ["an answer of somebody else", { contentType: "text/html", body: "<p>Welcome" }]])) {
  pageTest(`without its script the page says so after some seconds, not at once: ${why}`, { page: { reducedMotion: "reduce" } }, async (page, fake) => {
    await page.route("**/app.js", (route) => ("body" in script ? route.fulfill(script) : route.abort()));
    await page.goto(fake.url);
    const heading = page.getByRole("heading", broken);
    assert.equal(await heading.isVisible(), false);
    const jumped = await page.evaluate(() => document.getAnimations().map((animation) => { animation.currentTime = 9500; }).length);
    assert.equal(jumped, 1);
    assert.equal(await heading.isVisible(), false);
    await heading.waitFor();
    /** @type {any} */ (page).said.length = 0; // what browsers say of a script that is none
  });
}

pageTest("a script that cannot start says so at once", {}, async (page, fake) => {
  await page.route("**/laps/", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/(id="texts">)[^<]*/, "$1no JSON") });
  });
  await page.goto(fake.url);
  await page.getByRole("heading", broken).waitFor();
  assert.match(/** @type {any} */ (page).said.splice(0).join(), /JSON/);
});

// @ts-check
// The page in Firefox ESR: every state, looked over by axe, without a word in the console; and nothing of a password stays.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AXE, AXE_RULES } from "./browser.mjs";
import { PASSWORD, audited, device, problem, startFake } from "./fake-api.mjs";
import { launchFirefox } from "./firefox.mjs";
import { TEXT, deviceQuery } from "./harness.mjs";
import { EXPLAINED, troubles } from "./standing.mjs";

const actions = {
  password: { rule: "London helpdesk", qr: true, reason: { mode: "required", hint: "Ticket number, for example INC0012345", choices: ["Repair on site"] } },
  history: { rule: "Archive", reason: { mode: "optional" } },
};
const unknown = { hasPassword: null, backedUp: null, expires: null };
const devices = [device(1, { actions }), device(2, { enabled: false, lastSeen: "2020-01-01T00:00:00Z", expires: "2020-02-01T00:00:00Z" }),
  device(3, { ...unknown, hasPassword: false }), device(4, unknown), device(11, { name: "PC-1042" }), device(12, { name: "PC-1042", lastSeen: null })];
const ui = { title: null, logo: null, notice: "Maintenance at 22:00.", help: "https://help.contoso.example/", hideAfter: 60, language: null, result: "Sign out." };

const by = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
const named = (text) => `[...document.querySelectorAll("button, a")].find((one) => one.textContent === ${JSON.stringify(text)})`;

/** Every state; `look` is called in each. @param {any} tab @param {any} fake @param {(state: string) => Promise<void>} look */
async function tour(tab, fake, look) {
  await tab.goto(fake.url);
  await tab.until(`document.activeElement?.id === "q"`);
  await look("find");
  await tab.type("lon");
  await tab.until(by(".row"));
  await look("list");
  await tab.goto(`${fake.url}?q=pc-1042`);
  await tab.until(by(".same"));
  await look("same names");
  await tab.goto(`${fake.url}?q=zzz`);
  await tab.until(by(".causes"));
  await look("nothing found");
  for (const [index, told] of [/in 1[12] days/, /2020.*Overdue/, /^None in Entra ID$/, /^Not known$/].entries()) {
    await tab.goto(fake.url + deviceQuery(devices[index]));
    await tab.until(by("form .primary"));
    const facts = await tab.evaluate(`[...document.querySelectorAll(".facts dt")].filter((one) => one.textContent.startsWith("Password")).map((one) => one.nextSibling.textContent.trim())`);
    assert.match(facts.at(-1), told);
    await look(`what is known of the password: ${told}`);
  }
  await tab.goto(fake.url + deviceQuery(devices[0]));
  await tab.click(named(TEXT["device.show"]));
  await tab.until(by("[aria-invalid]"));
  await look("reason missing");
  await tab.click(named("Repair on site"));
  await tab.click(named(TEXT["device.show"]));
  await tab.click(named(TEXT["copy.password"]));
  await tab.until(`!${by("#clipboard")}.hidden`);
  await look("revealed and copied");
  await tab.click(named(TEXT["reveal.spell"]));
  await tab.until(by(".spelling li"));
  await look("spelled");
  await tab.click(named(TEXT["reveal.qr"]));
  await tab.until(by("canvas"));
  await look("QR code");
  await tab.click(named(TEXT["reveal.hideClear"]));
  await tab.click(named(TEXT["device.history"]));
  await tab.until(`document.querySelector("h1").textContent.startsWith("Older password")`);
  await look("history");
  await tab.click(named(TEXT["reveal.hide"]));
  fake.next.password = problem(404, "no_password", "None.");
  await tab.click(named(TEXT["device.show"]));
  await tab.until(by(".problem .causes"));
  await look("problem");
}

/** What auditors and operators see. @param {any} tab @param {any} fake @param {(state: string) => Promise<void>} look */
async function tourOfRoles(tab, fake, look) {
  await tab.goto(`${fake.url}?view=audit`);
  await tab.until(by(".charts"));
  await look("audit");
  await tab.click(by(".record summary"));
  await tab.until(by(".details"));
  await tab.click(by("section:last-of-type .actions button"));
  await tab.until(by(".verdict.good"));
  await look("audit, details and verified");
  await tab.goto(`${fake.url}?view=why&username=bob&name=LON-001`);
  await tab.until(by("fieldset"));
  await look("why, to fill in");
  await tab.click(by("form .primary"));
  await tab.until(by(".verdict"));
  await look("why, answered");
  await tab.goto(`${fake.url}?view=status`);
  await tab.until(`${by("#status")}.textContent.endsWith("Something is broken.")`);
  await look("status");
}

const MODES = {
  light: { prefs: {}, size: [1024, 768] },
  "dark, 320 pixels": { prefs: { "ui.systemUsesDarkTheme": 1, "ui.prefersReducedMotion": 1 }, size: [320, 640] },
};
for (const [mode, { prefs, size }] of Object.entries(MODES)) {
  describe(`Firefox, ${mode}`, () => {
    /** @type {Awaited<ReturnType<typeof launchFirefox>>} */
    let firefox;
    /** @type {Awaited<ReturnType<typeof startFake>>} */
    let fake;
    before(async () => {
      fake = await startFake({ devices, session: { ui, roles: ["auditor", "operator"] } });
      fake.records = [1, 8, 40, 90].flatMap((hours) => audited(3 * hours));
      fake.explanation = EXPLAINED;
      troubles(fake);
      firefox = await launchFirefox({ "intl.accept_languages": "en-GB,en", ...prefs });
      await firefox.tab.resize(size[0], size[1]);
    });
    after(async () => {
      await firefox?.close();
      await fake?.close();
    });

    test("axe finds nothing in any state, nothing overflows, and the console is silent", async () => {
      const { tab } = firefox;
      const found = [];
      const states = [];
      /** @param {string} state */
      const look = async (state) => {
        states.push(state);
        await tab.evaluate(`${AXE}; 0`);
        const lines = await tab.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(AXE_RULES)} }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.target.join(" ")).join(", ")))`);
        found.push(...lines.map((line) => `${state}: ${line}`));
        const [wide, room] = await tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]");
        if (wide > room) found.push(`${state}: ${wide} pixels wide in ${room}`);
      };
      await tour(tab, fake, look);
      await tourOfRoles(tab, fake, look);
      assert.deepEqual(found, []);
      assert.equal(states.length, 19);
      assert.equal(await tab.evaluate(`matchMedia("(prefers-color-scheme: dark)").matches`), mode !== "light");
      assert.deepEqual(tab.said.filter((text) => !/status of 404|No password/.test(text)), []);
    });

    test("after hiding nothing of the password is anywhere", async () => {
      const { tab } = firefox;
      await tab.goto(fake.url + deviceQuery(devices[0]));
      await tab.click(named("Repair on site"));
      await tab.click(named(TEXT["device.show"]));
      await tab.until(`document.body.innerText.replace(/\\s/g, "").includes(${JSON.stringify(PASSWORD)}) || document.querySelector(".password")?.textContent === ${JSON.stringify(PASSWORD)}`);
      await tab.click(named(TEXT["reveal.spell"]));
      await tab.until(by(".spelling li"));
      await tab.click(`[...document.querySelectorAll("button")].find((one) => one.textContent.startsWith(${JSON.stringify(TEXT["reveal.hide"])}))`);
      await tab.until(by("#reason"));
      const everything = await tab.evaluate(`[document.documentElement.outerHTML, document.documentElement.textContent, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }),
        JSON.stringify(history.state), document.title, location.href, document.cookie, ...[...document.querySelectorAll("input, textarea")].map((field) => field.value)].join("\\n")`);
      for (const part of [PASSWORD, "small Romeo"]) assert.ok(!everything.includes(part), part);
      assert.ok(everything.includes("LON-001"));
    });

    test("a password that was clicked, once or more, is selected whole", async () => {
      const { tab } = firefox;
      await tab.goto(fake.url + deviceQuery(devices[0]));
      await tab.click(named("Repair on site"));
      await tab.click(named(TEXT["device.show"]));
      for (const clicks of [1, 2, 3]) {
        await tab.click(`document.querySelectorAll(".char")[6]`, clicks);
        await tab.until(`String(getSelection()) === ${JSON.stringify(PASSWORD)}`);
        await tab.evaluate("getSelection().removeAllRanges()");
        // Elsewhere, or the next click would be counted with these.
        await tab.click(by("h1"));
      }
    });

    test("the keyboard alone leads to a password and away from it", async () => {
      const { tab } = firefox;
      const tabTo = async (name) => {
        for (let count = 0; count < 25; count += 1) {
          await tab.type("Tab");
          if (await tab.evaluate(`document.activeElement?.id === ${JSON.stringify(name)} || document.activeElement?.textContent === ${JSON.stringify(name)}`)) return;
        }
        assert.fail(`no way to ${name} by Tab`);
      };
      await tab.goto(fake.url);
      await tab.until(`document.activeElement?.id === "q"`);
      await tab.type("lon-001");
      await tab.until(`${by(".row mark")}?.textContent === "LON-001"`);
      await tab.type("ArrowDown");
      await tab.type("Enter");
      await tab.until(by("#reason"));
      await tabTo("reason");
      await tab.type("INC1");
      await tabTo(TEXT["device.show"]);
      await tab.type("Enter");
      await tab.until(by(".password"));
      await tabTo(TEXT["reveal.hide"]);
      await tab.type("Enter");
      await tab.until(`document.activeElement?.textContent === "LON-001"`);
    });
  });
}

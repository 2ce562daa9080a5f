// @ts-check
// Makes the pictures of docs/ from the real module in front of the simulated Entra: `make pictures`.

import { fileURLToPath } from "node:url";
import { ruleSection } from "../lib/amlaps-conf.mjs";
import { DEVICES, GROUPS, PEOPLE, defaultWorld } from "../entra/world.mjs";
import { startStage } from "../lib/stage.mjs";
import { launch, openPage } from "./browser.mjs";

const DEVICE = "LON-004";
const SIZE = { width: 960, height: 720 };
const REASON = "INC0012345";
const world = defaultWorld();
// A password as LAPS makes them, instead of the marked ones that the tests search for.
const laps = world.tenants[0].devices.find((device) => device.displayName === DEVICE)?.laps;
if (!laps) throw new Error(`${DEVICE} has no password`);
laps.credentials[0].password = "g4q22s[Xz8}!T32[4;Z#";

const stage = await startStage({
  world,
  amlaps: "AMLapsAuditor role Laps.Auditor\nAMLapsOperator user operator@contoso.com",
  rules: ruleSection("London helpdesk", [
    "AMLapsDevice name LON-*", `AMLapsAllow all group ${GROUPS.londonHelpdesk}`,
    'AMLapsReason required "^INC[0-9]{7}$" "A ticket number such as INC0012345"',
  ]) + ruleSection("Own laptop", ["AMLapsDevice owner", "AMLapsAllow password anyone", "AMLapsReason optional"]),
});
const browser = await launch();

/** @param {object} how @param {string} address */
async function signIn(how, address, who = "helpdesk") {
  const page = await openPage(browser, { deviceScaleFactor: 2, ...how });
  const { username, password } = stage.person(who);
  await page.goto(stage.base + address);
  await page.fill("#username", username);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
  await page.locator("main h1").waitFor();
  return page;
}

/** @param {import("playwright-core").Page} page @param {string} name */
const picture = async (page, name) => {
  await page.mouse.move(0, 0);
  await page.screenshot({ path: fileURLToPath(new URL(`../../docs/${name}.png`, import.meta.url)) });
};

/** From the list to the password. @param {import("playwright-core").Page} page */
async function reveal(page) {
  await page.getByRole("button", { name: new RegExp(`^${DEVICE}`) }).click();
  await page.getByLabel("Reason for access").fill(REASON);
  await page.getByRole("button", { name: "Show password" }).click();
  await page.getByRole("heading", { level: 1, name: /Local administrator password/ }).waitFor();
}

/** Something for the audit to tell of: what is allowed, what is not, and a reason that does not fit. */
async function work() {
  const [helpdesk, owner, nobody] = await Promise.all(["helpdesk", "owner", "nobody"].map((who) => stage.signIn(who)));
  for (const reason of ["INC0012001", "INC0012002", "ticket", "INC0012003"]) await helpdesk.password("contoso", DEVICES.lon001, { reason });
  await owner.password("contoso", DEVICES.ownersLaptop, {});
  await nobody.password("contoso", DEVICES.lon001, { reason: "INC0012004" });
}

try {
  const desk = await signIn({ viewport: SIZE }, `?q=${DEVICE}`);
  await reveal(desk);
  await picture(desk, "screenshot");
  const list = await signIn({ viewport: SIZE }, "?q=LON");
  await list.locator(".row").first().waitFor();
  await picture(list, "screenshot-find");
  const dark = await signIn({ viewport: SIZE, colorScheme: "dark" }, `?q=${DEVICE}`);
  await dark.getByRole("button", { name: new RegExp(`^${DEVICE}`) }).click();
  await dark.getByLabel("Reason for access").fill(REASON);
  await picture(dark, "screenshot-confirm-dark");
  const phone = await signIn({ viewport: { width: 390, height: 844 }, hasTouch: true }, `?q=${DEVICE}`);
  await reveal(phone);
  await phone.getByRole("button", { name: "Spell it" }).click();
  await phone.locator(".spelling li").first().waitFor();
  await phone.locator(".password").evaluate((element) => { element.scrollIntoView({ block: "start" }); });
  await picture(phone, "screenshot-phone");
  await work();
  const audit = await signIn({ viewport: { width: 960, height: 1080 } }, "?view=audit", "auditor");
  await audit.locator(".record").first().waitFor();
  await picture(audit, "screenshot-audit");
  const why = await signIn({ viewport: { width: 960, height: 600 } }, `?${new URLSearchParams({ view: "why", username: "helpdesk@contoso.com", oid: PEOPLE.helpdesk, groups: GROUPS.londonHelpdesk, deviceId: DEVICES.lon001 })}`, "operator");
  await why.getByRole("button", { name: "Explain" }).click();
  await why.locator(".verdict").first().waitFor();
  // Where the configuration of this run lies says nothing to anybody.
  await why.locator(".reasons .quiet").evaluateAll((places) => places.forEach((place) => { place.textContent = place.textContent.replace(/^.*\//, "/etc/apache2/"); }));
  await why.getByRole("heading", { name: "The decision" }).evaluate((element) => { element.scrollIntoView({ block: "start" }); });
  await picture(why, "screenshot-why");
} finally {
  await browser.close();
  await stage.close();
}

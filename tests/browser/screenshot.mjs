// @ts-check
// Makes docs/screenshot.png from the real module in front of the simulated Entra: `node tests/browser/screenshot.mjs`.

import { fileURLToPath } from "node:url";
import { ruleSection } from "../lib/amlaps-conf.mjs";
import { GROUPS, defaultWorld } from "../entra/world.mjs";
import { startStage } from "../lib/stage.mjs";
import { launch, openPage } from "./browser.mjs";

const DEVICE = "LON-004";
const world = defaultWorld();
// A password as LAPS makes them, instead of the marked ones that the tests search for.
const laps = world.tenants[0].devices.find((device) => device.displayName === DEVICE)?.laps;
if (!laps) throw new Error(`${DEVICE} has no password`);
laps.credentials[0].password = "g4q22s[Xz8}!T32[4;Z#";

const stage = await startStage({
  world,
  rules: ruleSection("London helpdesk", [
    "AMLapsDevice name LON-*", `AMLapsAllow all group ${GROUPS.londonHelpdesk}`,
    'AMLapsReason required "^INC[0-9]{7}$" "A ticket number such as INC0012345"',
  ]),
});
const browser = await launch();
try {
  const page = await openPage(browser, { viewport: { width: 960, height: 640 }, deviceScaleFactor: 2 });
  const { username, password } = stage.person("helpdesk");
  await page.goto(`${stage.base}?q=${DEVICE}`);
  await page.fill("#username", username);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: new RegExp(`^${DEVICE}`) }).click();
  await page.getByLabel("Reason for access").fill("INC0012345");
  await page.getByRole("button", { name: "Show password" }).click();
  await page.getByRole("heading", { level: 1, name: /Local administrator password/ }).waitFor();
  await page.screenshot({ path: fileURLToPath(new URL("../../docs/screenshot.png", import.meta.url)) });
} finally {
  await browser.close();
  await stage.close();
}

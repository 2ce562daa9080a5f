// @ts-check
/** @import {ActionName, Child, Credential, Device, Disclosure, State} from "./types.d.ts" */
// The Revealed state. The password is in text nodes and one array, both emptied on hiding; nowhere else.

import { groups } from "./chars.js";
import * as clipboard from "./clipboard.js";
import { h, name, rich, say, t } from "./app.js";
import { code, copyButton, copyingButton, factList, time } from "./parts.js";
import { reference } from "./problem.js";

/** Seconds; WCAG 2.2.1 asks for a warning at least 20 before the time is up. */
const WARN = 20;

/** Marks and positions are in the style sheet, so that selecting gives the password alone. @param {string} password */
function passwordText(password) {
  const shown = h("div", { class: "password", translate: "no", dir: "ltr" }, groups(password).map((group) =>
    h("span", { class: "group" }, group.map(({ char, kind }) => h("span", { class: `char ${kind}` }, char)))));
  shown.addEventListener("copy", (event) => {
    // Browsers put line breaks into a selection that wraps.
    event.clipboardData?.setData("text/plain", String(document.getSelection()).replace(/[\r\n]/g, ""));
    event.preventDefault();
    clipboard.remember();
  });
  return shown;
}

/** @param {Credential} credential @param {() => string} password  read only when copied @param {Child} controls */
function credentialBlock(credential, password, controls) {
  return h("section", { class: "credential" },
    h("dl", { class: "secret" },
      h("div", null, h("dt", null, t("cred.account")), h("dd", null, name(credential.account), copyButton(t("copy.account"), credential.account))),
      h("div", null, h("dt", null, t("cred.password")), h("dd", null, passwordText(credential.password)))),
    h("p", { class: "actions" }, copyingButton(t("copy.password"), "primary", () => clipboard.copySecret(password())), controls),
    factList([
      [t("cred.backedUp"), time(credential.backedUp)],
      [t("cred.expires"), credential.current && time(credential.expires)],
      [t("cred.sid"), credential.sid && code(credential.sid), true],
    ]));
}

/** @param {number} limit  seconds; 0 hides nothing by time @param {() => void} hide */
function countdown(limit, hide) {
  let deadline = 0;
  let warned = false;
  const text = h("span", { class: "countdown quiet", "aria-hidden": "true" });
  const tick = () => {
    // Wall-clock time: a machine that slept must not wake with the password.
    const left = Math.ceil((deadline - Date.now()) / 1000);
    if (left <= 0) return hide();
    text.textContent = t("reveal.left", { count: left });
    keep.classList.toggle("primary", left <= WARN);
    if (left <= WARN && !warned) say(t("reveal.soon", { count: left }));
    warned = left <= WARN;
  };
  const start = () => {
    deadline = Date.now() + limit * 1000;
    warned = limit <= WARN;
    tick();
  };
  const keep = h("button", { type: "button", onclick: () => { start(); say(t("reveal.kept", { count: limit })); } }, t("reveal.keep", { count: limit }));
  const timer = limit > 0 ? window.setInterval(tick, 1000) : 0;
  if (timer) start();
  return { parts: timer > 0 && h("span", { class: "keep" }, keep, text), stop: () => clearInterval(timer) };
}

/** @type {State<{device: Device, action: ActionName, disclosure: Disclosure}>} */
export const view = (app, root, { device, action, disclosure: { id, rule, credentials } }) => {
  const secrets = credentials.map(({ password }) => password);
  const limit = app.session.ui.hideAfter ?? 60;

  /** @param {string} text */
  const leave = (text) => {
    void app.backTo(device);
    say(text);
  };
  const count = countdown(limit, () => leave(t("reveal.timedOut")));
  const hide = h("button", { type: "button", "data-clear": true, onclick: () => leave(t("reveal.hidden")) });
  clipboard.watch((held) => { hide.textContent = t(held ? "reveal.hideClear" : "reveal.hide"); });
  const controls = [hide, count.parts];

  root.append(
    app.heading(rich(action === "password" ? "reveal.title" : "reveal.history", { device: name(device.name) })),
    h("p", { class: "on-paper" }, t("reveal.print")),
    h("div", { class: "panel revealed" },
      credentials.map((credential, index) => credentialBlock(credential, () => secrets[index] ?? "", secrets.length === 1 && controls)),
      !secrets.length && h("p", null, t("reveal.none")),
      secrets.length !== 1 && h("p", { class: "actions" }, controls),
      secrets.length > 0 && h("p", { class: "legend quiet", "aria-hidden": "true" }, ["upper", "lower", "digit", "symbol"].map((kind) =>
        h("span", { class: `key ${kind}` }, t(`legend.${kind}`)))),
      !clipboard.available() && h("p", { class: "quiet" }, t("copy.insecure"))),
    factList([[t("reveal.rule"), name(rule)], reference(id)]),
    h("p", { class: "actions" }, app.searchButton()));
  for (const credential of credentials) credential.password = "";
  say(limit > 0 ? t("reveal.shown", { count: limit }) : t("reveal.shownForGood"));

  return () => {
    count.stop();
    clipboard.watch(() => {});
    secrets.fill("");
    root.replaceChildren();
  };
};

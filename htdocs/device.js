// @ts-check
/** @import {App} from "./app.js" */
/** @import {ActionName, Device, DeviceKey, Facts, Listed, State} from "./types.d.ts" */
// The Confirm state. Nothing is disclosed before its button is pressed, however the page was reached.

import { disclose, getDevice } from "./api.js";
import { h, name, plain, rich, t, WAIT_TEXT_AFTER } from "./app.js";
import { code, copyButton, factList, joinText, time, words, yesNo } from "./parts.js";
// Not only when they are shown: the way must not break after a password was asked for.
import "./problem.js";
import "./reveal.js";

const STORED_REASON = "amlaps.reason";

/** @param {DeviceKey} device */
const keyOf = (device) => `${device.tenant}/${device.deviceId}`.toLowerCase();

/** From before the session ended. @param {string} key @returns {string} */
function storedReason(key) {
  const [storedKey, reason] = JSON.parse(sessionStorage.getItem(STORED_REASON) ?? "[]");
  return storedKey === key ? reason : "";
}

/** @param {App} app @param {Facts} device */
const deviceFacts = (app, device) => factList([
  [t("fact.os"), words(device.os, device.osVersion)],
  [t("fact.model"), words(device.manufacturer, device.model)],
  [t("fact.join"), joinText(device.join)],
  [t("fact.seen"), time(device.lastSeen)],
  [t("fact.enabled"), yesNo(device.enabled)],
  [t("fact.compliant"), yesNo(device.compliant)],
  [t("fact.managed"), yesNo(device.managed)],
  [t("fact.tenant"), app.severalTenants && plain(device.tenant)],
  [t("fact.id"), [code(device.deviceId), copyButton(t("copy.id"), device.deviceId)], true],
]);

/** @param {Device["actions"]} actions */
function ruleText({ password, history }) {
  const differ = password && history && password.rule !== history.rule;
  return Object.entries(differ ? { "rule.password": password, "rule.history": history } : { "rule.allowed": password ?? history })
    .map(([key, action]) => h("p", null, rich(key, { rule: name(action?.rule ?? "") })));
}

/** Null where no rule wants a reason. @param {Device["actions"]} actions @param {string} value */
function reasonField(actions, value) {
  const wanted = [actions.password, actions.history].flatMap((action) => (action && action.reason.mode !== "hidden" ? action.reason : []));
  if (wanted.length === 0) return null;
  const optional = wanted.every((reason) => reason.mode === "optional");
  const hints = new Set(wanted.flatMap((reason) => reason.hint || []));
  const field = h("textarea", { id: "reason", rows: 2, maxlength: 4096, autocomplete: "off", "aria-describedby": "reason-hint reason-error" });
  field.value = value;
  const error = h("p", { id: "reason-error", class: "error" });
  return {
    field, error,
    block: h("div", { class: "field" },
      h("label", { for: "reason" }, t(optional ? "reason.optional" : "reason.label")),
      h("div", { id: "reason-hint", class: "quiet" }, [...hints].map((hint) => h("p", null, plain(hint)))),
      error, field),
  };
}

/** `known`: what is known of the device already. @type {State<DeviceKey & {known?: Listed | Device}>} */
export const view = (app, root, { tenant, deviceId, known }) => {
  const request = new AbortController();
  const facts = h("div");
  const below = h("div", { class: "stack" });
  const waiting = window.setTimeout(() => below.replaceChildren(h("p", { class: "quiet" }, t("device.loading"))), WAIT_TEXT_AFTER);
  root.append(facts, below);

  /** @param {Facts} device */
  const showFacts = (device) => {
    if (!facts.hasChildNodes()) root.prepend(app.heading(name(device.name)));
    facts.replaceChildren(deviceFacts(app, device));
  };

  /** @param {Device} device */
  const showAll = (device) => {
    clearTimeout(waiting);
    showFacts(device);
    below.replaceChildren(...actionForm(app, device, request.signal), h("p", { class: "actions" }, app.searchButton()));
  };

  if (known) showFacts(known);
  if (known && !Array.isArray(known.actions)) showAll(/** @type {Device} */ (known));
  else {
    getDevice({ tenant, deviceId }, request.signal).then(showAll).catch((error) => {
      if (!request.signal.aborted) app.fail(error);
    });
  }
  return () => {
    clearTimeout(waiting);
    request.abort();
  };
};

/** @param {App} app @param {Device} device @param {AbortSignal} signal @returns {Node[]} */
function actionForm(app, device, signal) {
  const { password, history } = device.actions;
  if (!password && !history) return [h("p", { class: "panel" }, t("device.nothing"))];
  const key = keyOf(device);
  const reason = reasonField(device.actions, app.draft?.key === key ? app.draft.reason : storedReason(key));
  const waiting = h("p", { class: "quiet", role: "status" });
  const summary = h("div", { class: "panel problem", tabindex: -1, hidden: true });
  let busy = false;

  /** @param {string} text */
  const refuse = (text) => {
    summary.replaceChildren(h("h2", null, t("problem.form")),
      h("a", { href: "#reason", onclick: (event) => { event.preventDefault(); reason?.field.focus(); } }, text));
    summary.hidden = false;
    reason?.field.setAttribute("aria-invalid", "true");
    reason?.error.replaceChildren(text);
    app.title(plain(device.name), t("problem.prefix"));
    summary.focus();
  };

  /** @param {any} error @param {string} text */
  const fail = (error, text) => {
    const problem = error.code;
    if (reason && problem === "reason_required") return refuse(t("reason.missing"));
    if (reason && problem === "reason_invalid") return refuse(t("reason.invalid"));
    if (problem === "not_authenticated" && text) sessionStorage.setItem(STORED_REASON, JSON.stringify([key, text]));
    app.fail(error, () => app.backTo(device));
  };

  /** @param {ActionName} action */
  const run = async (action) => {
    const mode = device.actions[action]?.reason.mode;
    const typed = reason?.field.value ?? "";
    const text = mode === "hidden" ? "" : typed.trim();
    app.draft = { key, reason: typed };
    if (mode === "required" && !text) return refuse(t("reason.missing"));
    busy = true;
    const timer = setTimeout(() => { waiting.textContent = t("device.asking"); }, WAIT_TEXT_AFTER);
    try {
      const disclosure = await disclose(action, device, text, signal);
      sessionStorage.removeItem(STORED_REASON);
      if (!signal.aborted) await app.show("reveal", { device, action, disclosure });
    } catch (error) {
      if (!signal.aborted) fail(error, typed);
    } finally {
      clearTimeout(timer);
      waiting.textContent = "";
      busy = false;
    }
  };

  /** @param {ActionName} action @param {string} label @param {boolean} first */
  const submit = (action, label, first) => device.actions[action]
    && h("button", { class: first && "primary", value: action, "aria-describedby": "recorded" }, label);
  const form = h("form", {
    class: "panel", novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      if (!busy) void run((event.submitter ?? form.querySelector("button")).value);
    },
  },
  ruleText(device.actions),
  !password && h("p", null, t("device.noPassword")),
  reason?.block,
  h("p", { id: "recorded" }, t(reason ? "device.recorded" : "device.recordedNoReason")),
  h("p", { class: "actions" }, submit("password", t("device.show"), true), submit("history", t("device.history"), !password)),
  waiting);
  return [summary, form];
}

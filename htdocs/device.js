// @ts-check
/** @import {ActionName, Confirm, Device, Listed, Send} from "./types.js" */
// The Confirm view. Nothing is disclosed before its button is pressed.

import { disclose, getDevice } from "./api.js";
import { button, h, name, plain, rich, t, WAIT } from "./app.js";
import { badge, buttons, code, copyButton, factList, isPast, joinText, quiet, staleBadge, time, words, yesNo } from "./parts.js";
// Here already: nothing must break after a password was asked for.
import "./reveal.js";

/** The reason, while one stays with the device; stored when the session ends. @type {{key?: string, reason?: string}} */
let draft = JSON.parse(sessionStorage.amlaps ?? "{}");

/** Asks for passwords, one at a time, and shows each or what went wrong. @type {Confirm["asker"]} */
export function asker(app) {
  const waiting = h("p", { class: "quiet", role: "status" });
  let request = new AbortController();
  let timer = 0;
  const stop = () => {
    request.abort();
    clearTimeout(timer);
    waiting.replaceChildren();
    waiting.ariaBusy = null;
  };
  const cancel = button(t("device.cancel"), "small", () => {
    stop();
    waiting.append(t("device.cancelled"));
    document.querySelector("h1")?.focus({ preventScroll: true });
  });
  /** @type {Send} */
  const send = (ask, taken) => {
    if (waiting.ariaBusy) return;
    const { signal } = request = new AbortController();
    waiting.ariaBusy = "true";
    timer = setTimeout(() => waiting.replaceChildren(t("device.asking"), " ", cancel), WAIT);
    disclose(ask, signal).then((disclosure) => {
      if (signal.aborted) return;
      stop();
      delete sessionStorage.amlaps;
      app.show("reveal", { ask, disclosure });
    }, (error) => {
      if (signal.aborted) return;
      stop();
      if (error.code === "not_authenticated") sessionStorage.amlaps = JSON.stringify(draft);
      else if (!error.id) error.code = "sent";
      if (!taken?.(error)) app.fail(error, () => app.backTo(ask.device));
    });
  };
  return { waiting, send, stop };
}

/** @type {Confirm["backupFacts"]} */
const backupFacts = ({ hasPassword, backedUp, expires }) => (hasPassword === undefined ? [] : [
  [t("fact.backedUp"), hasPassword === false ? badge(t("fact.none"), "warn") : time(backedUp)],
  [t("fact.expires"), hasPassword !== false && [time(expires), isPast(expires) && badge(t("mark.overdue"), "warn")]],
]);

/** @type {Confirm["facts"]} */
const deviceFacts = (app, device) => factList([
  [t("fact.os"), words(device.os, device.osVersion)],
  [t("fact.model"), words(device.manufacturer, device.model)],
  [t("fact.join"), joinText(device.join)],
  [t("fact.seen"), [time(device.lastSeen), staleBadge(device)]],
  ...backupFacts(device),
  [t("fact.enabled"), device.enabled === false ? badge(yesNo(false), "warn") : yesNo(device.enabled)],
  [t("fact.compliant"), yesNo(device.compliant)],
  [t("fact.managed"), yesNo(device.managed)],
  [t("fact.tenant"), app.severalTenants && plain(device.tenant)],
  [t("fact.id"), [code(device.deviceId), copyButton(t("copy.id"), device.deviceId)], true],
]);

/** @type {Confirm["ruleText"]} */
const ruleText = (actions) => /** @type {const} */ (["password", "history"]).map((key) =>
  actions[key] && h("p", null, rich(`rule.${key}`, { rule: name(actions[key].rule) })));

/** Null: no rule wants one. @type {Confirm["reasonField"]} */
function reasonField(actions, value) {
  const wanted = actions.map(({ reason }) => reason).filter(({ mode }) => mode !== "hidden");
  if (!wanted[0]) return null;
  const field = h("textarea", { id: "reason", rows: 2, maxlength: 4096, autocomplete: "off", "aria-describedby": "reason-hint reason-error" }, value);
  const error = h("p", { id: "reason-error", class: "error" });
  const choices = [...new Set(wanted.flatMap((reason) => reason.choices ?? []))].map((text) => button(plain(text), "small", () => {
    field.value = text;
    field.focus();
  }));
  return {
    field, error,
    block: h("div", { class: "field" },
      h("label", { for: "reason" }, t(`reason.${wanted.some(({ mode }) => mode === "required") ? "label" : "optional"}`)),
      h("div", { id: "reason-hint", class: "quiet" }, [...new Set(wanted.map(({ hint }) => hint))].map((hint) => hint && h("p", null, plain(hint)))),
      error, field, choices[0] && h("div", { class: "choices", role: "group", "aria-label": t("reason.choices") }, choices)),
  };
}

/** @type {Confirm["view"]} */
export const view = (app, root, { tenant, deviceId, known }) => {
  const request = new AbortController();
  const facts = h("div");
  const below = h("div", { class: "stack" });
  const waiting = setTimeout(() => below.replaceChildren(quiet(t("device.loading")), h("p", null, app.searchButton())), WAIT);
  let stop = () => {};
  root.append(facts, below);

  /** @param {Listed | Device} device */
  const show = (device) => {
    if (!facts.hasChildNodes()) root.prepend(app.heading(name(device.name)));
    facts.replaceChildren(deviceFacts(app, device));
    if (Array.isArray(device.actions)) return;
    clearTimeout(waiting);
    const form = actionForm(app, /** @type {Device} */ (device));
    stop = form.stop;
    below.replaceChildren(...form.nodes, buttons(app.searchButton()));
  };

  if (known) show(known);
  if (!known || Array.isArray(known.actions)) {
    if (known) draft = {};
    getDevice({ tenant, deviceId }, request.signal).then(show).catch((error) => {
      if (!request.signal.aborted) app.fail(error);
    });
  }
  return () => {
    clearTimeout(waiting);
    request.abort();
    stop();
  };
};

/** @type {Confirm["actionForm"]} */
function actionForm(app, device) {
  const { password, history } = device.actions;
  const { waiting, send, stop } = asker(app);
  if (!password && !history) return { nodes: [h("p", { class: "panel" }, t("device.nothing"))], stop };
  const key = `${device.tenant}/${device.deviceId}`.toLowerCase();
  const reason = reasonField(Object.values(device.actions), draft.key === key ? draft.reason ?? "" : "");
  const summary = h("div", { class: "panel problem", tabindex: -1, hidden: true });

  /** Beside the field, and above the form as a link to it. @param {string} text */
  const refuse = (text) => {
    summary.replaceChildren(h("h2", null, t("problem.form")),
      h("a", { href: "#reason", onclick: (event) => { event.preventDefault(); reason?.field.focus(); } }, text));
    summary.hidden = false;
    reason?.field.setAttribute("aria-invalid", "true");
    reason?.error.replaceChildren(text);
    app.title(plain(device.name), t("problem.prefix"));
    summary.focus();
    return true;
  };

  /** @param {ActionName} action */
  const run = (action) => {
    const mode = device.actions[action]?.reason.mode;
    draft = { key, reason: reason?.field.value ?? "" };
    const text = mode === "hidden" ? "" : draft.reason?.trim() ?? "";
    if (mode === "required" && !text) return refuse(t("reason.missing"));
    send({ device, action, nth: 1, reason: text }, (problem) => {
      const refusal = { reason_required: "reason.missing", reason_invalid: "reason.invalid" }[problem.code];
      return Boolean(reason && refusal && refuse(t(refusal)));
    });
  };

  const form = h("form", {
    class: "panel", novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      run((event.submitter ?? form.querySelector("[value]")).value);
    },
  },
  ruleText(device.actions),
  !password && h("p", null, t("device.noPassword")),
  reason?.block,
  h("p", { id: "recorded" }, t(`device.recorded${reason ? "" : "NoReason"}`)),
  buttons(
    password && h("button", { class: "primary", value: "password", "aria-describedby": "recorded" }, t("device.show")),
    history && h("button", { class: !password && "primary", value: "history", "aria-describedby": "recorded" }, t("device.history"))),
  waiting);
  return { nodes: [summary, form], stop };
}

// @ts-check
/** @import {Child, State} from "../types.js" */
/** @import {ChannelStatus, Fault, Standing, TenantStatus} from "./types.js" */
// How tenants, store and channels stand, worst first, and what to do.

import { failure, here } from "./ready.js";
import { button, call, formatTime, h, has, name, plain, say, t } from "../app.js";
import { badge, buttons, code, factList, quiet, time } from "../parts.js";

/** Days before its end at which a credential is told of, as in the log. */
const SOON = 30;

/** 2: nobody gets a password; 1: somebody should look; 0: fine. @param {TenantStatus} tenant */
export function severity({ token, permissions, credential, graph }) {
  const expires = credential.daysLeft ?? Infinity;
  if (token.status === "failed" || expires <= 0 || (permissions?.missing.length ?? 0) > 0) return 2;
  const failing = graph.lastError && (!graph.lastAnswer || graph.lastError.time > graph.lastAnswer.time);
  return failing || graph.throttledUntil || expires <= SOON || (permissions?.excess.length ?? 0) > 0 ? 1 : 0;
}

/** As for tenants. @param {ChannelStatus} channel */
export const channelSeverity = ({ status, required, deadLetters }) => (status === "failed" && required ? 2 : status === "failed" || deadLetters > 0 ? 1 : 0);

/** Of all. @param {Standing} found */
export const worst = ({ tenants, store, seal, channels }) => Math.max(store.status === "ok" && seal?.status !== "failed" ? 0 : 2,
  ...tenants.map(severity), ...(channels ?? []).map(channelSeverity));

const TONES = /** @type {const} */ (["calm", "warn", "warn"]);

/** @param {number} level */
const state = (level) => badge(t(["status.fine", "status.look", "status.broken"][level]), TONES[level]);

/** @param {Fault | null} fault */
const faultText = (fault) => fault && [h("p", null, plain(fault.detail)),
  quiet(time(fault.time), " ", code(fault.message), " ", code(fault.code), fault.requestId && [" ", code(fault.requestId)])];

/** @param {string[]} list */
const names = (list) => h("ul", { class: "reasons" }, list.map((one) => h("li", null, code(one))));

/** @param {TenantStatus} tenant */
function tenantPanel(tenant) {
  const { token, permissions, credential, graph } = tenant;
  return h("section", { class: "panel" },
    h("h2", null, name(tenant.name), state(severity(tenant))),
    permissions && permissions.missing.length > 0 && h("div", { class: "verdict bad" }, h("p", null, t("status.missing")), names(permissions.missing), h("p", null, t("status.missingTodo"))),
    permissions && permissions.excess.length > 0 && h("div", { class: "verdict" }, h("p", null, t("status.excess")), names(permissions.excess), h("p", null, t("status.excessTodo"))),
    token.lastError && h("div", { class: "verdict bad" }, h("p", null, h("strong", null, t("status.noToken"))), faultText(token.lastError)),
    factList([
      [t("status.tenantId"), code(tenant.tenantId)],
      [t("status.clientId"), tenant.clientId && code(tenant.clientId)],
      [t("status.token"), [t(`status.token.${token.status}`), token.expires && [" ", h("span", { class: "quiet" }, t("status.until", { time: formatTime(new Date(token.expires)) }))]]],
      [t("status.credential"), [t(`status.kind.${credential.kind}`), credential.daysLeft !== null && [" ", badge(t("status.daysLeft", { count: credential.daysLeft }), credential.daysLeft > SOON ? "calm" : "warn")]]],
      [t("status.answer"), graph.lastAnswer && [t("status.answered", { status: graph.lastAnswer.status, milliseconds: graph.lastAnswer.milliseconds }), " ", time(graph.lastAnswer.time)]],
      [t("status.throttled"), graph.throttledUntil && time(graph.throttledUntil)],
      [t("status.lastError"), graph.lastError && h("div", null, faultText(graph.lastError)), true],
    ]));
}

/** @param {ChannelStatus} channel */
const channelRow = (channel) => h("li", null,
  h("h3", null, name(channel.name), badge(t(`status.token.${channel.status}`), channelSeverity(channel) > 0 ? "warn" : "calm"),
    channel.required && badge(t("status.required"))),
  factList([
    [t("status.queued"), channel.queued], [t("status.oldest"), channel.oldest && time(channel.oldest)], [t("status.dead"), channel.deadLetters],
    [t("status.delivered"), channel.lastSuccess && time(channel.lastSuccess)],
    [t("status.lastError"), channel.lastError && [plain(channel.lastError.detail), " ", time(channel.lastError.time)], true],
  ]));

/** @param {Standing} found @returns {Child} */
function standing({ time: when, tenants, store, seal, channels }) {
  const worstFirst = [...tenants].sort((a, b) => severity(b) - severity(a));
  return [
    quiet(t("status.asOf"), " ", time(when)),
    h("section", { class: "panel" }, h("h2", null, t("status.store"), state(store.status === "ok" ? 0 : 2)),
      store.status !== "ok" && h("p", null, t("status.storeTodo")), factList([[t("status.name"), store.name && code(store.name), true]]),
      seal && h("p", null, t(has(`status.seal.${seal.status}`) ? `status.seal.${seal.status}` : "status.seal.failed"))),
    worstFirst.map(tenantPanel),
    channels && channels.length > 0 && h("section", { class: "panel" }, h("h2", null, t("status.channels")), h("ul", { class: "rules" }, channels.map(channelRow))),
  ];
}

/** @type {State<URLSearchParams>} */
export const view = (app, root) => {
  const leaving = new AbortController();
  const away = here("status");
  const result = h("div", { class: "stack" }, quiet(t("more.loading")));
  const refresh = async () => {
    result.setAttribute("aria-busy", "true");
    try {
      const found = await call("status", { signal: leaving.signal });
      result.replaceChildren(h("div", { class: "stack" }, standing(found)));
      say(t(["status.allFine", "status.someLook", "status.someBroken"][worst(found)]));
    } catch (problem) {
      if (leaving.signal.aborted) return;
      result.replaceChildren(failure(app, problem));
    } finally {
      result.removeAttribute("aria-busy");
    }
  };
  root.append(app.heading(t("status.title")), buttons(button(t("status.refresh"), "", refresh)), result);
  void refresh();
  return () => {
    leaving.abort();
    away();
  };
};

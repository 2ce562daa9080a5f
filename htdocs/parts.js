// @ts-check
/** @import {Parts} from "./types.js" */
// Small parts that several views show.

import { button, formatDate, formatRelative, h, plain, t } from "./app.js";
import * as clipboard from "./clipboard.js";

/** @type {Parts["code"]} */
export const code = (text, title) => h("span", { class: "code", title }, plain(text));

/** @type {Parts["quiet"]} */
export const quiet = (...children) => h("p", { class: "quiet" }, children);

/** @type {Parts["quiet"]} */
export const buttons = (...children) => h("p", { class: "actions" }, children);

/** A moment in the reader's zone with UTC in its title. @type {Parts["time"]} */
export function time(iso) {
  const date = new Date(iso ?? NaN);
  if (!+date) return t("fact.unknown");
  const utc = date.toISOString();
  return h("span", { class: "time" },
    h("time", { datetime: utc, title: `${utc.slice(0, 19).replace("T", " ")} UTC` }, formatDate(date)), " ",
    h("span", { class: "quiet" }, `(${formatRelative(date, new Date())})`));
}

/** Left out where empty; a third member: as wide as the list. @type {Parts["factList"]} */
export const factList = (facts, style = "facts") => h("dl", { class: style }, facts.map(([label, value, wide]) =>
  (value || value === 0) && h("div", { class: wide && "wide" }, h("dt", null, label), h("dd", null, value))));

/** @type {Parts["yesNo"]} */
export const yesNo = (value) => t(value === null ? "fact.unknown" : value ? "fact.yes" : "fact.no");

/** @type {Parts["badge"]} */
export const badge = (text, tone = "calm") => [" ", h("span", { class: `badge ${tone}` }, text)];

/** As the Entra portal says. @type {Parts["joinText"]} */
export function joinText(join) {
  const key = { AzureAd: "join.entra", ServerAd: "join.hybrid", Workplace: "join.registered", "": "fact.unknown" }[join ?? ""];
  return key ? t(key) : plain(join ?? "");
}

/** What there is of several parts. @type {Parts["words"]} */
export const words = (...parts) => plain(parts.filter(Boolean).join(" "));

/** @type {Parts["isPast"]} */
export const isPast = (iso, days = 0) => Date.now() - Date.parse(iso ?? "") > days * 86_400_000;

/** Where it was not seen for 90 days. @type {Parts["staleBadge"]} */
export const staleBadge = ({ lastSeen }) => isPast(lastSeen, 90) && badge(t("mark.stale"), "warn");

/** Says "Copied" for two seconds when it went well. @type {Parts["copyingButton"]} */
export function copyingButton(label, style, copy) {
  if (!clipboard.available()) return null;
  const copying = button(label, style, async () => {
    if (!await copy()) return;
    copying.style.minInlineSize = `${copying.offsetWidth}px`;
    copying.textContent = t("copy.done");
    setTimeout(() => { copying.textContent = label; }, 2000);
  });
  return copying;
}

/** Of a text that is no secret. @type {Parts["copyButton"]} */
export const copyButton = (label, text) => [" ", copyingButton(label, "small", () => clipboard.copyPlain(text))];

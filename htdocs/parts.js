// @ts-check
/** @import {Child} from "./types.d.ts" */
// Small parts that several states show.

import { formatDate, formatRelative, h, plain, t } from "./app.js";
import { available, copyPlain } from "./clipboard.js";

/** @param {string} text @param {string} [title] */
export const code = (text, title) => h("span", { class: "code", title }, plain(text));

/** A moment in the reader's zone with UTC in its title. @param {string | null | undefined} iso */
export function time(iso) {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return t("fact.unknown");
  const utc = date.toISOString();
  return h("span", { class: "time" },
    h("time", { datetime: utc, title: `${utc.slice(0, 19).replace("T", " ")} UTC` }, formatDate(date)), " ",
    h("span", { class: "quiet" }, `(${formatRelative(date, new Date())})`));
}

/** Labels and values, left out where empty; a third member makes one as wide as the list. @param {[string, Child, boolean?][]} facts */
export const factList = (facts) => h("dl", { class: "facts" }, facts.map(([label, value, wide]) =>
  (value || value === 0) && h("div", { class: wide && "wide" }, h("dt", null, label), h("dd", null, value))));

/** @param {boolean | null} value */
export const yesNo = (value) => t(value === null ? "fact.unknown" : value ? "fact.yes" : "fact.no");

/** @param {string} text @param {"calm" | "warn"} [tone] */
export const badge = (text, tone = "calm") => [" ", h("span", { class: `badge ${tone}` }, text)];

/** In the words of the Entra portal. @param {string | null} join */
export function joinText(join) {
  const key = new Map([["AzureAd", "join.entra"], ["ServerAd", "join.hybrid"], ["Workplace", "join.registered"], [null, "fact.unknown"]]).get(join);
  return key ? t(key) : plain(join ?? "");
}

/** What there is of several parts. @param {...(string | null)} parts */
export const words = (...parts) => plain(parts.filter(Boolean).join(" "));

/** Says "Copied" for two seconds when it went well. @param {string} label @param {string} style @param {() => Promise<boolean>} copy */
export function copyingButton(label, style, copy) {
  if (!available()) return null;
  const button = h("button", {
    type: "button", class: style,
    onclick: async () => {
      if (!await copy()) return;
      button.style.setProperty("min-inline-size", `${button.offsetWidth}px`);
      button.textContent = t("copy.done");
      setTimeout(() => { button.textContent = label; }, 2000);
    },
  }, label);
  return button;
}

/** @param {string} label @param {string} text  no secret */
export const copyButton = (label, text) => [" ", copyingButton(label, "small", () => copyPlain(text))];

// @ts-check
/** @import {Child} from "./types.d.ts" */
// Small parts that several states show.

import { available, copyPlain } from "./clipboard.js";
import { h } from "./dom.js";
import { formatDateTime, formatRelative, t } from "./i18n.js";

/** A text from outside; characters that could turn or hide what stands around it become U+FFFD, visibly. @param {string} text */
export const plain = (text) => text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu, "\ufffd");

/** Isolated from the direction of its surroundings. @param {string} text */
export const name = (text) => h("bdi", null, plain(text));

/** @param {string} text @param {string} [title] */
export const code = (text, title) => h("span", { class: "code", title }, plain(text));

/** A moment in the reader's zone with UTC in its title. @param {string | null | undefined} iso */
export function time(iso) {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return t("fact.unknown");
  const utc = date.toISOString();
  return h("span", { class: "time" },
    h("time", { datetime: utc, title: `${utc.slice(0, 19).replace("T", " ")} UTC` }, formatDateTime(date)), " ",
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

/** A text of the admin with web addresses as links; an address alone becomes a link with `label`. @param {string} text @param {string} label @returns {Child[]} */
export function linked(text, label) {
  if (/^(?:https?:\/\/|mailto:|tel:|\/(?!\/))\S+$/.test(text)) return [h("a", { href: text }, label)];
  return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/).map((part, index) => (index % 2 ? h("a", { href: part }, part) : part));
}

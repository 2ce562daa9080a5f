// @ts-check
/** @import {AuditRecord} from "./types.js" */
// Pictures of the records that are shown: when, with which outcome, by which rule. Each stands beside its numbers as a table.

import { formatDate, h, has, name, plain, t } from "../app.js";

const SVG = "http://www.w3.org/2000/svg";
const HOUR = 3_600_000;
const BARS = 24;
const LENGTHS = [1 / 12, 1 / 4, 1, 2, 6, 12, 24].map((hours) => hours * HOUR);
const WIDEST = 12;

/** @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children */
function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Spans of equal length that hold all times: minutes or hours where they fit, else whole days. @param {number[]} times */
export function spans(times) {
  const first = Math.min(...times);
  const last = Math.max(...times);
  let length = LENGTHS.find((one) => (last - first) / one <= BARS - 1) ?? 48 * HOUR;
  while ((last - first) / length > BARS - 1) length *= 2;
  const start = Math.floor(first / length) * length;
  const counts = Array.from({ length: Math.floor((last - start) / length) + 1 }, () => 0);
  for (const time of times) counts[Math.floor((time - start) / length)]++;
  return { length, bars: counts.map((count, index) => ({ from: start + index * length, count })) };
}

/** @param {(string | undefined)[]} words @returns {[string, number][]} most frequent first */
export function tally(words) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const word of words) if (word) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
}

/** @param {[string | Node, number][]} rows @param {string} label */
const table = (rows, label) => h("details", { class: "numbers" }, h("summary", null, t("chart.numbers")),
  h("table", null, h("thead", null, h("tr", null, h("th", { scope: "col" }, label), h("th", { scope: "col" }, t("chart.count")))),
    h("tbody", null, rows.map(([key, count]) => h("tr", null, h("th", { scope: "row" }, key), h("td", null, count))))));

/** @param {string} key @param {string} text @param {Element} picture @param {Node | null} numbers */
const figure = (key, text, picture, numbers) => h("figure", { class: `chart of-${key}` }, h("figcaption", null, h("strong", null, t(`chart.${key}`)), " ", h("span", { class: "quiet" }, text)), picture, numbers);

/** Nothing where all falls into one span. @param {number[]} times */
function overTime(times) {
  const { length, bars } = spans(times);
  if (bars.length < 2) return null;
  const most = Math.max(...bars.map(({ count }) => count));
  /** @param {number} from */
  const label = (from) => formatDate(new Date(from), length < 24 * HOUR ? { dateStyle: "short", timeStyle: "short" } : { dateStyle: "medium" });
  const summary = t("chart.timeText", { from: label(bars[0].from), to: label(bars[bars.length - 1].from + length), count: times.length });
  const width = Math.min(WIDEST, 100 / bars.length);
  const picture = s("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": `${t("chart.time")}: ${summary}` },
    ...bars.map(({ from, count }, index) => s("rect", { x: index * width + width * .1, y: 40 - 40 * count / most, width: width * .8, height: 40 * count / most },
      s("title", {}, `${label(from)}: ${count}`))));
  return figure("time", summary, picture, table(bars.filter(({ count }) => count > 0).map(({ from, count }) => [label(from), count]), t("chart.from")));
}

/** @param {string} key @param {[string, number][]} counts @param {(word: string) => string | Node} words */
function share(key, counts, words) {
  const shown = counts.slice(0, 5);
  const most = shown[0][1];
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const list = h("ul", { class: "bars" }, shown.map(([word, count], index) => h("li", null, h("span", null, words(word)),
    s("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true", class: `kind-${index}` }, s("rect", { width: 100 * count / most, height: 4 })),
    h("span", { class: "count" }, t("chart.share", { number: count, percent: Math.round(100 * count / total) })))));
  return figure(key, t("chart.of", { count: total }), list, null);
}

/** What can be drawn of these records; nothing where they are too few to need a picture. @param {AuditRecord[]} records @returns {Node[]} */
export function charts(records) {
  const reveals = records.filter(({ event, outcome }) => (event === "password" || event === "history") && outcome !== "pending");
  if (reveals.length < 3) return [];
  const outcomes = tally(reveals.map(({ outcome }) => outcome));
  const rules = tally(reveals.filter(({ outcome }) => outcome === "granted").map(({ rule }) => rule));
  return [h("section", { class: "charts" },
    h("h2", null, t("chart.title")),
    overTime(reveals.flatMap(({ time }) => (time ? [Date.parse(time)] : []))),
    share("outcomes", outcomes, (word) => (has(`outcome.${word}`) ? t(`outcome.${word}`) : plain(word))),
    rules.length > 0 && share("rules", rules, (word) => name(word)))];
}

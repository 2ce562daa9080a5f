// @ts-check
/** @import {Catalogue} from "./types.d.ts" */
// One flat catalogue per language, plural forms by the suffixes of i18next (`_one`, `_other`), English where a key is missing.

/** Languages that have a catalogue in i18n/. */
export const LANGUAGES = ["en"];

let locale = "en";
/** @type {Catalogue[]} */
let catalogues = [];
let plurals = new Intl.PluralRules("en");

/** @param {readonly string[]} wanted  BCP 47 tags, best first */
export function choose(wanted) {
  for (const tag of wanted) {
    const found = LANGUAGES.find((known) => known === tag) ?? LANGUAGES.find((known) => known === tag.split("-")[0]);
    if (found) return found;
  }
  return "en";
}

/** @param {Catalogue[]} chosen  the one to prefer first @param {string} [format]  locale of dates and numbers, for example en-GB */
export function use(chosen, format = "en") {
  catalogues = chosen;
  locale = format;
  plurals = new Intl.PluralRules(format);
}

/** @param {string} language @returns {Promise<Catalogue>} */
export async function fetchCatalogue(language) {
  const answer = await fetch(`i18n/${language}.json`);
  if (!answer.ok) throw new Error(`i18n/${language}.json: ${answer.status}`);
  return answer.json();
}

/** @param {readonly string[]} wanted @param {Promise<Catalogue>} english */
export async function load(wanted, english) {
  const language = choose(wanted);
  const chosen = language === "en" ? [await english] : await Promise.all([fetchCatalogue(language), english]);
  // A reader of English in Britain wants British dates.
  use(chosen, navigator.languages.find((tag) => tag.split("-")[0] === language.split("-")[0]) ?? language);
  document.documentElement.lang = language;
  document.documentElement.dir = chosen[0]?.["@meta"]?.dir ?? "ltr";
}

/** @param {string} key */
export const has = (key) => catalogues.some((catalogue) => typeof catalogue[key] === "string");

/** @param {string} key @param {unknown} count  chooses the plural form */
function message(key, count) {
  const names = typeof count === "number" ? [`${key}_${plurals.select(count)}`, `${key}_other`] : [key];
  for (const catalogue of catalogues) {
    for (const name of names) {
      const text = catalogue[name];
      if (typeof text === "string") return text;
    }
  }
  return key;
}

/** A text with `{{placeholders}}` filled, in pieces. @template T @param {string} key @param {Record<string, T | string | number>} slots @returns {(T | string)[]} */
export function rich(key, slots) {
  return message(key, slots["count"]).split(/\{\{(\w+)\}\}/).map((part, index) => {
    if (index % 2 === 0) return part;
    const value = slots[part] ?? "";
    return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

/** @param {string} key @param {Record<string, string | number>} [values] */
export const t = (key, values = {}) => rich(key, values).join("");

/** @param {Date} date */
export const formatDateTime = (date) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(date);

/** @param {Date} date */
export const formatTime = (date) => new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(date);

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** "3 days ago", in the largest unit that fits. @param {Date} date @param {Date} now */
export function formatRelative(date, now) {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "minute");
}

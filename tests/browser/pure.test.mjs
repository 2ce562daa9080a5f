// @ts-check
// The modules of the page that need no browser, and what must hold for its files.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { formatDate, formatRelative, formatTime, has, plain, Problem, retryTime, rich, t, toProblem, use } from "../../htdocs/app.js";
import { classOf, groups, isPassphrase } from "../../htdocs/chars.js";
import { byName, newest } from "../../htdocs/find.js";
import { shortReference } from "../../htdocs/problem.js";

const HTDOCS = new URL("../../htdocs/", import.meta.url);
const read = (name) => readFileSync(new URL(name, HTDOCS), "utf8");
const scripts = readdirSync(HTDOCS).filter((name) => name.endsWith(".js"));
const english = JSON.parse(read("i18n/en.json"));

test("a character has one of four classes, also outside ASCII", () => {
  assert.deepEqual([..."aZ9#ß Ä٣中"].map(classOf), ["lower", "upper", "digit", "symbol", "lower", "symbol", "upper", "digit", "lower"]);
});

test("groups joined again are the text, also with characters beyond the first plane", () => {
  for (const text of ["rT7#kQ0lI-O1x.", "abcd", "", "a😀b😀c", "CorrectHorseBatteryStaple", "with space  in"]) {
    assert.equal(groups(text).flat().map(({ char }) => char).join(""), text);
  }
  assert.deepEqual(groups("a😀b😀c").map((group) => group.length), [4, 1]);
});

test("a passphrase is grouped by its words, a password by four", () => {
  const words = (text) => groups(text).map((group) => group.map(({ char }) => char).join(""));
  assert.deepEqual(words("EskimoUnscentedMadam"), ["Eskimo", "Unscented", "Madam"]);
  assert.deepEqual(words("rT7#kQ0lI-"), ["rT7#", "kQ0l", "I-"]);
  assert.equal(isPassphrase("TwoWords"), false);
  assert.equal(isPassphrase("aBcDeFgHiJ"), false);
});

test("plural forms follow the language of the reader", () => {
  const catalogue = { found_one: "{{count}} eins", found_few: "{{count}} wenige", found_other: "{{count}} viele", only_other: "{{count}} alle" };
  use({ "@meta": { lang: "pl" }, ...catalogue });
  assert.deepEqual([1, 3, 5].map((count) => t("found", { count })), ["1 eins", "3 wenige", "5 viele"]);
  assert.equal(t("only", { count: 1 }), "1 alle");
});

test("placeholders take nodes, format numbers and do not read their own values", () => {
  use({ "@meta": { lang: "en" }, a: "x {{n}} y {{who}}", b: "{{who}}" });
  const node = { any: "thing" };
  assert.deepEqual(rich("a", { n: 12345, who: node }), ["x ", "12,345", " y ", node, ""]);
  assert.equal(t("b", { who: "{{n}}" }), "{{n}}");
});

test("dates and numbers follow the reader's own kind of the language", () => {
  const date = new Date("2026-11-22T12:00:00Z");
  const long = (wanted) => { use(english, wanted); return formatDate(date, { dateStyle: "long", timeZone: "UTC" }); };
  assert.deepEqual([long(["de", "en-GB"]), long(["en-US"]), long(["fr"])], ["22 November 2026", "November 22, 2026", "November 22, 2026"]);
  assert.equal(has("no.such.key"), false);
});

test("relative times use the largest unit that fits", () => {
  use(english);
  const now = new Date("2026-11-22T12:00:00Z");
  assert.equal(formatRelative(new Date("2026-11-22T11:59:40Z"), now), "this minute");
  assert.equal(formatRelative(new Date("2026-11-19T10:00:00Z"), now), "3 days ago");
  assert.equal(formatRelative(new Date("2026-11-21T11:00:00Z"), now), "1 day ago");
  assert.equal(formatRelative(new Date("2026-11-23T13:00:00Z"), now), "in 1 day");
  assert.equal(formatRelative(new Date("2026-12-04T12:00:00Z"), now), "in 12 days");
  assert.match(formatTime(now), /\d:\d\d:\d\d/);
});

test("Retry-After is seconds or a date; anything else is none", () => {
  assert.equal(retryTime("90", 1000)?.getTime(), 91_000);
  assert.equal(retryTime("Sun, 22 Nov 2026 12:00:00 GMT", 0)?.toISOString(), "2026-11-22T12:00:00.000Z");
  assert.equal(retryTime("soon", 0), null);
  assert.equal(retryTime(null, 0), null);
});

test("an answer without a code of ours is still a problem", () => {
  assert.equal(toProblem(401, null, null).code, "not_authenticated");
  assert.equal(toProblem(502, null, null).code, "unknown");
  assert.equal(toProblem(500, { code: 7, detail: ["x"] }, null).detail, "");
  const given = toProblem(429, { code: "rate_limited", detail: "10/minute", id: "i" }, "5");
  assert.ok(given instanceof Problem && given.retryAt);
  assert.deepEqual([given.code, given.detail, given.id], ["rate_limited", "10/minute", "i"]);
});

test("a reference is short enough to read out", () => {
  assert.equal(shortReference("7f3a91c2-5b0e-4d1c-9a55-0c6a0f0e1b2c"), "7F3A-91C2");
  assert.equal(shortReference("other"), "OTHER");
});

test("names lose the characters that turn or hide text, visibly", () => {
  assert.equal(plain("LON\u202e100\u0000\u2066x"), "LON\ufffd100\ufffd\ufffdx");
  assert.equal(plain("Zürich <b>中文</b>"), "Zürich <b>中文</b>");
});

/** @returns {any} */
const listed = (over) => over;

test("equal names are kept together, the exact hit first", () => {
  const list = ["PC-10", "PC-1", "pc-10", "PC-2"].map((name, at) => listed({ name, at }));
  assert.deepEqual(byName(list, "pc-1").map((set) => set.map((one) => listed(one).at)), [[1], [0, 2], [3]]);
});

test("the newest of a set is only named when it is one", () => {
  const at = (lastSeen) => listed({ lastSeen });
  const [old, young, never] = [at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"), at(null)];
  assert.equal(newest([young, old, never]), young);
  assert.equal(newest([young, { ...young }, old]), undefined);
  assert.equal(newest([never, { ...never }]), undefined);
});

test("the page parses no markup and names no other address", () => {
  for (const name of scripts) assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/, name);
  const html = read("index.html");
  for (const [, address] of html.matchAll(/(?:href|src)="([^"]+)"/g)) if (address !== "//") assert.doesNotMatch(address, /^\/|:/, address);
  assert.doesNotMatch(html, /\sstyle=|<style|\son\w+=|<script(?![^>]*(?:\ssrc=|application\/json))/);
});

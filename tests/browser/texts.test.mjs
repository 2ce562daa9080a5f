// @ts-check
// The catalogues: each language has what English has, with the placeholders and plural forms that it needs, and no markup.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const HTDOCS = new URL("../../htdocs/", import.meta.url);
const LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "ja", "ar"];
const SUFFIX = /_(?:zero|one|two|few|many|other)$/;

/** The page's texts, those of the views with a role, and those for spelling, each in a folder of its own. */
const FOLDERS = ["", "more/", "spell/"].filter((folder) => existsSync(new URL(`i18n/${folder}en.json`, HTDOCS)));

const catalogue = (folder, language) => JSON.parse(readFileSync(new URL(`i18n/${folder}${language}.json`, HTDOCS), "utf8"));
const isText = (key) => key !== "@meta" && key !== "alphabets";
const keys = (texts) => Object.keys(texts).filter(isText);
const names = (texts) => new Set(keys(texts).map((key) => key.replace(SUFFIX, "")));
const slots = (text) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, slot]) => slot).sort();
const forms = (language) => new Intl.PluralRules(language).resolvedOptions().pluralCategories;

/** Sources of the page, all folders. */
const source = ["", "more/"].flatMap((folder) => readdirSync(new URL(folder, HTDOCS)).filter((file) => file.endsWith(".js"))
  .map((file) => readFileSync(new URL(folder + file, HTDOCS), "utf8"))).join("\n");

test("the languages are those that the page promises, in each folder", () => {
  for (const folder of FOLDERS) {
    const found = readdirSync(new URL(`i18n/${folder}`, HTDOCS)).filter((file) => file.endsWith(".json")).map((file) => file.replace(".json", ""));
    assert.deepEqual(found.sort(), [...LANGUAGES].sort(), folder);
  }
});

for (const folder of FOLDERS) {
  const english = catalogue(folder, "en");
  for (const language of LANGUAGES) {
    test(`${folder}${language}.json has every text of English, with its placeholders, in every plural form`, () => {
      const texts = catalogue(folder, language);
      if (folder === "") {
        assert.equal(texts["@meta"].lang, language);
        assert.equal(texts["@meta"].dir, language === "ar" ? "rtl" : "ltr");
        assert.equal(texts["@meta"].name, new Intl.DisplayNames([language], { type: "language" }).of(language)?.replace(/^./u, (first) => first.toLocaleUpperCase(language)));
      }
      assert.deepEqual([...names(texts)].sort(), [...names(english)].sort());
      for (const name of names(english)) {
        const counted = `${name}_other` in english;
        const wanted = counted ? forms(language).map((form) => `${name}_${form}`) : [name];
        assert.deepEqual(keys(texts).filter((key) => key.replace(SUFFIX, "") === name).sort(), [...wanted].sort(), name);
        for (const key of wanted) {
          const text = texts[key];
          assert.ok(typeof text === "string" && text.trim() && !/[<>]/.test(text), `${key}: ${text}`);
          const model = slots(english[counted ? `${name}_other` : name]);
          // A form that stands for one number may say it in words: "one", "two".
          const given = slots(text);
          const mayOmit = counted && /_(?:zero|one|two)$/.test(key);
          assert.deepEqual(mayOmit ? model.filter((slot) => slot !== "count" || given.includes("count")) : model, given, `${key}: ${text}`);
        }
      }
    });

    test(`${folder}${language}.json is translated, and no text grows out of its place`, () => {
      const texts = catalogue(folder, language);
      const same = keys(texts).filter((key) => language !== "en" && texts[key] === english[key]);
      assert.ok(same.length < keys(texts).length / 6, `as in English: ${same.join(", ")}`);
      for (const key of keys(texts)) {
        const model = english[key] ?? english[key.replace(SUFFIX, "_other")];
        assert.ok([...texts[key]].length <= Math.max(28, model.length * 2.2), `${key} is long: ${texts[key]}`);
      }
    });
  }
}

test("every text that the page asks for is in a catalogue, and the catalogues hold no other", () => {
  const known = new Set(FOLDERS.flatMap((folder) => [...names(catalogue(folder, "en"))]));
  const page = readFileSync(new URL("index.html", HTDOCS), "utf8");
  const asked = new Set([...[...page.matchAll(/data-text="([^"]+)"/g)].map(([, key]) => key), ...[...source.matchAll(/\b(?:t|rich)\(\s*(?:\w+ \? )?"([a-zA-Z]+\.[\w.]+)"/g), ...source.matchAll(/"([a-z]+\.[A-Za-z_0-9]+)"/g)].map(([, key]) => key)]);
  const chosen = /`([a-z]+\.[\w.]*)\$\{[^`]*? \? "(\w*)" : "(\w*)"\}`/g;
  for (const [, head, one, other] of source.matchAll(chosen)) asked.add(head + one).add(head + other);
  const composed = [...source.replaceAll(chosen, "").matchAll(/`([a-z]+\.(?:[\w.]*))\$\{/g)].map(([, head]) => head);
  assert.deepEqual([...asked].filter((key) => !known.has(key) && [...known].some((one) => one.startsWith(`${key.split(".")[0]}.`)) && !/\.(?:js|json|svg|css)$/.test(key)), []);
  assert.deepEqual([...known].filter((key) => !asked.has(key) && !composed.some((head) => key.startsWith(head))), []);
});

test("every code of the contract has its words", () => {
  const english = catalogue("", "en");
  const codes = ["bad_request", "cross_site", "not_found", "method_not_allowed", "not_authenticated", "not_authorized", "reason_required", "reason_invalid",
    "rate_limited", "no_password", "policy_undecidable", "tenant_credential_invalid", "tenant_permission_missing", "tenant_throttled", "tenant_unreachable",
    "tenant_error", "audit_unavailable", "notification_failed", "busy", "offline", "sent", "unknown", "lost", "unusable"];
  const described = Object.keys(english).flatMap((key) => /^problem\.([a-z_]+)\.title$/.exec(key)?.[1] ?? []);
  assert.deepEqual(described.sort(), codes.sort());
  for (const code of codes) assert.ok(english[`problem.${code}.text`], code);
});

test("the alphabets have a word for each letter from A to Z, and every character of LAPS has a name", () => {
  const laps = [..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ "];
  for (const language of LANGUAGES) {
    const { alphabets, ...texts } = catalogue("spell/", language);
    for (const { name, lang, words } of alphabets) {
      const letters = new Set(words.map((word) => word.normalize("NFD").charAt(0).toUpperCase()));
      assert.deepEqual([..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !letters.has(letter)), [], `${name} of ${language}`);
      assert.ok(lang && name);
    }
    const spoken = laps.map((char) => texts[`symbol.${char.codePointAt(0)?.toString(16)}`]);
    assert.equal(new Set(spoken).size, laps.length, `two symbols have one name in ${language}`);
  }
});

// @ts-check
// Licensed under the Apache License, Version 2.0; see LICENSE.
//
// Writes text_fold_table.h from the Unicode data of the JavaScript engine: what RegExp takes for equal under the flags "iu" is
// simple case folding (CaseFolding.txt, status C and S). Run by hand when Unicode grows:
//   node src/base/casefold.mjs > src/base/text_fold_table.h

const CASED = /[\p{Cased}\p{CWCF}\p{CWL}\p{CWU}\p{CWT}]/u;

/** @param {number} point */
const isScalar = (point) => point < 0xd800 || point > 0xdfff;

/** Every character that could have a partner. A mark such as U+0345 is one, so that the property Cased alone is not enough. */
function candidates() {
  const found = [];
  for (let point = 0; point <= 0x10ffff; point++) {
    const character = isScalar(point) ? String.fromCodePoint(point) : "";
    if (character !== "" && CASED.test(character)) found.push(character);
  }
  return found;
}

/**
 * The one of a class that the others fold to: the one that full folding leaves alone too; failing that (ß and ẞ), the one that
 * is small; failing that (U+1FD3 and U+0390), the one that normalization keeps.
 * @param {string[]} members
 */
function representative(members) {
  let left = members;
  for (const keeps of [
    (/** @type {string} */ c) => !/\p{CWCF}/u.test(c),
    (/** @type {string} */ c) => c.toLowerCase() === c,
    (/** @type {string} */ c) => c.normalize("NFC") === c,
    // Two ligatures of s and t that nothing else tells apart: CaseFolding.txt folds FB05 to FB06.
    (/** @type {string} */ c) => c === "\ufb06",
  ]) {
    const narrowed = left.filter(keeps);
    if (narrowed.length === 1) return narrowed[0];
    if (narrowed.length > 1) left = narrowed;
  }
  throw new Error(`no representative among ${members.map((c) => c.codePointAt(0)?.toString(16))}`);
}

/** @returns {[number, number][]} code point and what it folds to, in order */
function folds() {
  const all = candidates();
  const text = all.join("");
  const pairs = [];
  for (const character of all) {
    const members = text.match(new RegExp(`\\u{${character.codePointAt(0)?.toString(16)}}`, "giu")) ?? [];
    if (members.length < 2) continue;
    const target = representative(members);
    if (target !== character) pairs.push([character.codePointAt(0), target.codePointAt(0)]);
  }
  return /** @type {[number, number][]} */ (pairs);
}

/** @param {[number, number][]} pairs */
function ranges(pairs) {
  const rows = [];
  for (const [from, to] of pairs) {
    const row = rows.at(-1);
    const gap = row ? from - row.last : 0;
    const fits = row && row.delta === to - from && (row.first === row.last ? gap <= 2 : gap === row.step);
    if (row && fits) {
      row.step = gap;
      row.last = from;
    } else {
      rows.push({ first: from, last: from, step: 1, delta: to - from });
    }
  }
  return rows;
}

/** @param {number} point */
const hex = (point) => `0x${point.toString(16).toUpperCase().padStart(4, "0")}`;

const rows = ranges(folds()).map((row) => `    { ${hex(row.first)}, ${hex(row.last)}, ${row.step}, ${row.delta} },`);
process.stdout.write(`/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Made by casefold.mjs from Unicode ${process.versions.unicode}; do not edit. Sorted, for text_fold.c only. */
static const fold_range_t fold_ranges[] = {
${rows.join("\n")}
};
`);

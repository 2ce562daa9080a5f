// @ts-check
/** @import {Chars} from "./types.js" */
// What tells the characters of a password apart. Pure.

/** The class of one code point. Letters without case count as lower. @type {Chars["classOf"]} */
export function classOf(char) {
  if (/^\p{Lu}/u.test(char)) return "upper";
  if (/^\p{Nd}/u.test(char)) return "digit";
  return /^\p{L}/u.test(char) ? "lower" : "symbol";
}

/** Three or more capitalised words, as LAPS makes passphrases. @param {string} text */
export const isPassphrase = (text) => /^(?:\p{Lu}\p{Ll}{2,}){3,}$/u.test(text);

/** Without characters that are taken for one another. @param {string} text */
export const isClear = (text) => !/[Il1|Oo0]/.test(text);

/** @type {Chars["groups"]} */
export function groups(text, size = 4) {
  const words = isPassphrase(text);
  /** @type {ReturnType<typeof groups>} */
  const result = [];
  for (const char of text) {
    const kind = classOf(char);
    const last = result.at(-1);
    if (!last || (words ? kind === "upper" : last.length >= size)) result.push([{ char, kind }]);
    else last.push({ char, kind });
  }
  return result;
}

// @ts-check
// What the eye needs to tell the characters of a password apart. Pure.

/** @typedef {"upper" | "lower" | "digit" | "symbol"} CharClass */

/** The class of one code point. Letters without case count as lower. @param {string} char @returns {CharClass} */
export function classOf(char) {
  if (/^\p{Lu}/u.test(char)) return "upper";
  if (/^\p{Nd}/u.test(char)) return "digit";
  return /^\p{L}/u.test(char) ? "lower" : "symbol";
}

/** Whether a text looks like the passphrases of LAPS: three or more capitalised words in one. @param {string} text */
export const isPassphrase = (text) => /^(?:\p{Lu}\p{Ll}{2,}){3,}$/u.test(text);

/** Groups to read out: the words of a passphrase, else `size` characters each. Joined, they are the text. @param {string} text @param {number} [size] */
export function groups(text, size = 4) {
  const words = isPassphrase(text);
  /** @type {{char: string, kind: CharClass}[][]} */
  const result = [];
  for (const char of text) {
    const kind = classOf(char);
    const last = result.at(-1);
    if (!last || (words ? kind === "upper" : last.length >= size)) result.push([{ char, kind }]);
    else last.push({ char, kind });
  }
  return result;
}

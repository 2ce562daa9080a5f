// @ts-check
// QR codes, ISO/IEC 18004: bytes, error correction level M, versions 1 to 10. Pure.

/** Of each version at level M: codewords of error correction in a block, and the codewords of data in each block. */
const BLOCKS = [
  { correction: 10, data: [16] }, { correction: 16, data: [28] }, { correction: 26, data: [44] }, { correction: 18, data: [32, 32] },
  { correction: 24, data: [43, 43] }, { correction: 16, data: [27, 27, 27, 27] }, { correction: 18, data: [31, 31, 31, 31] },
  { correction: 22, data: [38, 38, 39, 39] }, { correction: 22, data: [36, 36, 36, 37, 37] }, { correction: 26, data: [43, 43, 43, 43, 44] },
];

/** Centres of the alignment patterns of each version. */
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

/** Whether a mask turns the module in a row and a column. @type {((row: number, column: number) => boolean)[]} */
const MASKS = [
  (r, c) => (r + c) % 2 === 0, (r) => r % 2 === 0, (_, c) => c % 3 === 0, (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0, (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

/** Powers of 2 and logarithms in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1. */
const POWER = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let at = 0, value = 1; at < 255; at += 1) {
  POWER[at] = value;
  LOG[value] = at;
  value = value << 1 ^ (value & 128 ? 285 : 0);
}

/** @param {number} a @param {number} b */
const times = (a, b) => (a && b ? POWER[(LOG[a] + LOG[b]) % 255] : 0);

/** The remainder of Reed and Solomon. @param {number[]} data @param {number} count  codewords of error correction */
function correction(data, count) {
  let generator = [1];
  for (let power = 0; power < count; power += 1) {
    generator = [...generator, 0].map((value, at) => value ^ times(generator[at - 1] ?? 0, POWER[power]));
  }
  const rest = [...data, ...Array(count).fill(0)];
  for (let at = 0; at < data.length; at += 1) {
    const lead = rest[at];
    generator.forEach((value, offset) => { rest[at + offset] ^= times(value, lead); });
  }
  return rest.slice(data.length);
}

/** Data and correction of all blocks, interleaved. @param {Uint8Array} bytes @param {number} version */
function codewords(bytes, version) {
  const { correction: count, data } = BLOCKS[version - 1];
  const total = data.reduce((sum, size) => sum + size, 0);
  const lengthBits = version < 10 ? 8 : 16;
  const bits = [4, bytes.length, ...bytes].map((value, at) => value.toString(2).padStart(at === 0 ? 4 : at === 1 ? lengthBits : 8, "0")).join("");
  const padded = bits + "0".repeat(Math.min(4, total * 8 - bits.length));
  const words = padded.padEnd(Math.ceil(padded.length / 8) * 8, "0").match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? [];
  for (let pad = 236; words.length < total; pad = pad === 236 ? 17 : 236) words.push(pad);
  let from = 0;
  const blocks = data.map((size) => words.slice(from, from += size));
  const checks = blocks.map((block) => correction(block, count));
  /** @param {number[][]} lists */
  const interleave = (lists) => Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
  return [...interleave(blocks), ...interleave(checks)];
}

/** BCH code of `value`, behind it. @param {number} value @param {number} generator @param {number} bits  of the code */
function bch(value, generator, bits) {
  let rest = value << bits;
  for (let bit = 31 - Math.clz32(generator); rest >= 1 << bits;) rest ^= generator << (31 - Math.clz32(rest) - bit);
  return value << bits | rest;
}

/** Finders, timing, alignment, version and the place of the format; the rest is null. @param {number} version @returns {(boolean | null)[][]} */
function frame(version) {
  const size = 17 + 4 * version;
  /** @type {(boolean | null)[][]} */
  const code = Array.from({ length: size }, () => Array(size).fill(null));
  /** Rings around a centre. @param {number} row @param {number} column @param {number} radius @param {number[]} light  rings that are */
  const rings = (row, column, radius, light) => {
    for (let y = -radius; y <= radius; y += 1) {
      for (let x = -radius; x <= radius; x += 1) {
        const line = code[row + y];
        if (line?.[column + x] !== undefined) line[column + x] = !light.includes(Math.max(Math.abs(x), Math.abs(y)));
      }
    }
  };
  for (let at = 8; at < size - 8; at += 1) code[6][at] = code[at][6] = at % 2 === 0;
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]]) rings(row, column, 4, [2, 4]);
  const centres = ALIGNMENT[version - 1];
  const [first, last] = [centres[0], centres.at(-1)];
  for (const row of centres) {
    for (const column of centres) {
      if (!(row === first && (column === first || column === last)) && !(row === last && column === first)) rings(row, column, 2, [1]);
    }
  }
  if (version >= 7) {
    const bits = bch(version, 0x1f25, 12);
    for (let at = 0; at < 18; at += 1) code[Math.floor(at / 3)][size - 11 + at % 3] = code[size - 11 + at % 3][Math.floor(at / 3)] = Boolean(bits >> at & 1);
  }
  format(code, 0);
  return code;
}

/** Level M and the mask, twice, and the module that is always dark. @param {(boolean | null)[][]} code @param {number} mask */
function format(code, mask) {
  const size = code.length;
  const bits = bch(mask, 0x537, 10) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const dark = Boolean(bits >> at & 1);
    code[at < 6 ? at : at < 8 ? at + 1 : size - 15 + at][8] = dark;
    code[8][at < 8 ? size - 1 - at : at === 8 ? 7 : 14 - at] = dark;
  }
  code[size - 8][8] = true;
}

/** Bits of the words in the free modules, from the right in columns of two, up and down. @param {(boolean | null)[][]} code @param {number[]} words @param {number} mask */
function fill(code, words, mask) {
  const size = code.length;
  const free = code.map((row) => row.map((module) => module === null));
  let at = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const row = up ? size - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (!free[row][column]) continue;
        code[row][column] = Boolean((words[at >> 3] ?? 0) >> (7 - (at & 7)) & 1) !== MASKS[mask](row, column);
        at += 1;
      }
    }
  }
}

/** How hard it is to read, ISO/IEC 18004 7.8.3. @param {(boolean | null)[][]} code */
function penalty(code) {
  const lines = [...code, ...code.map((_, column) => code.map((row) => row[column]))].map((line) => line.map((dark) => (dark ? "1" : "0")).join(""));
  let points = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
    points += 40 * [...line.matchAll(/(?=00001011101|10111010000)/g)].length;
  }
  code.slice(1).forEach((row, y) => row.slice(1).forEach((dark, x) => {
    if (dark === row[x] && dark === code[y][x] && dark === code[y][x + 1]) points += 3;
  }));
  const share = code.flat().filter(Boolean).length / code.length ** 2;
  return points + 10 * Math.floor(Math.abs(share * 100 - 50) / 5);
}

/** Rows of modules, true where dark, without the quiet zone; null for more text than version 10 holds. @param {string} text @returns {boolean[][] | null} */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const at = BLOCKS.findIndex(({ data }, index) => data.reduce((sum, size) => sum + size, 0) >= bytes.length + (index < 9 ? 2 : 3));
  if (at < 0) return null;
  const words = codewords(bytes, at + 1);
  const codes = MASKS.map((_, mask) => {
    const code = frame(at + 1);
    fill(code, words, mask);
    format(code, mask);
    return code;
  });
  const points = codes.map(penalty);
  return /** @type {boolean[][]} */ (codes[points.indexOf(Math.min(...points))]);
}

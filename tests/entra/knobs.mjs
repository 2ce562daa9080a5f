// @ts-check
/** What tests may turn: lasting settings, and faults that strike matching requests. README.md describes each. */
import { FAULT_KINDS } from './faults.mjs';

/**
 * @typedef {object} TokenKnobs
 * @property {number | string | null} expiresIn  null: 3599 to 5399 as Entra does; 'missing': no such member
 * @property {string[] | null} roles             instead of those consented
 *
 * @typedef {object} Settings
 * @property {boolean} wrapped
 * @property {'utf8' | 'utf8-bom' | 'utf16le' | 'utf16le-bom' | 'odd' | null} encoding
 * @property {number | null} history
 * @property {boolean} unsorted
 * @property {boolean} twoAccounts
 * @property {boolean} equalDates
 * @property {boolean} noZone
 * @property {number} fractionDigits
 * @property {string} noPasswordStyle
 * @property {boolean} readBasicItem
 * @property {boolean} strictHeaders
 * @property {boolean} gzip
 * @property {number} delayMs
 * @property {number} tokenDelayMs
 * @property {TokenKnobs} token
 * @property {{ header: string | null, keyFile: string | null }} managed  App Service's header; Arc's key file, which makes it an Arc server
 *
 * @typedef {import('./faults.mjs').Fault & { left: number, passing: number, struck: number }} LoadedFault
 */

/** @returns {Settings} */
const defaults = () => ({
  wrapped: false, encoding: null, history: null, unsorted: false, twoAccounts: false, equalDates: false, noZone: false,
  fractionDigits: 7, noPasswordStyle: '404', readBasicItem: true, strictHeaders: false, gzip: true, delayMs: 0, tokenDelayMs: 0,
  token: { expiresIn: null, roles: null }, managed: { header: null, keyFile: null },
});

const isCount = (/** @type {any} */ v) => Number.isInteger(v) && v >= 0;
const isFlag = (/** @type {any} */ v) => typeof v === 'boolean';
/** @param {...any} values */
const oneOf = (...values) => (/** @type {any} */ v) => values.includes(v);

/** @type {Record<string, (value: any) => boolean>} */
const VALID = {
  wrapped: isFlag, unsorted: isFlag, twoAccounts: isFlag, equalDates: isFlag, noZone: isFlag, readBasicItem: isFlag,
  strictHeaders: isFlag, gzip: isFlag,
  encoding: oneOf(null, 'utf8', 'utf8-bom', 'utf16le', 'utf16le-bom', 'odd'),
  noPasswordStyle: oneOf('404', '204', 'empty', 'noCredentials', 'null', 'array', 'braces'),
  history: (v) => v === null || (isCount(v) && v <= 1000),
  fractionDigits: (v) => isCount(v) && v <= 7,
  delayMs: isCount, tokenDelayMs: isCount,
  managed: (v) => v !== null && typeof v === 'object' && Object.keys(v).every((key) => ['header', 'keyFile'].includes(key)),
  token: (v) => v !== null && typeof v === 'object' && Object.keys(v).every((key) => ['expiresIn', 'roles'].includes(key)),
};

export class Knobs {
  constructor() {
    this.settings = defaults();
    /** @type {LoadedFault[]} */
    this.faults = [];
  }

  reset() {
    this.settings = defaults();
    this.faults = [];
  }

  /**
   * Settings are merged. `faults` replaces all faults, `fault` adds one.
   * @param {Partial<Settings> & { faults?: import('./faults.mjs').Fault[], fault?: import('./faults.mjs').Fault }} changes
   */
  set(changes) {
    const { faults, fault, ...settings } = changes;
    for (const [name, value] of Object.entries(settings)) {
      if (!VALID[name]) throw new TypeError(`no knob '${name}'; there are ${Object.keys(VALID).join(', ')}, faults, fault`);
      if (!VALID[name](value)) throw new TypeError(`knob '${name}' cannot be ${JSON.stringify(value)}`);
    }
    const added = [...(faults ?? []), ...(fault ? [fault] : [])].map(load);
    const { token, managed, ...rest } = settings;
    Object.assign(this.settings, rest);
    if (managed) Object.assign(this.settings.managed, managed);
    if (token) Object.assign(this.settings.token, token);
    if (faults) this.faults = added;
    else this.faults.push(...added);
  }

  /**
   * The fault that strikes a request, and one time less of it.
   * @param {string} line  method, blank, path with query
   * @returns {LoadedFault | null}
   */
  strike(line) {
    for (const fault of this.faults) {
      if (fault.left === 0 || !matches(fault.match ?? '', line)) continue;
      if (fault.passing > 0) {
        fault.passing--;
        continue;
      }
      fault.left--;
      fault.struck++;
      return fault;
    }
    return null;
  }
}

/** @param {import('./faults.mjs').Fault} fault @returns {LoadedFault} */
function load(fault) {
  const { match = '', kind, times, skip = 0, ...fields } = fault;
  const known = FAULT_KINDS[kind];
  if (!known) throw new TypeError(`no fault '${kind}'; there are ${Object.keys(FAULT_KINDS).join(', ')}`);
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) throw new TypeError(`fault '${kind}' has no member '${name}'`);
  }
  if (typeof match !== 'string') throw new TypeError('match is a text, or re: and a regular expression');
  if (match.startsWith('re:')) new RegExp(match.slice(3));
  return { ...fault, match, left: times ?? Infinity, passing: skip, struck: 0 };
}

/** A text matches where it stands in the line; percent-encoding of the line is undone first. @param {string} match @param {string} line */
function matches(match, line) {
  const plain = line.replace(/%([2-7][0-9a-f])/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return match.startsWith('re:') ? new RegExp(match.slice(3)).test(plain) : plain.includes(match);
}

// @ts-check
/** The $filter expressions that Entra's directory accepts: parsed, checked against what each property supports, evaluated. */
import { refuse } from './answers.mjs';

/**
 * @typedef {object} Filterable
 * @property {'string' | 'boolean' | 'date'} type
 * @property {string[]} operators
 *
 * @typedef {object} Filter
 * @property {(item: any) => boolean} matches
 * @property {string | null} advanced  the operator that needs ConsistencyLevel: eventual and $count=true, if one does
 */

/** Names that Graph's messages give the operators. */
const MATCHES = { ne: 'NotEqualsMatch', not: 'Not', endswith: 'EndsWithMatch' };

const TOKEN = /\s*(?:('(?:[^']|'')*')|(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?)|([A-Za-z_][A-Za-z0-9_/]*)|(-?\d+)|([(),]))/y;

/** Clauses joined by `or` in one filter. */
const MOST_ALTERNATIVES = 15;

/** @param {string} text @returns {{ text: string, at: number }[]} */
function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw refuse.badUri(`Invalid filter clause: Syntax error at position ${at} in '${text}'.`);
    found.push({ text: match[0].trim(), at });
  }
  return found;
}

/** The directory compares without regard to case. @param {any} value */
const fold = (value) => (typeof value === 'string' ? value.toLowerCase() : value);

/** @type {Record<string, (left: any, right: any) => boolean>} */
const COMPARE = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  ge: (a, b) => a !== null && a >= b,
  le: (a, b) => a !== null && a <= b,
  startswith: (a, b) => a !== null && a.startsWith(b),
  endswith: (a, b) => a !== null && a.endsWith(b),
};

class Parser {
  /** @param {string} text @param {Record<string, Filterable>} properties @param {string} resource */
  constructor(text, properties, resource) {
    this.text = text;
    this.tokens = tokens(text);
    this.next = 0;
    this.properties = properties;
    this.resource = resource;
    /** @type {string | null} */
    this.advanced = null;
    this.alternatives = 0;
  }

  /** @param {string} [wanted] @returns {string} */
  take(wanted) {
    const token = this.tokens[this.next++];
    if (!token || (wanted && token.text.toLowerCase() !== wanted)) {
      throw refuse.badUri(`Invalid filter clause: Syntax error at position ${token?.at ?? this.text.length} in '${this.text}'.`);
    }
    return token.text;
  }

  /** @param {string} wanted */
  peek(wanted) {
    return this.tokens[this.next]?.text.toLowerCase() === wanted;
  }

  /** @returns {(item: any) => boolean} */
  or() {
    let left = this.and();
    while (this.peek('or')) {
      this.take();
      this.alternatives ||= 1;
      this.alternatives++;
      const [a, b] = [left, this.and()];
      left = (item) => a(item) || b(item);
    }
    return left;
  }

  /** @returns {(item: any) => boolean} */
  and() {
    let left = this.term();
    while (this.peek('and')) {
      this.take();
      const [a, b] = [left, this.term()];
      left = (item) => a(item) && b(item);
    }
    return left;
  }

  /** @returns {(item: any) => boolean} */
  term() {
    if (this.peek('not')) {
      this.take();
      this.advanced ??= 'not';
      const inner = this.term();
      return (item) => !inner(item);
    }
    if (this.peek('(')) {
      this.take();
      const inner = this.or();
      this.take(')');
      return inner;
    }
    const word = this.take();
    return this.peek('(') ? this.call(word) : this.comparison(word);
  }

  /** @param {string} name */
  call(name) {
    const operator = name.toLowerCase();
    if (!['startswith', 'endswith', 'contains'].includes(operator)) {
      throw refuse.badUri(`An unknown function with name '${name}' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.`);
    }
    this.take('(');
    const property = this.take();
    this.take(',');
    const literal = this.take();
    this.take(')');
    return this.compare(property, operator, literal);
  }

  /** @param {string} property */
  comparison(property) {
    const operator = this.take().toLowerCase();
    if (operator === 'in') {
      this.take('(');
      const tests = [this.compare(property, 'in', this.take())];
      while (this.peek(',')) {
        this.take();
        tests.push(this.compare(property, 'in', this.take()));
      }
      this.take(')');
      return (/** @type {any} */ item) => tests.some((test) => test(item));
    }
    if (!['eq', 'ne', 'ge', 'le', 'gt', 'lt'].includes(operator)) {
      throw refuse.badUri(`Invalid filter clause: Syntax error: '${operator}' in '${this.text}'.`);
    }
    return this.compare(property, operator, this.take());
  }

  /** @param {string} property @param {string} operator @param {string} literal */
  compare(property, operator, literal) {
    const known = this.properties[property];
    if (!known?.operators.includes(operator)) {
      throw refuse.unsupported(`Unsupported or invalid query filter clause specified for property '${property}' of resource '${this.resource}'.`);
    }
    if (operator in MATCHES) this.advanced ??= operator;
    const wanted = this.value(literal, known.type);
    const test = COMPARE[operator === 'in' ? 'eq' : operator];
    const read = known.type === 'date' ? (/** @type {any} */ v) => (v ? Date.parse(v) : null) : fold;
    return (/** @type {any} */ item) => test(read(item[property] ?? null), wanted);
  }

  /** @param {string} literal @param {Filterable['type']} type */
  value(literal, type) {
    if (literal === 'null') return null;
    if (type === 'string' && literal.startsWith("'")) return fold(literal.slice(1, -1).replaceAll("''", "'"));
    if (type === 'boolean' && /^(true|false)$/.test(literal)) return literal === 'true';
    if (type === 'date' && /^\d{4}-/.test(literal)) return Date.parse(literal);
    throw refuse.badUri(`A binary operator with incompatible types was detected. Found operand types 'Edm.${
      { string: 'String', boolean: 'Boolean', date: 'DateTimeOffset' }[type]}' and '${literal}' in '${this.text}'.`);
  }
}

/**
 * @param {string} text @param {Record<string, Filterable>} properties @param {string} resource as messages name it
 * @returns {Filter}
 */
export function parseFilter(text, properties, resource) {
  const parser = new Parser(text, properties, resource);
  const matches = parser.or();
  if (parser.next < parser.tokens.length) parser.take('');
  if (parser.alternatives > MOST_ALTERNATIVES) {
    throw refuse.unsupported(`Too many child clauses specified in search filter expression containing 'OR' operators: ${parser.alternatives}. Max allowed: ${MOST_ALTERNATIVES}.`);
  }
  return { matches, advanced: parser.advanced };
}

/** @param {string} operator */
export const advancedOnly = (operator) => refuse.unsupported(
  `Operator: '${MATCHES[/** @type {keyof typeof MATCHES} */ (operator)]}' is not supported because the required parameters might be missing. `
  + 'Try adding $count=true query parameter and ConsistencyLevel:eventual header. '
  + 'Refer to https://aka.ms/graph-docs/advanced-queries for more information');

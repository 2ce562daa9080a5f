// @ts-check
/** OData system query options over a list of entities, with the refusals of Entra's directory. */
import { createHash } from 'node:crypto';
import { GraphError, refuse } from './answers.mjs';
import { advancedOnly, parseFilter } from './odata-filter.mjs';

/**
 * @typedef {object} Queryable  what a collection supports
 * @property {string} type             schema type, without namespace
 * @property {string} resource         as messages name it
 * @property {string[]} selectable
 * @property {Record<string, import('./odata-filter.mjs').Filterable>} filterable
 * @property {string[]} sortable
 * @property {string[]} searchable
 * @property {boolean} directory       sorting and searching need ConsistencyLevel: eventual
 * @property {string[]} always         properties that come whether selected or not
 * @property {Record<string, Queryable>} [expandable]  relations that `$expand` takes along; not in an advanced query
 *
 * @typedef {object} Page
 * @property {any[]} value
 * @property {number} [count]
 * @property {string} [nextLink]
 */

const KNOWN = ['$select', '$filter', '$search', '$orderby', '$top', '$skip', '$count', '$skiptoken', '$expand', '$format'];

/** @param {string} query without the question mark @returns {Map<string, string>} */
export function parseQuery(query) {
  const options = new Map();
  for (const part of query.split('&').filter(Boolean)) {
    const at = part.indexOf('=');
    const decode = (/** @type {string} */ text) => {
      try {
        return decodeURIComponent(text.replaceAll('+', ' '));
      } catch {
        throw refuse.badUri('Malformed percent-encoding in the query.');
      }
    };
    const name = decode(at < 0 ? part : part.slice(0, at)).toLowerCase();
    if (options.has(name) && name.startsWith('$')) {
      throw refuse.badUri(`Query option '${name}' was specified more than once, but it must be specified at most once.`);
    }
    if (name.startsWith('$') && !KNOWN.includes(name)) throw refuse.badUri(`The query parameter '${name}' is not supported.`);
    options.set(name, at < 0 ? '' : decode(part.slice(at + 1)));
  }
  return options;
}

/** Words as Graph's index splits them: at spaces, symbols, between letters and digits, from lower to upper case. @param {string} text */
export const searchTokens = (text) =>
  text.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/(\p{L})(\p{N})/gu, '$1 $2').replace(/(\p{N})(\p{L})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}\p{M}]+/u).filter(Boolean).map((token) => token.toLowerCase());

/** @param {string} text @param {string[]} searchable @returns {(item: any) => boolean} */
function parseSearch(text, searchable) {
  const clause = /\s*"((?:[^"\\]|\\["\\])*)"\s*(AND|OR)?/y;
  /** @type {((item: any) => boolean) | null} */
  let matches = null;
  let joiner = 'AND';
  while (clause.lastIndex < text.trimEnd().length) {
    const at = clause.lastIndex;
    const found = clause.exec(text);
    const [, property, words] = /^(\w+):([\s\S]*)$/.exec(found?.[1].replace(/\\(["\\])/g, '$1') ?? '') ?? [];
    if (!found || words === undefined) throw refuse.badUri(`Syntax error: character '${text[at]}' is not valid at position ${at} in '${text}'.`);
    if (!searchable.includes(property)) throw refuse.unsupported(`Unsupported Query.`);
    const wanted = searchTokens(words);
    const test = (/** @type {any} */ item) => {
      const has = searchTokens(item[property] ?? '');
      return wanted.length > 0 && wanted.every((word) => has.some((token) => token.startsWith(word)));
    };
    const before = /** @type {((item: any) => boolean) | null} */ (matches);
    matches = !before ? test : joiner === 'OR' ? (item) => before(item) || test(item) : (item) => before(item) && test(item);
    joiner = found[2] ?? '';
    if (!joiner) break;
  }
  if (!matches || joiner || clause.lastIndex < text.trimEnd().length) throw refuse.badUri(`Syntax error in $search '${text}'.`);
  return matches;
}

/** @param {string | undefined} text @param {Queryable} of @returns {string[] | null} names, null for all */
export function parseSelect(text, { selectable, type }) {
  if (text === undefined) return null;
  return text.split(',').map((name) => name.trim()).map((name) => {
    if (!selectable.includes(name)) {
      throw refuse.badUri(`Parsing OData Select and Expand failed: Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`);
    }
    return name;
  });
}

/** @param {any} entity @param {string[] | null} names @param {string[]} [always] */
export function select(entity, names, always = []) {
  if (!names) return entity;
  const kept = Object.keys(entity).filter((name) => name.startsWith('@odata.') || always.includes(name) || names.includes(name));
  return Object.fromEntries(kept.map((name) => [name, entity[name]]));
}

/** @param {string} text @param {Queryable} of @returns {(a: any, b: any) => number} */
function parseOrder(text, { sortable, directory }) {
  const [, property, direction] = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/i.exec(text) ?? [];
  if (!property || !sortable.includes(property)) {
    throw directory ? refuse.unsupported('Sorting not supported for current query.') : refuse.badUri(`Cannot sort by '${text}'.`);
  }
  const sign = direction?.toLowerCase() === 'desc' ? -1 : 1;
  const key = (/** @type {any} */ item) => String(item[property] ?? '').toLowerCase();
  return (a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : 0);
}

/** @param {Map<string, string>} options */
function pageSize(options) {
  const text = options.get('$top');
  if (text === undefined) return 100;
  if (!/^\d+$/.test(text)) throw refuse.badUri(`Invalid value '${text}' for $top query option found. The $top query option requires a non-negative integer value.`);
  if (Number(text) < 1 || Number(text) > 999) {
    throw refuse.unsupported(`Invalid page size specified: '${text}'. Must be between 1 and 999 inclusive.`);
  }
  return Number(text);
}

/** What a page token belongs to: it is worth nothing with other options. @param {string} path @param {Map<string, string>} options */
function fingerprint(path, options) {
  const rest = [...options].filter(([name]) => name !== '$skiptoken').sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify([path.toLowerCase(), rest])).digest('base64url').slice(0, 22);
}

/** @param {string | undefined} token @param {string} print */
function readSkipToken(token, print) {
  if (token === undefined) return 0;
  const [offset, of] = Buffer.from(token, 'base64url').toString().split('.');
  if (of !== print || !/^\d+$/.test(offset)) {
    throw new GraphError(400, 'Directory_ExpiredPageToken', 'The specified page token value has expired and can no longer be included in your request.');
  }
  return Number(offset);
}

/** @param {Map<string, string>} options @param {Queryable} of @param {boolean} eventual */
function checkSupport(options, of, eventual) {
  if (options.has('$expand') && (eventual || ['$search', '$orderby', '$count'].some((name) => options.has(name)))) throw refuse.unsupported('Unsupported Query.');
  if (options.has('$skip')) throw refuse.badRequest("'$skip' is not supported by the service.");
  if (!of.directory) return;
  if (options.has('$search') && !eventual) {
    throw refuse.unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'");
  }
  if (options.has('$orderby') && !(eventual && (options.has('$search') || isTrue(options.get('$count'))))) {
    throw refuse.unsupported('Sorting not supported for current query.');
  }
}

/**
 * One relation, with or without `$select` inside.
 * @param {string | undefined} text @param {Queryable} of
 * @returns {{ relation: string, names: string[] | null } | null}
 */
export function parseExpand(text, of) {
  if (text === undefined) return null;
  const [, relation = '', names] = /^(\w+)(?:\(\$select=([\w,]+)\))?$/.exec(text) ?? [];
  const target = of.expandable?.[relation];
  if (!target) throw refuse.unsupported('Unsupported Query.');
  return { relation, names: parseSelect(names, target) };
}

/** @param {string | undefined} text */
export const isTrue = (text) => text?.toLowerCase() === 'true';

/**
 * @param {any[]} items       whole entities
 * @param {Queryable} of
 * @param {object} request
 * @param {Map<string, string>} request.options
 * @param {boolean} request.eventual  the request has ConsistencyLevel: eventual
 * @param {string} request.link       absolute URL of the collection, for the next page
 * @returns {Page}
 */
export function query(items, of, { options, eventual, link }) {
  checkSupport(options, of, eventual);
  const names = parseSelect(options.get('$select'), of);
  const expanded = parseExpand(options.get('$expand'), of);
  const always = expanded ? [...of.always, expanded.relation] : of.always;
  const size = pageSize(options);
  let found = [...items];
  const filter = options.get('$filter');
  if (filter !== undefined) {
    const { matches, advanced } = parseFilter(filter, of.filterable, of.resource);
    if (of.directory && advanced && !(eventual && isTrue(options.get('$count')))) throw advancedOnly(advanced);
    found = found.filter(matches);
  }
  const search = options.get('$search');
  if (search !== undefined) found = found.filter(parseSearch(search, of.searchable));
  const order = options.get('$orderby');
  // No order is promised without $orderby: that of the object ids is as good as Microsoft's, and as useless.
  found.sort(order !== undefined ? parseOrder(order, of) : (a, b) => (a.id < b.id ? -1 : 1));
  const print = fingerprint(new URL(link).pathname, options);
  const start = readSkipToken(options.get('$skiptoken'), print);
  /** @type {Page} */
  const page = { value: found.slice(start, start + size).map((item) => select(item, names, always)) };
  if (isTrue(options.get('$count')) && (eventual || !of.directory) && start === 0) page.count = found.length;
  if (start + size < found.length) page.nextLink = nextLink(link, options, `${start + size}.${print}`);
  return page;
}

/** @param {string} link @param {Map<string, string>} options @param {string} state */
export function nextLink(link, options, state) {
  const rest = [...options].filter(([name]) => name !== '$skiptoken').map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${link}?${[...rest, `$skiptoken=${Buffer.from(state).toString('base64url')}`].join('&')}`;
}

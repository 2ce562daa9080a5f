// @ts-check
/** Searches files, directories and texts for a secret in every coat it could wear. */
import fs from 'node:fs';
import path from 'node:path';

/**
 * base64 of a text within a longer text begins at one of three alignments; only
 * the characters that depend on the secret alone are searched for.
 * @param {Buffer} bytes
 */
function base64Forms(bytes) {
  const forms = [];
  for (let shift = 0; shift < 3; shift++) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replace(/=+$/, '');
    const whole = Math.floor(((shift + bytes.length) * 8) / 6);
    const core = text.slice(Math.ceil((shift * 8) / 6), whole);
    forms.push(core, core.replace(/\+/g, '-').replace(/\//g, '_'));
  }
  return forms;
}

/** @param {string} secret */
function utf16(secret) {
  const le = Buffer.from(secret, 'utf16le');
  return { le, be: Buffer.from(le).swap16() };
}

/** @param {string} secret */
const jsonEscaped = (secret) => JSON.stringify(secret).slice(1, -1);

/** @param {string} secret */
const unicodeEscaped = (secret) => jsonEscaped(secret)
  .replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * @param {string} secret at least six characters: shorter ones are found by accident
 * @returns {{ form: string, bytes: Buffer }[]}
 */
export function disguises(secret) {
  if (secret.length < 6) throw new Error('a canary needs at least six characters');
  const utf8 = Buffer.from(secret);
  const { le, be } = utf16(secret);
  const percent = encodeURIComponent(secret);
  const every = [...utf8].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('');
  /** @type {[string, string | Buffer][]} */
  const all = [
    ['text', utf8], ['UTF-16LE', le], ['UTF-16BE', be],
    ['hex', utf8.toString('hex')], ['HEX', utf8.toString('hex').toUpperCase()],
    ['hex of UTF-16LE', le.toString('hex')], ['HEX of UTF-16LE', le.toString('hex').toUpperCase()],
    ['URL', percent], ['url', percent.replace(/%../g, (c) => c.toLowerCase())], ['form', percent.replace(/%20/g, '+')],
    ['URL, every byte', every], ['URL, every BYTE', every.toUpperCase()],
    ['JSON', jsonEscaped(secret)], ['JSON, ASCII', unicodeEscaped(secret)],
    ['JSON with slashes', jsonEscaped(secret).replace(/\//g, '\\/')],
    ['HTML', secret.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')],
    // as ap_escape_logitem writes it
    ['log', secret.replace(/\\/g, '\\\\').replace(/"/g, '\\"')],
    ['log bytes', [...utf8].map((b) => (b > 126 || b < 32 ? `\\x${b.toString(16).padStart(2, '0')}` : String.fromCharCode(b))).join('')],
  ];
  for (const form of base64Forms(utf8)) all.push(['base64', form]);
  for (const form of base64Forms(le)) all.push(['base64 of UTF-16LE', form]);
  const seen = new Set();
  return all.map(([form, value]) => ({ form, bytes: Buffer.from(value) }))
    .filter(({ bytes }) => !seen.has(bytes.toString('latin1')) && seen.add(bytes.toString('latin1')));
}

/**
 * Where a secret stands in a text.
 * @param {string} name of the secret, for the message @param {string} secret
 * @param {string} where @param {string | Buffer} content
 */
export function findSecret(name, secret, where, content) {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
  return disguises(secret)
    .filter((disguise) => bytes.includes(disguise.bytes))
    .map(({ form }) => `${name} as ${form} in ${where}`);
}

/** Every regular file below a path, the path itself included. @param {string} root @returns {string[]} */
export function filesBelow(root) {
  const stat = fs.lstatSync(root, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isFile()) return [root];
  if (!stat.isDirectory()) return [];
  return fs.readdirSync(root).flatMap((name) => filesBelow(path.join(root, name)));
}

/**
 * @param {Record<string, string>} secrets name to value
 * @param {string[]} roots files and directories
 * @param {(file: string) => boolean} [skip] files that hold the secret on purpose
 * @returns {string[]} one line for each find
 */
export function findSecretsInFiles(secrets, roots, skip = () => false) {
  const found = [];
  for (const file of roots.flatMap(filesBelow).filter((f) => !skip(f))) {
    const content = fs.readFileSync(file);
    for (const [name, secret] of Object.entries(secrets)) found.push(...findSecret(name, secret, file, content));
  }
  return found;
}

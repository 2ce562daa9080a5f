// @ts-check
/** Reads the audit trail from the SQLite store, as an auditor would: read-only, with the sqlite3 command. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ZERO_HASH = '0'.repeat(64);

/** @param {string} file @param {string} sql @returns {Promise<any[]>} rows */
export async function query(file, sql) {
  const { stdout } = await run('sqlite3', ['-readonly', '-bail', '-json', '-cmd', '.timeout 5000', file, sql],
    { maxBuffer: 1 << 28 });
  return stdout.trim() ? JSON.parse(stdout) : [];
}

/** The records of the trail, oldest first. @param {string} file @param {number} [after] only those with a higher seq @returns {Promise<any[]>} */
export async function readRecords(file, after = 0) {
  const rows = await query(file, `SELECT body FROM record WHERE seq > ${Number(after)} ORDER BY seq`);
  return rows.map((row) => JSON.parse(row.body));
}

/** The highest sequence number, 0 for an empty trail. @param {string} file */
export async function lastSeq(file) {
  return (await query(file, 'SELECT coalesce(max(seq), 0) AS seq FROM record'))[0].seq;
}

/**
 * RFC 8785 for the values of a record: JSON.stringify writes strings and whole
 * numbers as the RFC asks, members are sorted by their UTF-16 code units.
 * @param {any} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new Error(`number that is not whole: ${value}`);
    return JSON.stringify(value);
  }
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

/** The hash a record must carry. @param {any} record */
export function recordHash(record) {
  const { hash: _, anchor: __, ...rest } = record;
  return createHash('sha256').update(record.prev + canonical(rest)).digest('hex');
}

/** What is wrong with a chain of records, oldest first; nothing when it holds. @param {any[]} records @returns {string[]} */
export function chainProblems(records) {
  const problems = [];
  let prev = ZERO_HASH;
  records.forEach((record, index) => {
    if (record.seq !== index + 1) problems.push(`record ${index + 1} has seq ${record.seq}`);
    if (record.prev !== prev) problems.push(`record ${record.seq}: prev is not the hash before it`);
    if (record.hash !== recordHash(record)) problems.push(`record ${record.seq}: hash does not fit`);
    prev = record.hash;
  });
  return problems;
}

/**
 * Takes the write lock of the store as a foreign program could, until released.
 * @param {string} file
 */
export async function lockStore(file) {
  const child = spawn('sqlite3', ['-bail', '-cmd', '.timeout 5000', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdin.write("BEGIN IMMEDIATE;\nSELECT 'locked';\n");
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => String(chunk).includes('locked') && resolve(undefined));
    child.once('exit', () => reject(new Error('sqlite3 could not lock the store')));
  });
  return {
    async release() {
      child.stdin.end('ROLLBACK;\n');
      await ended;
    },
  };
}

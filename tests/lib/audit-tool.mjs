// @ts-check
/** amlaps-audit of this build, as an auditor or an operator runs it. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { CHECKOUT } from './paths.mjs';

export const AUDIT = process.env.AMLAPS_AUDIT ?? path.join(CHECKOUT, 'build/amlaps-audit');

/**
 * @param {string[]} words
 * @param {string} [input] for its standard input
 * @returns {Promise<{ code: number | null, out: string, err: string }>}
 */
export function audit(words, input = '') {
  return new Promise((resolve, reject) => {
    const child = spawn(AUDIT, words, { stdio: 'pipe' });
    const result = { code: /** @type {number | null} */ (null), out: '', err: '' };
    child.stdout.on('data', (chunk) => { result.out += chunk; });
    child.stderr.on('data', (chunk) => { result.err += chunk; });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...result, code }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

// @ts-check
/** Where things lie: the checkout and the httpd of this machine. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHECKOUT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** `AMLAPS_MODULE` lets other builds (sanitizers) run the same tests. */
export const MODULE = process.env.AMLAPS_MODULE ?? path.join(CHECKOUT, 'build/mod_amlaps.so');
export const HTDOCS = path.join(CHECKOUT, 'htdocs');

const SEARCH = [...(process.env.PATH ?? '').split(':').filter(Boolean), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** @param {...string} names @returns {string | undefined} */
export function findCommand(...names) {
  for (const name of names) {
    for (const dir of SEARCH) {
      const file = path.join(dir, name);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/** @type {{ httpd: string, modules: string, builtIn: Set<string> } | undefined} */
let found;

/** httpd, the directory of its modules and the modules it has built in. */
export function httpdInstallation() {
  if (found) return found;
  const httpd = process.env.AMLAPS_HTTPD ?? findCommand('apache2', 'httpd');
  if (!httpd) throw new Error('neither apache2 nor httpd is installed: run tests/deps.sh check');
  const apxs = findCommand('apxs', 'apxs2');
  const modules = process.env.AMLAPS_HTTPD_MODULES
    ?? (apxs ? execFileSync(apxs, ['-q', 'LIBEXECDIR'], { encoding: 'utf8' }).trim() : '/usr/lib/apache2/modules');
  const builtIn = new Set([...execFileSync(httpd, ['-l'], { encoding: 'utf8' }).matchAll(/^\s*mod_(\w+)\.c$/gm)].map((m) => m[1]));
  found = { httpd, modules, builtIn };
  return found;
}

/** Children of an httpd that root starts run as this user. */
export const CHILD_USER = process.env.AMLAPS_HTTPD_USER ?? 'www-data';

// @ts-check
/** What tests of `apachectl configtest` write again and again: pieces of a configuration, and cases that are accepted or refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

export const ID = '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11';
export const CLIENT = '535fb089-9ff3-47b6-9bfb-4f1264799865';
export const SECRET = 'AMLapsClientSecret file:{root}/secret/good';
export const STORE = 'AMLapsStore sqlite3:{root}/state/amlaps.db\nAMLapsHtdocs {root}/htdocs';
/** What SECRET reads, to be put among the files of the httpd. */
export const SECRET_FILE = { 'secret/good': { content: 'a~secret\n', mode: 0o400 } };

/** @param {string} lines @param {string} [name] */
export const bare = (lines, name = 'contoso') => `<AMLapsTenant ${name}>\n${lines}\n</AMLapsTenant>\n`;
/** @param {string} [lines] @param {string} [name] */
export const tenant = (lines = '', name = 'contoso') => bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\n${SECRET}\n${lines}`, name);
/** @param {string} lines @param {string} [head] */
export const rule = (lines, head = '"London helpdesk"') => `<AMLapsRule ${head}>\n${lines}\n</AMLapsRule>\n`;

/** @param {() => import('./httpd.mjs').Httpd} httpd which there is once the tests run */
export function casesOf(httpd) {
  /** With a store where the lines name none. @param {string} lines @param {...string} more arguments of httpd */
  async function configtest(lines, ...more) {
    httpd().configure({ amlaps: lines.includes('AMLapsStore ') ? lines : `${lines}\n${STORE}` });
    return httpd().configtest(...more);
  }

  /** @param {string} name @param {string} lines */
  function accepts(name, lines) {
    test(name, async () => {
      const { ok, output } = await configtest(lines);
      assert.ok(ok, output);
      assert.match(output, /Syntax OK/);
    });
  }

  /** @param {string} name @param {string} lines @param {RegExp[]} patterns all of which the message must match */
  function refuses(name, lines, ...patterns) {
    test(name, async () => {
      const { ok, output, signal } = await configtest(lines);
      assert.equal(signal, null, output);
      assert.ok(!ok, `accepted:\n${lines}`);
      for (const pattern of patterns) assert.match(output, pattern);
      assert.match(output, /httpd\.conf|line \d+/, 'where it stands');
      assert.doesNotMatch(output, /a~secret/, 'the secret itself');
    });
  }

  return { configtest, accepts, refuses };
}

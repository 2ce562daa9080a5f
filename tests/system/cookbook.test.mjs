// @ts-check
/** Every block of configuration in docs/rules.md is what it says: configtest checks its expectations, and each of them can fail. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Httpd } from '../lib/httpd.mjs';
import { CHECKOUT } from '../lib/paths.mjs';

/** @param {string} name */
const tenant = (name) => `<AMLapsTenant ${name}>
  AMLapsTenantId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11
  AMLapsClientId 535fb089-9ff3-47b6-9bfb-4f1264799865
  AMLapsClientSecret file:{root}/secret/good
</AMLapsTenant>`;
const FIRST = [tenant('contoso'), tenant('fabrikam'), 'AMLapsStore sqlite3:{root}/state/amlaps.db', 'AMLapsHtdocs {root}/htdocs', ''].join('\n');
const RECIPES = ['Own device only', 'A region by group', 'Night shift', 'VIP devices denied', 'Contractors', 'Break-glass'];

const page = fs.readFileSync(path.join(CHECKOUT, 'docs/rules.md'), 'utf8');

/** @typedef {{ heading: string, marked: boolean, text: string }} Block */

/** The blocks of configuration, each with the heading above it. @returns {Block[]} */
function blocks() {
  let heading = '';
  /** @type {Block[]} */
  const found = [];
  /** @type {Block | undefined} */
  let open;
  for (const line of page.split('\n')) {
    const fence = /^```(.*)$/.exec(line);
    if (open && fence) {
      open = undefined;
    } else if (open) {
      open.text += `${line}\n`;
    } else if (fence && /\S/.test(fence[1])) {
      open = { heading, marked: fence[1] === 'apache cookbook', text: '' };
      if (fence[1].startsWith('apache')) found.push(open);
    } else {
      heading = /^#+ (.*)/.exec(line)?.[1] ?? heading;
    }
  }
  return found;
}

const EXPECT = /^AMLapsExpect (allow|deny) /gm;
/** @param {string} text @param {number} which */
function flip(text, which) {
  let index = 0;
  return text.replace(EXPECT, (line, verdict) => (index++ === which ? line.replace(verdict, verdict === 'allow' ? 'deny' : 'allow') : line));
}

describe('docs/rules.md', () => {
  /** @type {Httpd} */
  let httpd;
  before(async () => { httpd = await Httpd.create({ env: { TZ: 'UTC' }, files: { 'secret/good': { content: 'x\n', mode: 0o400 } } }); });
  after(() => httpd?.discard());

  /** @param {string} amlaps */
  function configtest(amlaps) {
    httpd.configure({ amlaps: FIRST + amlaps });
    return httpd.configtest();
  }

  test('has all recipes, and every block of configuration is marked to be run', () => {
    const all = blocks();
    for (const recipe of RECIPES) assert.ok(all.some(({ heading }) => heading === recipe), `no example of ${recipe}`);
    assert.deepEqual(all.filter(({ marked }) => !marked), []);
  });

  for (const { heading, text } of blocks()) {
    test(heading, async () => {
      const expectations = text.match(EXPECT) ?? [];
      assert.deepEqual([...new Set(expectations)].map((line) => line.split(' ')[1]).sort(), ['allow', 'deny'], 'both answers are expected');
      const { ok, output } = await configtest(text);
      assert.ok(ok, output);
      // the last day of an example passes in time
      assert.doesNotMatch(output, /AML05(?!03)/);
      for (let i = 0; i < expectations.length; i++) {
        const flipped = await configtest(flip(text, i));
        assert.ok(!flipped.ok, `both answers pass for expectation ${i + 1}`);
        assert.match(flipped.output, /AML0118: .*AMLapsExpect .*: the rules answer (allow|deny) for/);
      }
    });
  }
});

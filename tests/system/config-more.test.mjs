// @ts-check
/** More mistakes that `apachectl configtest` finds: what was once taken in silence. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Httpd } from '../lib/httpd.mjs';

const ID = '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11';
const CLIENT = '535fb089-9ff3-47b6-9bfb-4f1264799865';
const STORE = 'AMLapsStore sqlite3:{root}/state/amlaps.db\nAMLapsHtdocs {root}/htdocs';

/** @param {string} [lines] @param {string} [name] */
const tenant = (lines = '', name = 'contoso') => `<AMLapsTenant ${name}>
AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\nAMLapsClientSecret file:{root}/secret/good\n${lines}\n</AMLapsTenant>\n`;
/** @param {string} lines @param {string} [head] */
const rule = (lines, head = '"London helpdesk"') => `<AMLapsRule ${head}>\n${lines}\n</AMLapsRule>\n`;
const GOOD_RULE = rule('AMLapsDevice name "LON *"\nAMLapsAllow password user "alice@contoso.com"');
const all = tenant() + GOOD_RULE;

/** @type {Httpd} */
let httpd;
before(async () => {
  httpd = await Httpd.create({ files: { 'secret/good': { content: 'a~secret\n', mode: 0o400 } } });
});
after(() => httpd?.discard());

/** @param {string} amlaps @param {...string} more arguments of httpd */
async function configtest(amlaps, ...more) {
  httpd.configure({ amlaps: amlaps.includes('AMLapsStore ') ? amlaps : `${amlaps}\n${STORE}` });
  return httpd.configtest(...more);
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
  });
}

describe('a quoted value of an expectation', () => {
  for (const words of ['user="alice@contoso.com" device="LON 001"', "user='alice@contoso.com' device='LON 001'", '"user=alice@contoso.com" "device=LON 001"',
    'user=alice@contoso.com  device="LON 001" ', 'claim.x="a \\" b" claim.x="" user="alice@contoso.com" device="LON \\\\ 1"']) {
    accepts(words, `${all}AMLapsExpect allow password ${words}`);
  }
  accepts('whose quote stands in the middle', `${all}AMLapsExpect allow password user=alice@contoso.com device="LON 1" claim.x=a"b claim.x=it's`);
  refuses('is the value alone', `${all}AMLapsExpect allow password user="bob@contoso.com" device="LON 001"`, /AML0118: .*no rule grants it/);
  refuses('whose quote never ends', `${all}AMLapsExpect deny password user="alice`, /AMLapsExpect: user="alice has a quote that never ends; write KEY="VALUE"/);
  refuses('whose end is escaped', `${all}AMLapsExpect deny password user='alice\\'`, /AMLapsExpect: .*never ends; .*\\' for a quote/);
  refuses('with its key, whose quote never ends', `${all}AMLapsExpect deny password "user=alice`, /AMLapsExpect: "user=alice has a quote that never ends/);
  refuses('with more behind it', `${all}AMLapsExpect deny password user="alice"@contoso.com`, /AMLapsExpect: user="alice"@\S+ has more right behind its quotes/);
  test('on the command line', async () => {
    const { ok, output } = await configtest(all, '-c', 'AMLapsExplain user="alice@contoso.com" device="LON 001"');
    assert.ok(ok, output);
    assert.match(output, /password +allow by "London helpdesk"/);
    const cut = await configtest(all, '-c', 'AMLapsExplain user=alice@contoso.com device="LON 001');
    assert.ok(!cut.ok, cut.output);
    assert.match(cut.output, /AMLapsExplain: device="LON 001 has a quote that never ends/);
  });
});
